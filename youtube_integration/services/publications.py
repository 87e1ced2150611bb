"""Actions of an owner on videos; `publishing.actions` holds what all publishers share."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.leases import OPEN
from mixes.models import Mix, MixJob
from mixes.queues import PUBLISH
from mixes.services.editing.arrangement import change_settings
from mixes.services.editing.edits import edit
from mixes.services.limits import LimitReached
from mixes.services.rendering.mix_requests import request_mix
from publishing import actions
from publishing.actions import can_edit, can_resume, cancel, give_up, resume
from publishing.actions import search_again as reconcile
from publishing.protocol import publisher_of
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubeCredential, YouTubePublication
from youtube_integration.services.thumbnails import thumbnail_of
from youtube_integration.services.video_rules import find_faults

__all__ = ["can_cancel", "can_edit", "can_resume", "cancel", "give_up", "reconcile", "resume"]

Phase, Extra = YouTubePublication.Phase, YouTubePublication.Extra
# Fields that a row and `VideoDetails` share; tags are a list there and a tuple here
SAME_FIELDS = (
    *("title", "description", "category", "privacy", "publish_at"),
    *("made_for_kids", "altered_content", "notify_subscribers", "playlist"),
)


def connected_channel(owner: User) -> YouTubeCredential | None:
    return YouTubeCredential.objects.filter(user=owner).first()


def dedupe_key(channel_id: str, job: MixJob) -> str:
    """Return the unique key of open publications: one for each mix on each channel."""
    return actions.dedupe_key(YouTubePublication.PUBLISHER, channel_id, job)


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
    publication = new_row(credential, job, details)
    video = actions.require_file(publication, job)
    actions.check_open_publications(publisher_of(publication), owner)
    publication.description_follows = description_follows and job.is_open
    try:
        actions.save_new(publication, video, thumbnail or thumbnail_of(job))
    except IntegrityError:  # a second request was faster
        return YouTubePublication.objects.get(dedupe_key=publication.dedupe_key, state__in=OPEN)
    return publication


def require_no_faults(details: VideoDetails) -> None:
    """Raise LimitReached with every detail that YouTube would refuse."""
    if faults := find_faults(details):
        raise LimitReached(" ".join(fault.text for fault in faults))


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


def edit_and_retry(
    publication: YouTubePublication,
    details: VideoDetails,
    *,
    thumbnail: bytes = b"",
    description_follows: bool = False,
) -> None:
    """Change the details of a publication, and requeue it if it had failed. Raises LimitReached."""
    require_no_faults(details)
    changes = columns_of(details)
    actions.edit_and_retry(publication, changes, picture=thumbnail, description_follows=description_follows)


def can_cancel(publication: YouTubePublication) -> bool:
    """Return whether no video can exist on YouTube yet."""
    return publication.can_cancel


@transaction.atomic
def make_with_video(mix: Mix, *, accepted_missing: int = 0) -> MixJob:
    """Make the current mix with an MP4. Raises LimitReached; the mix is then unchanged.

    `accepted_missing` is the number of unusable songs that its owner agreed to leave out.
    """
    if not mix.make_mp4:
        mix = edit(mix, None, _("Turned the MP4 on"), lambda a: change_settings(a, make_mp4=True))
    return request_mix(mix, accepted_missing=accepted_missing)
