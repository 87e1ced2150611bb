"""Steps after the upload: thumbnail, playlist, and polling of YouTube's processing until it ends."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mixes.leases import PROGRESS_FULL
from mixes.services import storage
from mixes.services.wording import Words
from youtube_integration import problems
from youtube_integration.google.types import GoogleError, Refused, VideoState
from youtube_integration.jobs.work import PublicationWork
from youtube_integration.models import YouTubePublication
from youtube_integration.problems import Retry, Step

FIRST_POLL_S, MAX_POLL_S = 10, 300
WATCH_LIMIT = timedelta(hours=24)
MAX_MISSING_LOOKS = 5  # consecutive ones: YouTube may list a new video with a delay
MAX_EXTRA_LOOKS = 5  # until then a processed video waits for its thumbnail and its playlist
Phase, Extra = YouTubePublication.Phase, YouTubePublication.Extra

FAILURES: dict[str, Words] = {  # status.failureReason, processingDetails.processingFailureReason
    "codec": gettext_lazy("YouTube could not read how the video is encoded."),
    "conversion": gettext_lazy("YouTube could not convert the video."),
    "emptyFile": gettext_lazy("YouTube says that the file is empty."),
    "invalidFile": gettext_lazy("YouTube says that the file is not a video."),
    "tooSmall": gettext_lazy("YouTube says that the file is too small."),
    "uploadAborted": gettext_lazy("YouTube says that the upload was aborted."),
    "transcodeFailed": gettext_lazy("YouTube could not convert the video."),
    "streamingFailed": gettext_lazy("YouTube could not send the video to its servers."),
    "uploadFailed": gettext_lazy("YouTube says that the upload failed."),
}
REJECTIONS: dict[str, Words] = {  # status.rejectionReason
    "claim": gettext_lazy("YouTube rejected the video because of a copyright claim on its content."),
    "copyright": gettext_lazy("YouTube rejected the video for a breach of copyright."),
    "duplicate": gettext_lazy("YouTube rejected the video as a duplicate of an existing one."),
    "inappropriate": gettext_lazy("YouTube rejected the video as inappropriate."),
    "legal": gettext_lazy("YouTube rejected the video for legal reasons."),
    "length": gettext_lazy(
        "YouTube rejected the video because it is longer than 15 minutes: verify your channel at "
        "youtube.com/verify, then publish again."
    ),
    "termsOfUse": gettext_lazy("YouTube rejected the video for a breach of its terms of use."),
    "trademark": gettext_lazy("YouTube rejected the video for a breach of a trademark."),
    "uploaderAccountClosed": gettext_lazy("YouTube rejected the video because the account was closed."),
    "uploaderAccountSuspended": gettext_lazy("YouTube rejected the video because the account is suspended."),
}
FAILED = gettext_lazy("YouTube could not process the video. Details are in YouTube Studio.")
REJECTED = gettext_lazy("YouTube rejected the video. Details are in YouTube Studio.")
DELETED = gettext_lazy("The video was deleted on YouTube.")
PRIVACY_NAMES = dict(YouTubePublication.Privacy.choices)


def finish(work: PublicationWork) -> dict[str, Any]:
    """Do the steps after an upload and return the row's columns once YouTube is done. Raises Postponed."""
    while True:
        for step, act in ((Step.THUMBNAIL, set_thumbnail), (Step.PLAYLIST, add_to_playlist)):
            do_extra(work, step, act)
        try:
            return watch(work)
        except GoogleError as error:
            work.handle_error(error, Step.WATCH)


def do_extra(work: PublicationWork, step: Step, act: Callable[[PublicationWork], None]) -> None:
    """Do an optional step: YouTube's refusal becomes a note instead of a failure."""
    name = f"{step}_state"
    while getattr(work.row, name) == Extra.WANTED:
        try:
            act(work)
            work.write_progress(**{name: Extra.DONE})
        except Refused as error:
            problem = problems.classify(error, step, reference=work.row.pk.hex[:8])
            if problem.retry == Retry.HELD:
                work.handle_error(error, step)
            if problem.retry != Retry.NEVER:
                return  # retried at the next poll
            refused: dict[str, Any] = {name: Extra.REFUSED}
            work.write(**refused)
            work.note(problems.sentence_of(problem))
        except GoogleError as error:
            work.handle_error(error, step)


def set_thumbnail(work: PublicationWork) -> None:
    path = storage.path_of(work.row.thumbnail) if work.row.thumbnail else None
    if path is None or not path.is_file():
        raise Refused(400, "invalidImage")
    work.api.set_thumbnail(work.video_id, path)


def add_to_playlist(work: PublicationWork) -> None:
    work.api.add_to_playlist(work.row.playlist, work.video_id)


