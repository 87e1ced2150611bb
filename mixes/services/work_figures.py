"""How much work waits, runs and ended lately, counted from the rows of all kinds of jobs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Sum
from django.utils import timezone

from mixes.leases import ENDED, State, job_models
from mixes.models import Artifact, Artwork, MixJob, Preview, Track
from mixes.services.queue_age import oldest_waiting_s
from mixes.services.workers import alive

WINDOW = timedelta(hours=1)
OTHER = "other"  # failures without a code of their own


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """A queue now."""

    waiting: int
    oldest_s: int  # 0 when none waits
    workers: int  # worker commands that are alive


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Jobs of one kind: now, and within WINDOW."""

    running: int
    claimed: int
    ended: Mapping[State, int]
    failed: Mapping[str, int]  # by code of the error
    work_s: float  # from the last claim to the end


def queue_figures(queue: str) -> QueueFigures:
    """Return the figures of a queue."""
    waiting = sum(kind.objects.waiting(queue).count() for kind in job_models())
    return QueueFigures(waiting, oldest_waiting_s(queue) or 0, alive(queue).count())


def kind_figures() -> dict[str, KindFigures]:
    """Return the figures of each kind of job, by the name of its model."""
    since = timezone.now() - WINDOW
    found = {}
    for model in job_models():
        rows = model.objects.order_by()
        ended = rows.filter(finished_at__gt=since, state__in=ENDED)
        failures = ended.filter(state=State.FAILED).values_list("error_code").annotate(Count("pk"))
        spans = ended.filter(started_at__lte=F("finished_at")).values_list("started_at", "finished_at")
        found[model._meta.model_name or ""] = KindFigures(
            running=rows.filter(state=State.RUNNING).count(),
            claimed=rows.filter(started_at__gt=since).count(),
            ended=dict.fromkeys(ENDED, 0) | dict(ended.values_list("state").annotate(Count("pk"))),
            failed={code or OTHER: count for code, count in failures},
            work_s=sum((end - start).total_seconds() for start, end in spans if start and end),
        )
    return found


def stage_figures() -> dict[str, tuple[int, float]]:
    """Return of each stage of mixes that ended within WINDOW how often it ran, and its seconds in all."""
    ended = MixJob.objects.filter(finished_at__gt=timezone.now() - WINDOW)
    runs: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for timings_s in ended.values_list("timings_s", flat=True):
        for stage, took_s in (timings_s or {}).items():
            runs[stage] += 1
            seconds[stage] += took_s
    return {stage: (runs[stage], float(seconds[stage])) for stage in runs}


def stored_bytes() -> dict[str, int]:
    """Return the bytes that rows name, by kind of file."""
    tables = {"tracks": Track, "pictures": Artwork, "results": Artifact, "previews": Preview}
    return {
        name: model.objects.aggregate(bytes=Sum("size"))["bytes"] or 0  # type: ignore[attr-defined]
        for name, model in tables.items()
    }


def made_bytes() -> dict[str, int]:
    """Return the bytes of results made within WINDOW, by kind of file."""
    made = Artifact.objects.filter(created_at__gt=timezone.now() - WINDOW).order_by()
    return dict(made.values_list("kind").annotate(Sum("size")))
