"""The last version of a mix that was made: sound that the new version has too is not encoded again."""

from django.conf import settings

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.pipeline.remake import EarlierMix
from mixes.engine.pipeline.request import PIPELINE_VERSION
from mixes.engine.processes.ffmpeg import find_ffmpeg, version
from mixes.leases import State
from mixes.models import MixJob
from mixes.services.rendering import artifacts, snapshots

MADE_WITH = "made_with"  # in the snapshot of a finished job


def made_with() -> str:
    """Return the versions of the programs that encode here."""
    return f"{PIPELINE_VERSION} {version(find_ffmpeg(settings.FFMPEG))}"


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
    )
