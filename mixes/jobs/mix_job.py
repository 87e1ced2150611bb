"""Mix job: turn a snapshot into files, a check sheet and a waveform."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from mixes.engine.errors import (
    DecodeError,
    EngineError,
    FolderInUseError,
    InterruptedDecodeError,
    PictureError,
    StalledError,
)
from mixes.engine.pipeline.copying import plan_copying
from mixes.engine.pipeline.make import resume_mix
from mixes.engine.pipeline.request import STAGES, MixOutputs, MixRequest, expected_bytes
from mixes.engine.pipeline.reuse import ReusedOutputs
from mixes.engine.pipeline.work_folder import lock
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.timeline import Timeline
from mixes.jobs.runner import Commit, JobRun
from mixes.leases import OPEN, Leased, State
from mixes.models import MixJob
from mixes.services import events, storage
from mixes.services.drawing.mix_waveform import draw_mix
from mixes.services.limits import DiskFull, full_disk_reported
from mixes.services.offline.local_mixes import available_cores
from mixes.services.rendering import artifacts, snapshots
from mixes.services.rendering.earlier_mix import (
    MADE_WITH,
    PASSED_THROUGH,
    earlier_mix,
    made_with,
    passed_through_of,
)
from mixes.services.rendering.mix_requests import check_disk, disk_full
from mixes.services.waiting import NotReadyYet

# Seconds per stage, measured on two cores (benchmarks/RESULTS.md); only the ratios matter
DRAW_S, DRAW_PER_CARD_S = 0.3, 0.08
BLEND_PER_S, ENCODE_PER_S = 0.002, 0.009  # per second of the mix; encoding on one core and per format
VIDEO_S, VIDEO_PER_CARD_S, VIDEO_PER_S = 0.8, 0.5, 0.0004
CHECK_PER_S = 0.0016  # per format


def handle(run: JobRun) -> Commit:
    """Make the mix of a job, resuming an earlier attempt; return a function that writes the result."""
    job = MixJob.objects.select_related("owner").get(pk=run.job.pk)
    work = storage.scratch_path("mix", job.pk)
    run.at_end.callback(clear_if_deleted, job)
    with errors_in_words(job):
        request = snapshots.to_request(job.snapshot, available_cores())
        outputs = make(job, request, work, run)
        results = artifacts.read_results(outputs, run.should_stop)
    return partial(commit, job, request, outputs, results)


def clear_if_deleted(job: MixJob) -> None:
    """Remove the work folder of a job that was deleted with its owner's account."""
    if not MixJob.objects.filter(pk=job.pk).exists():
        storage.remove_folder(storage.scratch_path("mix", job.pk))


def make(job: MixJob, request: MixRequest, work: Path, run: JobRun) -> MixOutputs:
    """Run the engine in the job's work folder."""
    timeline = snapshots.timeline_of(job.snapshot)
    is_resumed = work.is_dir()
    there = sum(path.stat().st_size for path in work.iterdir()) if is_resumed else 0
    check_disk(max(0, expected_bytes(request, timeline) - there))
    keeps_something = job.from_stage not in ("", "draw", "render")
    reused = (
        ReusedOutputs(
            job.from_stage, artifacts.intact_artifacts(job, run.should_stop), passed_through_of(job.snapshot)
        )
        if keeps_something
        else None
    )
    is_new = not job.from_stage  # a job that is made again takes nothing of it
    earlier = earlier_mix(job, run.should_stop) if is_new else None
    costs = stage_costs(request, timeline)
    return resume_mix(
        request,
        work,
        ffmpeg=find_ffmpeg(settings.FFMPEG),
        reused=reused,
        earlier=earlier,
        on_progress=JobProgress(costs, run.on_progress, skips=is_resumed or reused is not None),
        should_stop=run.should_stop,
    )


@contextlib.contextmanager
def errors_in_words(job: MixJob) -> Iterator[None]:
    """Replace generated file names in the engine's errors by the titles the owner knows."""
    try:
        with full_disk_reported(disk_full()):
            yield
    except DecodeError as error:
        titles = {Path(entry["file"]).name: entry["title"] for entry in job.snapshot["tracks"]}
        sentence = f"“{titles.get(error.path.name, error.path.name)}”: {error.reason}"
        kind = StalledError if isinstance(error, InterruptedDecodeError) else EngineError
        raise kind(sentence) from error
    except FolderInUseError as error:
        raise NotReadyYet(
            _("An earlier run of this mix has not ended yet; this one waits for it.")
        ) from error
    except PictureError as error:
        raise EngineError(_("The picture cannot be used: %s") % error.reason) from error
    except DiskFull:
        # before the job's outcome is written: the database may need the space
        storage.remove_folder(storage.scratch_path("mix", job.pk))
        raise


