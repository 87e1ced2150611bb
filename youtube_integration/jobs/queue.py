"""What the publish worker runs. Google's libraries take 40 MB, so they are loaded where it really runs."""

import threading
import time

from django.db import connections

from mixes.jobs.runner import Commit, JobRun, Kind
from mixes.leases import Leased, State
from youtube_integration.models import YouTubePublication

GRANTS_EVERY_S = 3600.0
_grants_due_s = 0.0


def run(run: JobRun) -> Commit:
    from youtube_integration.jobs import publication_job

    return publication_job.run(run)


def give_up(job: Leased, state: State, sentence: str) -> None:
    from youtube_integration.jobs import publication_job

    publication_job.give_up(job, state, sentence)


def tidy() -> None:
    """Called every 15 s by the worker command's main process."""
    from youtube_integration.jobs import publication_job

    global _grants_due_s
    publication_job.tidy()
    if time.monotonic() >= _grants_due_s:
        _grants_due_s = time.monotonic() + GRANTS_EVERY_S
        # beside the main process's own work, for Google may take its time to answer
        threading.Thread(target=look_after_grants, name="grants", daemon=True).start()


def look_after_grants() -> None:
    from youtube_integration.services import channels

    try:
        channels.look_after_grants()
    finally:
        connections.close_all()


KIND = Kind(YouTubePublication, run, give_up, tidy)
