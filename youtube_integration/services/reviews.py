"""Owner's answer when it is unknown whether an upload created a video: interrupted, or from a backup."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from mixes.leases import OPEN, State, requeued
from mixes.queues import PUBLISH, wake
from mixes.services.limits import LimitReached
from youtube_integration.google.types import GoogleError, Refused
from youtube_integration.models import HELD, YouTubePublication
from youtube_integration.problems import AFTER_RESTORE
from youtube_integration.services import quotas, video_files
from youtube_integration.services.credentials import api_for
from youtube_integration.services.drafts import video_of
from youtube_integration.services.publications import NO_SESSION, RESTARTED, Phase, grant_of, store_video

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
    columns = RESTARTED | {"phase": Phase.PROCESSING, "video_id": video_id, "offset": publication.size}
    try:
        with transaction.atomic():
            answer_review(publication, columns)
    except IntegrityError:
        raise LimitReached(_("This video belongs to another of your uploads.")) from None


def upload_again(publication: YouTubePublication) -> None:
    """Upload the mix's current video from the beginning, on the owner's word. Raises LimitReached."""
    video = video_of(publication.job) if publication.job else None
    files: dict[str, Any] = {}
    if publication.job and publication.job.is_open:
        files = {"phase": Phase.WAITING_FOR_MIX, "not_before": HELD}
    elif video:
        store_video(publication, video)
        files = {name: getattr(publication, name) for name in ("file", "size", "sha256", "changed_ns")}
    elif not video_files.is_unchanged(publication):
        raise LimitReached(_("Its video was deleted. Make the mix again, then publish that."))
    with transaction.atomic():
        answer_review(publication, RESTARTED | NO_SESSION | files)


def ask_after_restore() -> None:
    """Hold every publication without a video: it may have been uploaded since the backup was made."""
    rows = YouTubePublication.objects.filter(state__in=OPEN, video_id=None)
    rows.update(
        **requeued(),
        phase=Phase.NEEDS_REVIEW,
        not_before=HELD,
        started_at=None,  # one in the future would start the row
        session_opened_at=Coalesce("session_opened_at", "created_at"),
        final_sent_at=Coalesce("final_sent_at", Now()),
        error_code="restored",
        message=str(AFTER_RESTORE),
    )


def answer_review(publication: YouTubePublication, columns: dict[str, Any]) -> None:
    rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED, video_id=None)
    grant = grant_of(publication)
    if not rows.filter(phase=Phase.NEEDS_REVIEW).update(**columns, credential=grant):
        raise LimitReached(_("There is nothing left to answer: see its current state below."))
    wake(PUBLISH)


def check_on_channel(publication: YouTubePublication, video_id: str) -> None:
    """Check that a video is on the channel. Raises LimitReached."""
    credential = grant_of(publication)
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
