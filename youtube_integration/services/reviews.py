"""An owner's answer with the link of the video that an interrupted upload created."""

import re
from urllib.parse import parse_qs, urlsplit

from django.utils.translation import gettext as _

from mixes.services.limits import LimitReached
from publishing import reviews
from publishing.protocol import publisher_of
from publishing.reviews import upload_again
from youtube_integration.google.types import GoogleError, Refused
from youtube_integration.models import YouTubePublication
from youtube_integration.services import quotas
from youtube_integration.services.credentials import api_for

__all__ = ["accept_video", "read_video_id", "upload_again"]

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
ID_IN_PATH = re.compile(r"/(?:shorts/|live/|embed/|video/)?([A-Za-z0-9_-]{11})(?:/|$)")


def read_video_id(link: str) -> str:
    """Return the video id in any form of YouTube link, or "" when there is none."""
    link = link.strip()
    if VIDEO_ID.fullmatch(link):
        return link
    try:
        parts = urlsplit(link if "//" in link else f"https://{link}")
    except ValueError:
        return ""
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("music.")
    if host not in ("youtube.com", "youtu.be", "studio.youtube.com"):
        return ""
    query = parse_qs(parts.query).get("v", [""])[0]
    if VIDEO_ID.fullmatch(query):
        return query
    found = ID_IN_PATH.match(parts.path)
    return found[1] if found else ""


def accept_video(publication: YouTubePublication, link: str) -> None:
    """Record the video that its owner found on the channel as this upload's. Raises LimitReached."""
    video_id = read_video_id(link)
    if not video_id:
        raise LimitReached(_("This is not a link to a video. It looks like https://youtu.be/dQw4w9WgXcQ."))
    quotas.check_query_rate(publication.owner)
    check_on_channel(publication, video_id)
    reviews.accept_result(publication, video_id, _("This video belongs to another of your uploads."))


def check_on_channel(publication: YouTubePublication, video_id: str) -> None:
    """Check that a video is on the channel. Raises LimitReached."""
    credential = publisher_of(publication).grant_of(publication)
    if credential is None:
        raise LimitReached(_("Connect “%s” first, so that it can be looked up.") % publication.channel_title)
    try:
        video = api_for(credential).video(video_id)
    except GoogleError as error:
        if not is_hidden_from_us(error):
            text = _("YouTube did not answer. Nothing was changed: try again in a minute.")
            raise LimitReached(text) from error
        video = None
    if video is None or video.channel_id != publication.channel_id:
        raise LimitReached(_("There is no such video on “%s”.") % publication.channel_title)


def is_hidden_from_us(error: GoogleError) -> bool:
    """Return whether YouTube hid the file details, which it shows to a video's owner only."""
    return isinstance(error, Refused) and error.status in (403, 404)
