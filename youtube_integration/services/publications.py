"""What an owner asks for: publish, change the words, stop, go on. The publish worker does the rest.

Every change of an open row is one conditional UPDATE: what a worker holds, or has sent, is not pulled away.
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
    draw_thumbnail,
    store_thumbnail,
    thumbnail_path,
)
from youtube_integration.services.video_rules import find_faults

Phase, Extra = YouTubePublication.Phase, YouTubePublication.Extra
# What a row and `VideoDetails` hold alike; tags are a list there and a tuple here
SAME_FIELDS = (
    *("title", "description", "category", "privacy", "publish_at"),
    *("made_for_kids", "altered_content", "notify_subscribers", "playlist"),
)
# A session that was opened for other words, or another file, is of no use: nothing was sent for good
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
    """Return what no two open publications share: one of each mix on each channel."""
    return f"youtube:{channel_id}:{job.mix_id}"


def open_publication(owner: User, job: MixJob) -> YouTubePublication | None:
    """Return the publication of this mix that is on its way to the channel that is connected."""
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
    """Have the video of a run published, once it is made; while that is on its way, it is the answer.

    With `description_follows` the text is written anew when a run that is still open has ended.
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
        save_new(publication, video, thumbnail or draw_thumbnail(job))
    except IntegrityError:  # a second press came between
        return YouTubePublication.objects.get(dedupe_key=publication.dedupe_key, state__in=OPEN)
    return publication


def require_no_faults(details: VideoDetails) -> None:
    """Raise LimitReached with all that YouTube would refuse."""
    if faults := find_faults(details):
        raise LimitReached(" ".join(fault.text for fault in faults))


def require_video(job: MixJob) -> Artifact | None:
    """Return the video of a run, None while it is being made. Raises LimitReached when there is none."""
    video = None if job.is_open else video_of(job)
    if video is None and not (job.is_open and will_have_video(job)):
        raise LimitReached(_("This mix was made without a video. Make it once more with an MP4."))
    return video


def check_open_publications(owner: User) -> None:
    """Raise LimitReached where as much is on its way as one user may have: each keeps a video on the disk."""
    is_open = YouTubePublication.objects.filter(owner=owner, state__in=OPEN)
    if is_open.count() >= settings.LIMITS.publications_open:
        raise LimitReached(_("Enough videos are on their way already. Wait until one of them has arrived."))


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
    """Return the columns that hold what a video is to be."""
    same = {name: getattr(details, name) for name in SAME_FIELDS}
    state = Extra.WANTED if details.playlist else Extra.UNWANTED
    return {**same, "tags": list(details.tags), "playlist_state": state}


def details_of(publication: YouTubePublication) -> VideoDetails:
    """Return what a video is to be, as its row has it."""
    same = {name: getattr(publication, name) for name in SAME_FIELDS}
    return VideoDetails(tags=tuple(publication.tags), **same)


def save_new(publication: YouTubePublication, video: Artifact | None, picture: bytes) -> None:
    """Keep a new row with its files; where that fails there is neither."""
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
    """Keep the video for as long as the publication is open. Raises LimitReached when it has gone."""
    try:
        video_files.store(publication, video)
    except FileNotFoundError as error:
        raise LimitReached(_("Its video was deleted. Make the mix again, then publish that.")) from error


