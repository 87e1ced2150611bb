"""Queue entry points of the publish worker. Google's libraries (40 MB) are imported only when a job runs."""

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
    """Run maintenance; the worker command's main process calls this every 15 s."""
    from youtube_integration.jobs import publication_job

    global _grants_due_s
    publication_job.clean_up()
    if time.monotonic() >= _grants_due_s:
        _grants_due_s = time.monotonic() + GRANTS_EVERY_S
        # in a thread, because Google's answer may take long
        threading.Thread(target=maintain_grants, name="grants", daemon=True).start()


def maintain_grants() -> None:
    from youtube_integration.services import channels

    try:
        channels.maintain_grants()
    finally:
        connections.close_all()


KIND = JobKind(YouTubePublication, handle, on_failure, clean_up)
