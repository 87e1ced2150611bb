"""The page of a listen link, its player for other sites, and what oEmbed says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse

from mixes.models import Artifact, ShareLink
from mixes.pages.job_page import JobPage
from mixes.pages.sharing import addresses
from mixes.services.sharing.share_pictures import SIZE

CACHE_S = 3600  # for which readers of oEmbed may keep the answer


@dataclass(frozen=True)
class SharePage(JobPage):
    """A result as others see it: title, sound, songs; nothing else of its owner."""

    link: ShareLink

    @property
    def sound(self) -> Artifact | None:
        return self.artifacts.get(Artifact.Kind.MP3) or self.artifacts.get(Artifact.Kind.MP4)

    @property
    def is_video(self) -> bool:
        return Artifact.Kind.MP3 not in self.artifacts

    @property
    def sound_url(self) -> str:
        return reverse("mixes:listen_sound", args=[self.link.key])

    @property
    def url(self) -> str:
        return addresses.share_url(self.link)

    @property
    def picture_url(self) -> str:
        return addresses.picture_url(self.link)

    @property
    def oembed_url(self) -> str:
        return addresses.oembed_url()

    @property
    def artist(self) -> str:
        return str(self.job.snapshot["artist"])


def share_page(link: ShareLink) -> SharePage:
    """Return the page of a link, with one more query."""
    files = {artifact.kind: artifact for artifact in Artifact.objects.filter(job=link.job)}
    return SharePage(link.job, files, link)


def oembed_of(link: ShareLink, most: Mapping[str, int]) -> dict[str, Any]:
    """Return what oEmbed 1.0 says of a link; `most` may have the largest `maxwidth` and `maxheight`."""
    width, height = addresses.EMBED_SIZE
    size = (min(width, most.get("maxwidth", width)), min(height, most.get("maxheight", height)))
    artist = str(link.job.snapshot["artist"])
    return {
        "version": "1.0",
        "type": "rich",
        "provider_name": "Mixtape",
        "provider_url": settings.SITE_URL,
        "title": link.job.title,
        **({"author_name": artist} if artist else {}),
        "html": addresses.embed_code(link, link.job.title, size),
        "width": size[0],
        "height": size[1],
        "thumbnail_url": addresses.picture_url(link),
        "thumbnail_width": SIZE[0],
        "thumbnail_height": SIZE[1],
        "cache_age": CACHE_S,
    }
