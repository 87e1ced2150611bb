"""Jumps of the database clock: no job gets stuck and none runs twice."""

import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mixes import tasks
from mixes.engine.errors import FfmpegError
from mixes.jobs import runner
from mixes.jobs.runner import JobRun, run_claimed
from mixes.jobs.steady_clock import SteadyClock
from mixes.leases import LEASE, MAX_ATTEMPTS, State
from mixes.models import MixJob, WorkerNode
from mixes.queues import LONG, SHORT
from mixes.services import workers
from mixes.services.library import uploads
from mixes.services.queue_age import oldest_waiting_s
from mixes.tests.factories import make_job_row, make_mix_row
from mixes.tests.jobs.test_leases import hold, jobs, make_job
from mixes.tests.jobs.test_runner import make_kind, raising

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])


class Clock:
    """The patched database clock: offset from the real one, or stopped."""

    def __init__(self):
        self.ahead, self.stands_at = timedelta(), None

    def now(self):
        return self.stands_at or datetime.now(UTC) + self.ahead

    def set(self, ahead):
        self.ahead = ahead


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()

    def template(form):
        def compile(self, compiler, connection, **context):
            return self.as_sql(compiler, connection, template=form.format(clock.now()), **context)

        return compile

    monkeypatch.setattr(Now, "as_sqlite", template("'{:%Y-%m-%d %H:%M:%S.%f}'"))
    monkeypatch.setattr(Now, "as_postgresql", template("TIMESTAMPTZ '{:%Y-%m-%d %H:%M:%S.%f}+00'"))
    return clock


@pytest.fixture
def machine(clock, monkeypatch):
    """The same, and this process's clock with it, as on a single machine."""
    real_s = time.time
    monkeypatch.setattr(timezone, "now", clock.now)
    monkeypatch.setattr(time, "time", lambda: real_s() + clock.ahead.total_seconds())
    return clock


class Reaper:
    """Does what the main process of a worker does every few seconds."""

    node = workers.Node(SHORT, "here", 1, "run")

    def __init__(self):
        self.clock = SteadyClock()

    def look(self):
        workers.beat(self.node, "")
        is_steady = not self.clock.jump_s(workers.database_time_s(self.node))
        tasks.maintain_queue(SHORT, trust_leases=is_steady)
        return is_steady


def state_of(job):
    return jobs.values_list("state", "attempt").get(pk=job.pk)


@JUMPS
@pytest.mark.parametrize("attempt", [0, MAX_ATTEMPTS - 1])
def test_a_running_job_stays_with_its_worker_when_the_clock_jumps(alice, clock, jump, attempt):
    """Even in its last attempt, which must not be ended for nothing."""
    job, reaper = make_job(alice, attempt=attempt), Reaper()
    assert reaper.look()

    def handler(run):
        clock.set(jump)
        assert not reaper.look(), "it takes every lease for run out"
        assert state_of(job) == (State.RUNNING, attempt + 1)
        run.beat()  # once a second, before the next check
        assert reaper.look()
        assert state_of(job) == (State.RUNNING, attempt + 1)
        assert not run.should_stop()
        return lambda: {"result": {}, "measured_at": timezone.now()}

    kind = make_kind(handler, [])
    assert run_claimed(kind, job.pk, jobs.claim(job.pk, "w:1"), beats=False) == State.DONE


@JUMPS
def test_the_job_of_a_dead_worker_is_found_after_a_clock_jump(alice, clock, jump):
    job, reaper = make_job(alice), Reaper()
    jobs.claim(job.pk, "gone:1:1")
    reaper.look()
    clock.set(jump)
    looks = 1
    while not reaper.look() or state_of(job)[0] != State.QUEUED:
        looks += 1
        assert looks < 4, "it is stuck"


@JUMPS
def test_a_job_taken_by_another_reaper_is_done_once(alice, clock, jump):
    """By a reaper that started after the clock jump and cannot detect it."""
    job = make_job(alice)
    commit = {"result": {"by": "second"}, "measured_at": timezone.now()}
    kind = make_kind(lambda run: lambda: commit, [])

    def handler(run):
        clock.set(jump)
        runner.reap((kind,))
        assert run_claimed(kind, job.pk, jobs.claim(job.pk, "w:2"), beats=False) == State.DONE
        run.beat()
        assert run.should_stop()
        return lambda: {"result": {"by": "first"}, "measured_at": timezone.now()}

    assert run_claimed(make_kind(handler, []), job.pk, jobs.claim(job.pk, "w:1"), beats=False) is None
    assert jobs.get(pk=job.pk).result == {"by": "second"}


