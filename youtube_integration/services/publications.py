"""Actions of an owner: publish, edit, cancel, resume. The publish worker does the rest.

Every change of an open row is one conditional UPDATE, so it never overrides a worker that holds the row.
"""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.leases import OPEN, State, ended
from mixes.models import Artifact, Mix, MixJob
from mixes.queues import PUBLISH, wake
from mixes.services.editing.arrangement import change_settings
from mixes.services.editing.edits import edit
from mixes.services.limits import LimitReached
from mixes.services.rendering.mix_requests import request_mix
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import HELD, YouTubeCredential, YouTubePublication
from youtube_integration.services import video_files
from youtube_integration.services.drafts import video_of, will_have_video
from youtube_integration.services.thumbnails import (
    store_thumbnail,
    thumbnail_of,
    thumbnail_path,
)
from youtube_integration.services.video_rules import find_faults

Phase, Extra = YouTubePublication.Phase, YouTubePublication.Extra
# Fields that a row and `VideoDetails` share; tags are a list there and a tuple here
SAME_FIELDS = (
    *("title", "description", "category", "privacy", "publish_at"),
    *("made_for_kids", "altered_content", "notify_subscribers", "playlist"),
)
# Reset when the details or the file change: an upload session opened for the old ones is useless
NO_SESSION: dict[str, Any] = {
    "sealed_session": "",
    "session_opened_at": None,
    "offset": 0,
    "final_sent_at": None,
    "restarts": 0,
    "pace": [],
}
RESTARTED: dict[str, Any] = {
    "phase": Phase.UPLOADING,
    "not_before": None,
    "attempt": 0,
    "failures": 0,
    "failing_since": None,
    "looks": 0,
    "error_code": "",
    "error_text": "",
    "google_reason": "",
    "message": "",
}


def connected_channel(owner: User) -> YouTubeCredential | None:
    return YouTubeCredential.objects.filter(user=owner).first()


def dedupe_key(channel_id: str, job: MixJob) -> str:
    """Return the unique key of open publications: one for each mix on each channel."""
    return f"youtube:{channel_id}:{job.mix_id}"


def open_publication(owner: User, job: MixJob) -> YouTubePublication | None:
    """Return the open publication of this mix on the connected channel, or None."""
    credential = connected_channel(owner)
    key = dedupe_key(credential.channel_id, job) if credential else ""
    return YouTubePublication.objects.filter(dedupe_key=key, state__in=OPEN).first()


def request_publication(
    owner: User,
    job: MixJob,
    details: VideoDetails,
    *,
    thumbnail: bytes = b"",
    description_follows: bool = False,
) -> YouTubePublication:
    """Publish the video of a job once it is made; return the open publication if there is one already.

    With `description_follows` the description is rewritten when a job that is still open has ended.
    Raises LimitReached with the sentence for its owner.
    """
    credential = connected_channel(owner)
    if credential is None:
        raise LimitReached(_("Connect your YouTube channel first."))
    if found := open_publication(owner, job):
        return found
    require_no_faults(details)
    video = require_video(job)
    check_open_publications(owner)
    publication = new_row(credential, job, details)
    publication.description_follows = description_follows and job.is_open
    try:
        save_new(publication, video, thumbnail or thumbnail_of(job))
    except IntegrityError:  # a second request was faster
        return YouTubePublication.objects.get(dedupe_key=publication.dedupe_key, state__in=OPEN)
    return publication


def require_no_faults(details: VideoDetails) -> None:
    """Raise LimitReached with every detail that YouTube would refuse."""
    if faults := find_faults(details):
        raise LimitReached(" ".join(fault.text for fault in faults))


def require_video(job: MixJob) -> Artifact | None:
    """Return the video of a job, or None while it is being made. Raises LimitReached when there is none."""
    video = None if job.is_open else video_of(job)
    if video is None and not (job.is_open and will_have_video(job)):
        raise LimitReached(_("This mix was made without a video. Make it again with an MP4."))
    return video


def check_open_publications(owner: User) -> None:
    """Raise LimitReached at the limit of open publications of a user: each keeps a video on the disk."""
    is_open = YouTubePublication.objects.filter(owner=owner, state__in=OPEN)
    if is_open.count() >= settings.LIMITS.publications_open:
        raise LimitReached(_("Enough videos are being published already. Wait until one is done."))