def stage_costs(request: MixRequest, timeline: Timeline) -> dict[str, float]:
    """Return the estimated seconds of each stage."""
    length_s, formats = timeline.duration_s, len(request.formats)
    has_video = "mp4" in request.formats
    cards = len(timeline.clips) if has_video and request.title_cards else 0
    copied = plan_copying(request, timeline)
    rendered = 1 - copied.share / formats if copied else 1.0  # copying costs next to nothing
    return {
        "draw": DRAW_S + DRAW_PER_CARD_S * cards,
        "render": length_s * (BLEND_PER_S + ENCODE_PER_S * formats / request.cores) * rendered,
        "video": VIDEO_S + VIDEO_PER_CARD_S * cards + VIDEO_PER_S * length_s if has_video else 0.0,
        "write": 0.0,
        "check": CHECK_PER_S * length_s * formats,
    }


class JobProgress:
    """Converts the progress of a stage into the progress of the whole job."""

    def __init__(self, costs: dict[str, float], report: Callable[[str, float], None], *, skips: bool) -> None:
        """Report to `report`.

        With `skips`, stages may be finished already: their jumps are not reported, because they would distort
        the estimate of the remaining time.
        """
        self._whole_s = sum(costs.values())
        self._costs, self._report, self._skips = costs, report, skips
        self._before_s = {stage: sum(costs[s] for s in STAGES[:i]) for i, stage in enumerate(STAGES)}

    def __call__(self, stage: str, fraction: float) -> None:
        if self._skips and fraction in (0.0, 1.0):
            return
        self._skips = False
        self._report(stage, (self._before_s[stage] + fraction * self._costs[stage]) / self._whole_s)


def commit(
    job: MixJob, request: MixRequest, outputs: MixOutputs, results: list[artifacts.Result]
) -> dict[str, Any]:
    """Store the results; runs in the transaction that ends the job."""
    with errors_in_words(job):
        artifacts.store(job, results)
    gone = _("The picture of this mix was deleted, so one was drawn.")
    notes = [*outputs.notes, *([gone] if snapshots.picture_is_gone(job.snapshot) else [])]
    notes += [
        _("“%s” was left out: it cannot be used.") % title for title in job.snapshot.get("left_out", ())
    ]
    transaction.on_commit(partial(clear_and_notify, job, State.DONE, ""), robust=True)
    events.tell(events.job_done, job=job)
    drawing = draw_mix(outputs.timeline, [source.analysis for source in request.sources])
    return {
        "check_sheet": {kind: sheet.to_dict() for kind, sheet in outputs.checks.items()},
        "notes": notes,
        "timings_s": {stage: round(seconds, 3) for stage, seconds in outputs.timings_s.items()},
        "outline": asdict(drawing),
        "snapshot": {
            **job.snapshot,
            "timeline": outputs.timeline.to_dict(),
            MADE_WITH: made_with(),
            PASSED_THROUGH: outputs.passed_through.to_dict() if outputs.passed_through else {},
        },
        "from_stage": "",
    }


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Schedule clean-up and mail for a job that failed or was cancelled."""
    mix_job = MixJob.objects.select_related("owner").get(pk=job.pk)
    transaction.on_commit(partial(clear_and_notify, mix_job, state, sentence), robust=True)
    if state == State.FAILED:
        events.tell(events.job_failed, job=mix_job, sentence=sentence)


def clear_and_notify(job: MixJob, state: State, sentence: str) -> None:
    """Remove the work folder, and mail the owner if they asked for it."""
    storage.remove_folder(storage.scratch_path("mix", job.pk))
    if job.mail_when_done and settings.HAS_MAIL and state != State.CANCELLED:
        send_mail(*mail_text(job, state, sentence), from_email=None, recipient_list=[job.owner.email])


def clean_up() -> None:
    """Remove work folders left by workers that died after their job ended."""
    for pk, folder in storage.scratch_folders("mix"):
        if not MixJob.objects.filter(pk=pk, state__in=OPEN).exists():
            with contextlib.suppress(BlockingIOError, FileNotFoundError), lock(folder, wait=False):
                storage.remove_folder(folder)


def mail_text(job: MixJob, state: State, sentence: str) -> tuple[str, str]:
    """Return subject and text of the mail about an ended job."""
    url = settings.SITE_URL + reverse("mixes:job_detail", args=[job.pk])
    title = " ".join(job.title.split())
    if state == State.DONE:
        subject = _("“%s” is ready") % title
        return subject, _("Your mix “%(title)s” is ready to be heard:") % {"title": title} + f"\n\n{url}\n"
    subject = _("“%s” could not be made") % title
    return subject, f"{sentence}\n\n{url}\n"
