"""What the publish worker runs. Google's libraries take 40 MB, so they are loaded where it really runs."""

import threading
import time

from django.db import connections

from mixes.jobs.runner import Commit, JobKind, JobRun
from mixes.leases import Leased, State
from youtube_integration.models import YouTubePublication

GRANTS_EVERY_S = 3600.0
_grants_due_s = 0.0


def handle(run: JobRun) -> Commit:
    from youtube_integration.jobs import publication_job

    return publication_job.handle(run)


def on_failure(job: Leased, state: State, sentence: str) -> None:
    from youtube_integration.jobs import publication_job

    publication_job.on_failure(job, state, sentence)


def clean_up() -> None:
    """Called every 15 s by the worker command's main process."""
    from youtube_integration.jobs import publication_job

    global _grants_due_s
    publication_job.clean_up()
    if time.monotonic() >= _grants_due_s:
        _grants_due_s = time.monotonic() + GRANTS_EVERY_S
        # beside the main process's own work, for Google may take its time to answer
        threading.Thread(target=maintain_grants, name="grants", daemon=True).start()


def maintain_grants() -> None:
    from youtube_integration.services import channels

    try:
        channels.maintain_grants()
    finally:
        connections.close_all()


KIND = JobKind(YouTubePublication, handle, on_failure, clean_up)
