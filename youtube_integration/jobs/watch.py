"""Steps after the upload: thumbnail, playlist, and polling of YouTube's processing until it ends."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

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
MAX_MISSING_LOOKS = 5  # YouTube may list a new video with a delay
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
    """Poll the video once. Raises Postponed while YouTube processes it, PublicationRefused if that fails."""
    video = work.api.video(work.video_id)
    since = datetime.fromisoformat(work.row.processing.setdefault("since", timezone.now().isoformat()))
    is_over = timezone.now() - since > WATCH_LIMIT
    if video is None:
        return wait_for_listing(work, is_over=is_over)
    work.write_progress(processing=summary_of(video, since), privacy_actual=video.privacy)
    note_privacy(work, video)
    fail_if_rejected(work, video)
    is_done = video.upload_status == "processed" or video.processing_status == "succeeded"
    if not is_done and not is_over:
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
    }


def poll_again(work: PublicationWork, video: VideoState | None) -> None:
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


def wait_for_listing(work: PublicationWork, *, is_over: bool) -> dict[str, Any]:
    """Wait for a video that is not listed yet; after enough polls, end as deleted. Raises Postponed."""
    was_there = "status" in work.row.processing
    if not was_there and work.row.looks < MAX_MISSING_LOOKS and not is_over:
        work.write(processing=work.row.processing)
        poll_again(work, None)
    work.note(_("The video is no longer on YouTube: it was deleted there."))
    drop_extras(work)
    return {"phase": Phase.PUBLISHED, "sealed_session": ""}


def fail_if_rejected(work: PublicationWork, video: VideoState) -> None:
    """Fail with YouTube's reason when it rejected the video. Raises PublicationRefused."""
    if video.upload_status == "rejected":
        work.fail("rejected", str(REJECTIONS.get(video.rejection_reason, REJECTED)), video.rejection_reason)
    if video.upload_status == "failed" or video.processing_status in ("failed", "terminated"):
        work.fail("processing", str(FAILURES.get(video.failure_reason, FAILED)), video.failure_reason)


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
    if video.blocked_countries:
        count = len(video.blocked_countries)
        text = ngettext(
            "YouTube blocks the video in %(count)d country: %(countries)s.",
            "YouTube blocks the video in %(count)d countries: %(countries)s.",
            count,
        )
        work.note(text % {"count": count, "countries": ", ".join(video.blocked_countries)})


def drop_extras(work: PublicationWork) -> None:
    """Note which optional steps did not succeed in time, and give them up."""
    for step, sentence in ((Step.THUMBNAIL, problems.NO_OWN_THUMBNAIL), (Step.PLAYLIST, problems.NOT_LISTED)):
        if getattr(work.row, f"{step}_state") == Extra.WANTED:
            refused: dict[str, Any] = {f"{step}_state": Extra.REFUSED}
            work.write(**refused)
            work.note(str(sentence))
