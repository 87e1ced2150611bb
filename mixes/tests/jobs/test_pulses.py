"""Pulses: a process that hangs, or has lost its job, falls silent; one that works or is idle does not."""

import os
import time

import pytest

from mixes.jobs import pulses
from mixes.jobs.runner import JobRun, keep_alive
from mixes.leases import LEASE
from mixes.tests.jobs.test_leases import hold, jobs, make_job

LEASE_S = LEASE.total_seconds()


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set forward in steps of a second, as the main process looks."""

    class Clock:
        now_s = 1000.0

        def look(self, watch, seconds, *, each_second=lambda: None):
            for _ in range(round(seconds)):
                self.now_s += 1.0
                each_second()
                found = watch.silent()
            return found

    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now_s)
    return clock


@pytest.fixture
def watch(monkeypatch, clock):
    monkeypatch.setattr(pulses, "_write_end", None)
    return pulses.Watch()


def test_a_process_that_shows_its_pulse_is_left_alone(watch, clock):
    assert clock.look(watch, 3 * LEASE_S, each_second=pulses.send) == []


def test_a_process_that_falls_silent_with_a_job_is_found_after_a_lease(watch, clock):
    pulses.send()
    assert clock.look(watch, LEASE_S) == []
    assert clock.look(watch, 2) == [os.getpid()]
    watch.forget(os.getpid())
    assert clock.look(watch, LEASE_S + 2) == []


def test_a_process_without_a_job_may_be_silent(watch, clock):
    pulses.send()
    pulses.send(pulses.END)
    assert clock.look(watch, 2 * LEASE_S) == []


def test_a_main_process_that_was_held_up_itself_accuses_nobody(watch, clock):
    pulses.send()
    clock.look(watch, 1)
    clock.now_s += 10 * LEASE_S
    assert watch.silent() == []
    assert clock.look(watch, LEASE_S + 2) == [os.getpid()], "it is silent after that, too"


def test_a_full_pipe_stops_nobody(watch, clock):
    for _ in range(100_000):
        pulses.send()
    assert clock.look(watch, 1) == []


@pytest.mark.django_db
def test_a_run_that_lost_its_row_shows_no_pulse_until_it_ends(alice, clock):
    job = make_job(alice)
    run = JobRun(job, hold(job))
    run.beat()
    assert run.may_hold_row()
    jobs.all().expire()
    jobs.requeue_expired()
    run.beat()
    assert not run.may_hold_row()
    run.is_ending = True
    assert run.may_hold_row()


@pytest.mark.django_db
def test_a_run_whose_heartbeat_hangs_in_the_database_shows_no_pulse_after_a_lease(alice, clock):
    job = make_job(alice)
    run = JobRun(job, hold(job))
    run.beat()
    clock.now_s += LEASE_S - 1
    assert run.may_hold_row()
    clock.now_s += 2
    assert not run.may_hold_row()


@pytest.mark.django_db(transaction=True)
def test_a_running_job_shows_its_pulse_at_once_and_its_end(alice, watch, clock):
    job = make_job(alice)
    with keep_alive(JobRun(job, hold(job))):
        while not watch._seen_s:
            watch.silent()
    assert clock.look(watch, 2 * LEASE_S) == []