def watch(work: PublicationWork) -> dict[str, Any]:
    """Poll the video once. Raises Postponed while YouTube processes it, PublicationRefused if that fails.

    `uploadStatus` says what became of the video. The processing status is progress only: YouTube forgets it
    after a while and then says `terminated`.
    """
    video = work.api.video(work.video_id)
    since = datetime.fromisoformat(work.row.processing.setdefault("since", timezone.now().isoformat()))
    is_over = timezone.now() - since > WATCH_LIMIT
    if video is None:
        wait_for_listing(work)
    work.write_progress(processing=summary_of(video, since), privacy_actual=video.privacy)
    note_privacy(work, video)
    fail_if_not_published(work, video)
    is_done = video.upload_status == "processed"
    is_complete = is_done and (not has_open_extras(work) or work.row.looks >= MAX_EXTRA_LOOKS)
    if not is_complete and not is_over:
        poll_again(work, video)
    if not is_done:
        work.note(_("YouTube is still working on the video after a day. Details are in YouTube Studio."))
    note_blocked_countries(work, video)
    drop_extras(work)
    return {"phase": Phase.PUBLISHED, "sealed_session": ""}


def summary_of(video: VideoState, since: datetime) -> dict[str, Any]:
    """Return YouTube's processing state for the publication page."""
    return {
        "since": since.isoformat(),
        "status": video.processing_status,
        "upload": video.upload_status,
        "parts_done": video.parts_done,
        "parts_total": video.parts_total,
        "reason": video.rejection_reason or video.failure_reason,
        "blocked": list(video.blocked_countries),
        "allowed": None if video.allowed_countries is None else list(video.allowed_countries),
    }


def poll_again(work: PublicationWork, video: VideoState | None) -> NoReturn:
    """Poll again later, with twice the delay each time. Raises Postponed."""
    wait_s = min(MAX_POLL_S, FIRST_POLL_S * 2 ** min(work.row.looks, 10))
    parts = video.parts_done / video.parts_total if video and video.parts_total else 0.0
    work.postpone(
        phase=Phase.PROCESSING,
        not_before=timezone.now() + timedelta(seconds=wait_s),
        looks=work.row.looks + 1,
        stage="processing",
        progress=round(PROGRESS_FULL * min(1.0, parts)),
    )


def wait_for_listing(work: PublicationWork) -> NoReturn:
    """Wait for a video that is not listed; after enough polls it counts as deleted.

    Raises Postponed, PublicationRefused.
    """
    missing = work.row.processing.get("missing", 0)
    if missing >= MAX_MISSING_LOOKS:
        work.fail("deleted", str(DELETED))
    work.write(processing={**work.row.processing, "missing": missing + 1})
    poll_again(work, None)


def fail_if_not_published(work: PublicationWork, video: VideoState) -> None:
    """Fail with YouTube's reason when the video was rejected or deleted. Raises PublicationRefused."""
    if video.upload_status == "rejected":
        work.fail("rejected", str(REJECTIONS.get(video.rejection_reason, REJECTED)), video.rejection_reason)
    if video.upload_status == "failed":
        work.fail("processing", str(FAILURES.get(video.failure_reason, FAILED)), video.failure_reason)
    if video.upload_status == "deleted":
        work.fail("deleted", str(DELETED))


def note_privacy(work: PublicationWork, video: VideoState) -> None:
    """Add a note when YouTube changed the privacy that the owner chose."""
    row = work.row
    became_public = row.publish_at and row.publish_at <= timezone.now() and video.privacy == "public"
    if not video.privacy or video.privacy == row.privacy or became_public:
        return
    actual, wanted = (PRIVACY_NAMES.get(privacy, privacy) for privacy in (video.privacy, row.privacy))
    text = _("YouTube made the video %(actual)s, not %(wanted)s. You can change that in YouTube Studio.")
    work.note(text % {"actual": actual, "wanted": wanted})


def note_blocked_countries(work: PublicationWork, video: VideoState) -> None:
    """Add a note when YouTube blocks the video in some countries, or in all but some."""
    if video.allowed_countries is not None:
        count, countries = len(video.allowed_countries), video.allowed_countries
        text = ngettext(
            "YouTube shows the video in %(count)d country only, not in any other: %(countries)s.",
            "YouTube shows the video in %(count)d countries only, not in any other: %(countries)s.",
            count,
        )
    else:
        count, countries = len(video.blocked_countries), video.blocked_countries
        text = ngettext(
            "YouTube blocks the video in %(count)d country: %(countries)s.",
            "YouTube blocks the video in %(count)d countries: %(countries)s.",
            count,
        )
    if count:
        work.note(text % {"count": count, "countries": ", ".join(countries)})
    elif video.allowed_countries is not None:
        work.note(_("YouTube blocks the video in all countries."))


def has_open_extras(work: PublicationWork) -> bool:
    """Return whether the thumbnail or the playlist is still to be done."""
    return Extra.WANTED in (work.row.thumbnail_state, work.row.playlist_state)


def drop_extras(work: PublicationWork) -> None:
    """Note which optional steps did not succeed in time, and give them up."""
    sentences = {Step.THUMBNAIL: problems.THUMBNAIL_NOT_TAKEN, Step.PLAYLIST: problems.NOT_LISTED}
    for step, sentence in sentences.items():
        if getattr(work.row, f"{step}_state") == Extra.WANTED:
            refused: dict[str, Any] = {f"{step}_state": Extra.REFUSED}
            work.write(**refused)
            work.note(str(sentence))
