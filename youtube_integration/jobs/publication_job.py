"""Handler of publication jobs on YouTube: upload one slice of the video, or poll its processing once."""

from mixes.jobs.runner import Commit, JobRun
from mixes.leases import Leased, State
from publishing import job as shared
from publishing.upkeep import ABANDONED_AFTER_S, Upkeep
from youtube_integration.publisher import YOUTUBE
from youtube_integration.services import quotas


def handle(run: JobRun) -> Commit:
    """Continue a publication and return its final writes. Raises Postponed at the end of a slice."""
    return shared.handle(YOUTUBE, run)


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Clean up after a publication that failed or was cancelled."""
    shared.on_failure(YOUTUBE, job, state, sentence)


def clean_up() -> None:
    """Start publications whose mix, grant or owner is ready, and remove what is no longer needed."""
    Upkeep(YOUTUBE).run(ABANDONED_AFTER_S)
    quotas.delete_old_starts()