def new_row(credential: YouTubeCredential, job: MixJob, details: VideoDetails) -> YouTubePublication:
    return YouTubePublication(
        owner_id=job.owner_id,
        queue=PUBLISH,
        credential=credential,
        channel_id=credential.channel_id,
        channel_title=credential.channel_title,
        job=job,
        mix_id=job.mix_id,
        dedupe_key=dedupe_key(credential.channel_id, job),
        **columns_of(details),
    )


def columns_of(details: VideoDetails) -> dict[str, Any]:
    """Return the row's columns for a video's details."""
    same = {name: getattr(details, name) for name in SAME_FIELDS}
    state = Extra.WANTED if details.playlist else Extra.UNWANTED
    return {**same, "tags": list(details.tags), "playlist_state": state}


def details_of(publication: YouTubePublication) -> VideoDetails:
    """Return the video's details from its row."""
    same = {name: getattr(publication, name) for name in SAME_FIELDS}
    return VideoDetails(tags=tuple(publication.tags), **same)


def save_new(publication: YouTubePublication, video: Artifact | None, picture: bytes) -> None:
    """Save a new row and its files, or neither of them."""
    try:
        with transaction.atomic():
            store_thumbnail(publication, picture)
            if video is None:
                publication.phase, publication.not_before = Phase.WAITING_FOR_MIX, HELD
            else:
                store_video(publication, video)
            publication.save(force_insert=True)
            wake(PUBLISH)
    except BaseException:
        video_files.remove(publication)
        raise


def store_video(publication: YouTubePublication, video: Artifact) -> None:
    """Keep the video's file while the publication is open. Raises LimitReached when it was deleted."""
    try:
        video_files.store(publication, video)
    except FileNotFoundError as error:
        raise LimitReached(_("Its video was deleted. Make the mix again, then publish that.")) from error


def can_edit(publication: YouTubePublication) -> bool:
    """Return whether the details can be edited: YouTube has not received them yet."""
    before = publication.is_open and publication.session_opened_at is None
    failed = publication.state == State.FAILED and publication.job_id is not None
    return (before or failed) and publication.final_sent_at is None and not publication.video_id


def edit_and_retry(
    publication: YouTubePublication,
    details: VideoDetails,
    *,
    thumbnail: bytes = b"",
    description_follows: bool = False,
) -> None:
    """Change the details of a publication, and requeue it if it had failed.

    Raises LimitReached with the sentence for its owner.
    """
    require_no_faults(details)
    changes: dict[str, Any] = columns_of(details)
    with transaction.atomic():
        if publication.state == State.FAILED:
            requeue(publication, thumbnail, NO_SESSION | changes)
            return
        if thumbnail:
            store_thumbnail(publication, thumbnail)
            changes |= {name: getattr(publication, name) for name in ("thumbnail", "thumbnail_state")}
        changes["description_follows"] = description_follows and publication.phase == Phase.WAITING_FOR_MIX
        rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED)
        if not rows.filter(session_opened_at=None).update(**changes):
            raise LimitReached(_("The upload has already started, so its details cannot be changed here."))


def can_resume(publication: YouTubePublication) -> bool:
    """Return whether the owner can resume it."""
    if publication.video_id:
        return False
    if publication.state == State.FAILED:
        return publication.job_id is not None
    if publication.phase == Phase.NEEDS_RECONNECT:
        return publication.is_open and grant_of(publication) is not None
    return publication.state == State.QUEUED and publication.phase == Phase.WAITING


def grant_of(publication: YouTubePublication) -> YouTubeCredential | None:
    """Return the grant for the channel of a publication, or None when it is no longer connected."""
    active = YouTubeCredential.objects.filter(state=YouTubeCredential.State.ACTIVE)
    return active.filter(user=publication.owner_id, channel_id=publication.channel_id).first()


