"""The last version of a mix that was made: sound that the new version has too is not encoded again."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.pipeline.remake import EarlierMix
from mixes.engine.pipeline.request import PIPELINE_VERSION
from mixes.engine.processes.ffmpeg import find_ffmpeg, version
from mixes.engine.sewing.report import PassedThrough
from mixes.leases import State
from mixes.models import MixJob
from mixes.services.rendering import artifacts, snapshots

MADE_WITH, PASSED_THROUGH = "made_with", "passed_through"  # in the snapshot of a finished job


def made_with() -> str:
    """Return the versions of the programs that encode here."""
    return f"{PIPELINE_VERSION} {version(find_ffmpeg(settings.FFMPEG))}"


def passed_through_of(snapshot: Mapping[str, Any]) -> PassedThrough | None:
    """Return what of a finished job's MP3 is copied, if it is known."""
    return PassedThrough.read(snapshot.get(PASSED_THROUGH) or {})


def earlier_mix(job: MixJob, should_stop: ShouldStop = never) -> EarlierMix | None:
    """Return the newest finished version of a job's mix; None if other programs made it. Raises Cancelled."""
    finished = MixJob.objects.filter(mix=job.mix_id, state=State.DONE).exclude(pk=job.pk)
    earlier = finished.order_by("-finished_at", "-created_at").first()
    if earlier is None or earlier.snapshot.get(MADE_WITH) != made_with():
        return None
    return EarlierMix(
        snapshots.timeline_of(earlier.snapshot),
        tuple(track["sha256"] for track in earlier.snapshot["tracks"]),
        earlier.snapshot["bitrate_kbps"],
        artifacts.intact_artifacts(earlier, should_stop),
        passed_through_of(earlier.snapshot),
    )
