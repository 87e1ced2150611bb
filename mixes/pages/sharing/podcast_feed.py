"""The podcast feed of a show as RSS 2.0, with the elements of Apple and of Podcasting 2.0."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.feedgenerator import Enclosure, Rss201rev2Feed
from django.utils.html import linebreaks
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator

from mixes.models import Artifact, Show
from mixes.services.rendering.artifacts import CONTENT_TYPES
from mixes.services.sharing.feed_pictures import picture_of
from mixes.services.sharing.feeds import Feed, FeedEpisode

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"
GUIDS = UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")  # for all podcasts, fixed by Podcasting 2.0
CATEGORY = "Music"
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class PodcastFeed(Rss201rev2Feed):
    """Django's RSS with what podcast apps read beside it."""

    content_type = "application/rss+xml; charset=utf-8"

    def rss_attributes(self) -> dict[str, str]:
        return {**super().rss_attributes(), "xmlns:itunes": ITUNES, "xmlns:podcast": PODCAST}

    def latest_post_date(self) -> datetime:
        changed_at: datetime = self.feed["changed_at"]
        return changed_at

    def add_root_elements(self, handler: SimplerXMLGenerator) -> None:
        super().add_root_elements(handler)
        handler.addQuickElement("itunes:author", self.feed["author"])
        handler.addQuickElement("itunes:image", attrs={"href": self.feed["image"]})
        handler.addQuickElement("itunes:category", attrs={"text": CATEGORY})
        handler.addQuickElement("itunes:explicit", self.feed["explicit"])
        handler.addQuickElement("itunes:type", "episodic")
        handler.addQuickElement("itunes:block", "Yes")  # its address is a secret: not for directories
        handler.addQuickElement("podcast:block", "yes")
        handler.addQuickElement("podcast:guid", self.feed["guid"])
        handler.addQuickElement("podcast:medium", "podcast")

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("itunes:explicit", self.feed["explicit"])
        handler.addQuickElement("itunes:episodeType", "full")
        if item["duration"]:
            handler.addQuickElement("itunes:duration", item["duration"])
        if item["number"]:
            handler.addQuickElement("itunes:episode", item["number"])
            handler.addQuickElement("podcast:episode", item["number"])
        if item["image"]:
            handler.addQuickElement("itunes:image", attrs={"href": item["image"]})
        if item["chapters"]:
            kind = CONTENT_TYPES[Artifact.Kind.CHAPTERS]
            handler.addQuickElement("podcast:chapters", attrs={"url": item["chapters"], "type": kind})


def feed_url(show: Show) -> str:
    """Return the address of a show's feed; empty before it was first switched on."""
    return _url("feed", show) if show.feed_key else ""


def feed_xml(feed: Feed) -> str:
    """Return the document. It depends on the feed alone: not on the time, nor on who asks."""
    show = feed.show
    with translation.override(settings.LANGUAGE_CODE):
        rss = PodcastFeed(
            title=_clean(show.name),
            link=settings.SITE_URL,
            description=_clean(show.description) or _("Mixes of %s") % _clean(show.name),
            language=settings.LANGUAGE_CODE,
            feed_url=feed_url(show),
            author=_clean(str(show.preset.get("artist") or show.name)),
            image=_url("feed_picture", show, picture_of(show)),
            explicit="true" if show.explicit else "false",
            guid=str(uuid5(GUIDS, f"mixtape/shows/{show.pk}")),  # not of the address, which may change
            changed_at=feed.changed_at,
        )
        for episode in feed.episodes:
            _add(rss, show, episode)
        return str(rss.writeString("utf-8"))


def _add(rss: PodcastFeed, show: Show, episode: FeedEpisode) -> None:
    sound = _url("feed_sound", show, episode.sound.pk)
    kind = CONTENT_TYPES[Artifact.Kind.MP3]
    rss.add_item(
        title=_clean(episode.title),
        link=sound,
        description=_paragraphs(episode.description),
        pubdate=episode.since,
        unique_id=episode.id.urn,
        unique_id_is_permalink=False,
        enclosures=[Enclosure(sound, str(episode.sound.size), kind)],
        duration=str(round(episode.duration_s)) if episode.duration_s else "",
        number=str(episode.number or ""),
        image=_url("feed_picture", show, episode.picture.pk) if episode.picture else "",
        chapters=_url("feed_chapters", show, episode.chapters.pk) if episode.chapters else "",
    )


def _url(name: str, show: Show, *parts: UUID) -> str:
    return settings.SITE_URL + reverse(f"mixes:{name}", args=[show.feed_key, *parts])


def _paragraphs(text: str) -> str:
    """Return a text as HTML, which is what apps take a description for."""
    words = _clean(text).strip()
    return linebreaks(words, autoescape=True) if words else ""


def _clean(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return NOT_IN_XML.sub("", text)
