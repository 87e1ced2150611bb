"""Wake-ups run the next row of their queue; rows of killed processes are requeued at once."""

import os
import subprocess
import sys

import pytest
from django_q.models import OrmQ

from mixes import tasks
from mixes.leases import State
from mixes.models import AnalysisJob, Track
from mixes.queues import LONG, SHORT, has_wake_up, send_wake_up
from mixes.tests.jobs.test_leases import hold, make_job

pytestmark = pytest.mark.django_db


def test_a_wake_up_runs_a_row_and_wakes_for_the_next(alice):
    first, second = make_job(alice), make_job(alice)
    assert tasks.run_next(SHORT) == f"AnalysisJob {first.pk}: failed"  # its track has no file
    first.refresh_from_db(), second.refresh_from_db()
    assert (first.state, second.state) == (State.FAILED, State.QUEUED)
    assert first.track.__class__.objects.get(pk=first.track_id).state == Track.State.REFUSED
    assert has_wake_up(SHORT) and not has_wake_up(LONG)


def test_an_empty_queue_is_no_error(db):
    assert tasks.run_next(SHORT) == "nothing to do"


def test_a_stopping_worker_claims_nothing(alice, monkeypatch):
    job = make_job(alice)
    monkeypatch.setattr(tasks, "is_stopping", lambda: True)
    assert tasks.run_next(SHORT) == "nothing to do"
    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.QUEUED, 0)


def test_a_lost_wake_up_is_sent_again_once(alice):
    make_job(alice)
    tasks.maintain_queue(SHORT)
    tasks.maintain_queue(SHORT)
    assert OrmQ.objects.count() == 1
    send_wake_up(LONG)
    assert has_wake_up(LONG)


def test_the_job_of_a_killed_process_is_requeued_at_once(alice):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, alive, elsewhere = make_job(alice), make_job(alice), make_job(alice)
    hold(dead, worker=f"{tasks.command_name()}{gone.pid}")
    hold(alive, worker=f"{tasks.command_name()}{os.getpid()}")
    hold(elsewhere, worker=f"another-machine:1:{gone.pid}")
    tasks.maintain_queue(SHORT)
    states = {job.pk: AnalysisJob.objects.get(pk=job.pk).state for job in (dead, alive, elsewhere)}
    assert states == {dead.pk: State.QUEUED, alive.pk: State.RUNNING, elsewhere.pk: State.RUNNING}