def resume(publication: YouTubePublication) -> None:
    """Resume a publication that failed or waits. Raises LimitReached."""
    with transaction.atomic():
        if publication.state == State.FAILED and not publication.video_id:
            requeue(publication, b"", {})
            return
        phases = (Phase.NEEDS_RECONNECT, Phase.WAITING)
        rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED, phase__in=phases)
        if not can_resume(publication) or not rows.update(**RESTARTED, credential=grant_of(publication)):
            raise LimitReached(_("There is nothing to resume: it continues by itself, or it has ended."))
        wake(PUBLISH)


def requeue(publication: YouTubePublication, picture: bytes, changes: dict[str, Any]) -> None:
    """Requeue a failed publication with its files. Raises LimitReached."""
    video = video_of(publication.job) if publication.job else None
    if publication.job is None or video is None:
        raise LimitReached(_("Its video was deleted. Make the mix again, then publish that."))
    if video.sha256 != publication.sha256 and publication.final_sent_at:
        text = _("The mix was made again, and YouTube may have the earlier video. Publish it as a new one.")
        raise LimitReached(text)
    if video.sha256 != publication.sha256:
        changes = NO_SESSION | changes
    check_open_publications(publication.owner)
    if picture or thumbnail_path(publication) is None:
        store_thumbnail(publication, picture or thumbnail_of(publication.job))
    store_video(publication, video)
    files = ("file", "size", "sha256", "changed_ns", "thumbnail", "thumbnail_state")
    changes = changes | {name: getattr(publication, name) for name in files}
    try:
        with transaction.atomic():
            rows = YouTubePublication.objects.filter(state=State.FAILED, video_id=None)
            rows = rows.filter(final_sent_at=publication.final_sent_at)  # the choice above used this value
            if not rows.retry([publication.pk]):
                raise LimitReached(_("It is being published already."))
            changes |= RESTARTED | {"credential": grant_of(publication)}
            YouTubePublication.objects.filter(pk=publication.pk).update(**changes)
            wake(PUBLISH)
    except IntegrityError:
        raise LimitReached(_("This mix is being published already.")) from None


def can_cancel(publication: YouTubePublication) -> bool:
    """Return whether no video can exist on YouTube yet."""
    return publication.is_open and publication.final_sent_at is None and not publication.video_id


def cancel(publication: YouTubePublication) -> bool:
    """Cancel an upload, at the latest after the current chunk; return False when it is too late."""
    with transaction.atomic():
        rows = YouTubePublication.objects.filter(final_sent_at=None, video_id=None)
        stopped = rows.request_cancel(publication.pk)
        transaction.on_commit(partial(clear_if_ended, publication))
    return stopped


def give_up(publication: YouTubePublication) -> None:
    """End a publication that waits, even if YouTube may have the video. Raises LimitReached when claimed."""
    rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED)
    state = State.DONE if publication.video_id else State.CANCELLED
    with transaction.atomic():
        if not rows.filter(video_id=publication.video_id).update(**ended(state)):
            raise LimitReached(_("A worker is working on it right now. Try again in a minute."))
        transaction.on_commit(partial(clear_if_ended, publication))


def clear_if_ended(publication: YouTubePublication) -> None:
    """Remove the files of a publication that has ended and that no worker holds."""
    rows = YouTubePublication.objects.filter(pk=publication.pk)
    if not rows.filter(state__in=OPEN).exists():
        video_files.remove(publication)
        rows.filter(state=State.CANCELLED).update(sealed_session="")


def reconcile(publication: YouTubePublication) -> None:
    """Have the worker search the channel for the video again. Raises LimitReached."""
    rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED)
    with transaction.atomic():
        if not rows.filter(phase=Phase.NEEDS_REVIEW, video_id=None).update(**RESTARTED):
            raise LimitReached(_("It is not waiting to be searched for."))
        wake(PUBLISH)


@transaction.atomic
def make_with_video(mix: Mix, *, accepted_missing: int = 0) -> MixJob:
    """Make the current mix with an MP4. Raises LimitReached; the mix is then unchanged.

    `accepted_missing` is the number of unusable songs that its owner agreed to leave out.
    """
    if not mix.make_mp4:
        mix = edit(mix, None, _("Turned the MP4 on"), lambda a: change_settings(a, make_mp4=True))
    return request_mix(mix, accepted_missing=accepted_missing)
