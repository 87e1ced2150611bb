"""Wake-ups run the next row of their queue; rows of killed processes are requeued at once."""

import os
import subprocess
import sys

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django_q.models import OrmQ

from mixes import tasks
from mixes.leases import State
from mixes.models import AnalysisJob, Track
from mixes.queues import LONG, SHORT, has_wake_up, send_wake_up
from mixes.services import schema, workers
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


def test_nothing_is_claimed_while_the_database_lacks_a_migration(alice, monkeypatch):
    monkeypatch.setattr(schema, "_was_complete", False)
    job = make_job(alice)
    last = MigrationRecorder.Migration.objects.filter(app="mixes").last()
    last.delete()
    assert not schema.fits()
    assert tasks.run_next(SHORT) == "nothing to do"
    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.QUEUED, 0)
    MigrationRecorder.Migration.objects.create(app="mixes", name=last.name)
    assert schema.fits()
    assert tasks.run_next(SHORT) == f"AnalysisJob {job.pk}: failed"


def test_a_database_that_is_newer_than_the_code_does_not_fit(db):
    MigrationRecorder.Migration.objects.create(app="mixes", name="9999_of_the_next_version")
    assert not schema.fits()
    assert schema.missing_migrations() == 0


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
    dead, alive, elsewhere, twin = (make_job(alice) for _ in range(4))
    hold(dead, worker=f"{tasks.command_name()}{gone.pid}")
    hold(alive, worker=f"{tasks.command_name()}{os.getpid()}")
    hold(elsewhere, worker=f"another-machine:1:{gone.pid}")
    hold(twin, worker=f"{name_in_another_run()}{gone.pid}")
    tasks.maintain_queue(SHORT)
    states = [AnalysisJob.objects.get(pk=job.pk).state for job in (dead, alive, elsewhere, twin)]
    assert states == [State.QUEUED, State.RUNNING, State.RUNNING, State.RUNNING]


def name_in_another_run():
    """Return the name of a worker command in another container, with the same host name and process id."""
    code = f"import os, django; os.getpid = lambda: {os.getpid()}; django.setup()\n"
    code += "from mixes import tasks; print(tasks.command_name())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_stopping_worker_releases_no_row_of_a_twin(alice):
    own, twin = make_job(alice), make_job(alice)
    hold(own, worker=tasks.process_name())
    hold(twin, worker=f"{name_in_another_run()}7")
    assert tasks.release_all(SHORT) == 1
    twin.refresh_from_db()
    assert twin.state == State.RUNNING


def test_workers_with_one_host_name_and_process_id_are_two(db):
    nodes = [workers.Node(LONG, "web", 1, run) for run in ("a1", "b2")]
    for node in nodes:
        workers.beat(node, "")
    assert workers.alive(LONG).count() == 2
    workers.unregister(nodes[0])
    assert [row.run for row in workers.alive(LONG)] == ["b2"]