def can_edit(publication: YouTubePublication) -> bool:
    """Tell whether YouTube knows nothing of its words yet."""
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
    """Give a publication other words and, where it had failed, put it back into the queue.

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
            raise LimitReached(_("The upload has begun meanwhile, so its words cannot be changed here."))


def can_resume(publication: YouTubePublication) -> bool:
    """Tell whether going on is up to its owner."""
    if publication.video_id:
        return False
    if publication.state == State.FAILED:
        return publication.job_id is not None
    if publication.phase == Phase.NEEDS_RECONNECT:
        return publication.is_open and grant_of(publication) is not None
    return publication.state == State.QUEUED and publication.phase == Phase.WAITING


def grant_of(publication: YouTubePublication) -> YouTubeCredential | None:
    """Return what lets us write to the channel of a publication, while its owner has it connected."""
    active = YouTubeCredential.objects.filter(state=YouTubeCredential.State.ACTIVE)
    return active.filter(user=publication.owner_id, channel_id=publication.channel_id).first()


def resume(publication: YouTubePublication) -> None:
    """Go on now with what had failed, or waits. Raises LimitReached."""
    with transaction.atomic():
        if publication.state == State.FAILED and not publication.video_id:
            requeue(publication, b"", {})
            return
        phases = (Phase.NEEDS_RECONNECT, Phase.WAITING)
        rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED, phase__in=phases)
        if not can_resume(publication) or not rows.update(**RESTARTED, credential=grant_of(publication)):
            raise LimitReached(_("There is nothing to resume: it goes on by itself, or it has ended."))
        wake(PUBLISH)


def requeue(publication: YouTubePublication, picture: bytes, changes: dict[str, Any]) -> None:
    """Put a failed publication back into the queue with its files. Raises LimitReached."""
    video = video_of(publication.job) if publication.job else None
    if publication.job is None or video is None:
        raise LimitReached(_("Its video was deleted. Make the mix again, then publish that."))
    if video.sha256 != publication.sha256 and publication.final_sent_at:
        text = _("The mix was made anew, and YouTube may have what was sent before. Publish it as another.")
        raise LimitReached(text)
    if video.sha256 != publication.sha256:
        changes = NO_SESSION | changes
    check_open_publications(publication.owner)
    if picture or thumbnail_path(publication) is None:
        store_thumbnail(publication, picture or draw_thumbnail(publication.job))
    store_video(publication, video)
    files = ("file", "size", "sha256", "changed_ns", "thumbnail", "thumbnail_state")
    changes = changes | {name: getattr(publication, name) for name in files}
    try:
        with transaction.atomic():
            rows = YouTubePublication.objects.filter(state=State.FAILED, video_id=None)
            rows = rows.filter(final_sent_at=publication.final_sent_at)  # what was decided by is as it was
            if not rows.retry([publication.pk]):
                raise LimitReached(_("It is on its way already."))
            changes |= RESTARTED | {"credential": grant_of(publication)}
            YouTubePublication.objects.filter(pk=publication.pk).update(**changes)
            wake(PUBLISH)
    except IntegrityError:
        raise LimitReached(_("This mix is being published already.")) from None


def can_cancel(publication: YouTubePublication) -> bool:
    """Tell whether nothing of it can be on YouTube yet."""
    return publication.is_open and publication.final_sent_at is None and not publication.video_id


def cancel(publication: YouTubePublication) -> bool:
    """Stop an upload: at once while it waits, between two pieces while it works; False if too late."""
    with transaction.atomic():
        rows = YouTubePublication.objects.filter(final_sent_at=None, video_id=None)
        stopped = rows.request_cancel(publication.pk)
        transaction.on_commit(partial(clear_if_ended, publication))
    return stopped


def give_up(publication: YouTubePublication) -> None:
    """End what waits, whatever YouTube may have of it. Raises LimitReached while a worker holds it."""
    rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED)
    state = State.DONE if publication.video_id else State.CANCELLED
    with transaction.atomic():
        if not rows.filter(video_id=publication.video_id).update(**ended(state)):
            raise LimitReached(_("A worker is at it right now. Try again in a minute."))
        transaction.on_commit(partial(clear_if_ended, publication))


def clear_if_ended(publication: YouTubePublication) -> None:
    """Remove what a publication that nobody works on any more has no use for."""
    rows = YouTubePublication.objects.filter(pk=publication.pk)
    if not rows.filter(state__in=OPEN).exists():
        video_files.remove(publication)
        rows.filter(state=State.CANCELLED).update(sealed_session="")


def reconcile(publication: YouTubePublication) -> None:
    """Have the worker look on the channel once more for what may be there. Raises LimitReached."""
    rows = YouTubePublication.objects.filter(pk=publication.pk, state=State.QUEUED)
    with transaction.atomic():
        if not rows.filter(phase=Phase.NEEDS_REVIEW, video_id=None).update(**RESTARTED):
            raise LimitReached(_("It is not waiting to be looked for."))
        wake(PUBLISH)


@transaction.atomic
def make_with_video(mix: Mix, *, accepted_missing: int = 0) -> MixJob:
    """Make a mix as it is now, with an MP4. Raises LimitReached, and then nothing of the mix has changed.

    `leaving_out` is how many songs that cannot be used its owner agreed to do without.
    """
    if not mix.make_mp4:
        mix = edit(mix, None, _("Turned the MP4 on"), lambda a: change_settings(a, make_mp4=True))
    return request_mix(mix, accepted_missing=accepted_missing)