def test_a_stopped_clock_stops_no_job(alice, clock):
    first, second = make_job(alice), make_job(alice)
    clock.stands_at = clock.now()
    hold(first, worker=f"{tasks.command_name()}{no_such_pid()}", lease_until=clock.now() + LEASE)
    Reaper().look()
    assert state_of(first)[0] == State.QUEUED
    kind = make_kind(lambda run: lambda: {"result": {}, "measured_at": timezone.now()}, [])
    for job in (first, second):
        assert run_claimed(kind, job.pk, jobs.claim(job.pk, "w:1"), beats=False) == State.DONE
    clock.stands_at = None
    runner.reap((kind,))
    assert {state_of(job)[0] for job in (first, second)} == {State.DONE}


def no_such_pid():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


@JUMPS
def test_a_clock_set_back_does_not_delay_the_next_attempt(alice, clock, jump):
    job = make_job(alice)
    kind = make_kind(raising(FfmpegError(-9, "killed")), [])
    run_claimed(kind, job.pk, jobs.claim(job.pk, "w:1"), beats=False)
    assert not jobs.waiting(SHORT).exists(), "it is to wait a moment"
    clock.set(jump)
    assert jobs.claim(jobs.waiting(SHORT).get().pk, "w:1")


@pytest.mark.parametrize("night", ["2026-03-29 00:59:50", "2026-10-25 00:59:50"])
def test_daylight_saving_changes_do_not_affect_leases(alice, clock, settings, night):
    settings.TIME_ZONE = "Europe/Berlin"
    job = make_job(alice)
    clock.stands_at = datetime.fromisoformat(night).replace(tzinfo=UTC)
    jobs.claim(job.pk, "w:1")
    clock.stands_at += timedelta(seconds=55)
    assert not jobs.expired().exists()
    clock.stands_at += timedelta(seconds=10)
    assert jobs.expired().exists()


def test_the_remaining_time_uses_the_monotonic_clock(alice, machine, monkeypatch):
    run = JobRun(make_job(alice), None)
    real_s = time.monotonic
    run.on_progress("render", 0.1)
    machine.set(-HOUR)
    monkeypatch.setattr(time, "monotonic", lambda: real_s() + 10)
    run.on_progress("render", 0.6)
    assert run._pending["eta_s"] == 8


@JUMPS
def test_no_page_shows_an_impossible_time(alice, machine, jump):
    operator = get_user_model().objects.create_superuser("operator@example.org", "operates the site")
    mix = make_mix_row(alice)
    make_job_row(mix, State.QUEUED)
    failing = make_job_row(make_mix_row(alice), State.RUNNING)
    MixJob.objects.filter(pk=failing.pk).update(started_at=machine.now())
    workers.beat(workers.Node(LONG, "here", 1, "run"), "")
    uploads.create_upload(alice, "song.flac", 1000, mix=None)
    machine.set(jump)
    assert oldest_waiting_s(LONG) in (0, pytest.approx(3600, abs=60))
    for user, pages in (
        (
            operator,
            [reverse(f"admin:mixes_{name}_changelist") for name in ("mixjob", "workernode", "upload")],
        ),
        (alice, ["/mixes/", "/tracks/", "/bin/", f"/mixes/{mix.pk}/", f"/jobs/{failing.pk}/", "/account/"]),
    ):
        client = Client()
        client.force_login(user)
        for page in pages:
            answer = client.get(page)
            assert answer.status_code == 200, page
            text = re.sub(r"<[^>]*>", " ", answer.content.decode())
            assert not re.search(r"-\d+ day|-\d+:\d\d|-\d+ (s|second|minute|hour)\b", text), page


def test_a_heartbeat_from_before_the_clock_was_set_back_is_not_alive(clock):
    node = workers.Node(LONG, "here", 1, "run")
    workers.beat(node, "")
    assert workers.alive(LONG).count() == 1
    clock.set(-HOUR)
    assert workers.alive(LONG).count() == 0
    workers.beat(node, "")
    assert workers.alive(LONG).count() == 1
    assert WorkerNode.objects.count() == 1


@JUMPS
def test_an_upload_can_be_resumed_after_any_clock_jump(alice, machine, jump):
    """Its last request died and left the row locked."""
    upload = uploads.create_upload(alice, "song.flac", 1000, mix=None)
    uploads._lock_writer(upload, 0)
    uploads.storage.upload_path(upload.pk).write_bytes(b"half")
    upload.refresh_from_db()
    assert uploads.is_being_written(upload)
    machine.set(jump)
    assert not uploads.is_being_written(upload)
    assert uploads._lock_writer(upload, 4)


def test_the_patched_clock_is_the_databases_clock(clock):
    clock.set(HOUR)
    workers.beat(Reaper.node, "")
    ahead_s = workers.database_time_s(Reaper.node) - time.time()
    assert ahead_s == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(("set_by_s", "jump_s"), [(3600, 3600), (-3600, -3600), (3, 0)])
def test_a_clock_jump_is_detected_once(set_by_s, jump_s):
    clock = SteadyClock()
    assert clock.jump_s(time.time()) == 0, "there was nothing to compare with"
    assert clock.jump_s(time.time() + set_by_s) == pytest.approx(jump_s, abs=1)
    assert clock.jump_s(time.time() + set_by_s) == 0
