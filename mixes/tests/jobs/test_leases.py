"""Job leases: rows are claimed once, fenced by a token, requeued after a crash, and served fairly."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from mixes.jobs import runner
from mixes.jobs.runner import JobKind
from mixes.leases import MAX_ATTEMPTS, State, backoff, ended
from mixes.models import AnalysisJob, Track

pytestmark = pytest.mark.django_db
jobs = AnalysisJob.objects


def make_job(owner, **fields):
    track = Track.objects.create(
        owner=owner, name="a.mp3", size=1, file=f"tracks/{uuid.uuid4()}", state="listening"
    )
    return jobs.create(**{"owner": owner, "track": track, "version": 1, "queue": "short", **fields})


def hold(job, *, seconds=60, **fields):
    """Put a row into the state of a claimed one whose lease ends in `seconds`."""
    until = timezone.now() + timedelta(seconds=seconds)
    held = {"state": State.RUNNING, "token": uuid.uuid4(), "lease_until": until, "attempt": 1, **fields}
    jobs.filter(pk=job.pk).update(**held)
    return held["token"]


def test_a_row_is_claimed_once(alice):
    job = make_job(alice)
    token = jobs.claim(job.pk, "w:1")
    assert token is not None
    assert jobs.claim(job.pk, "w:2") is None
    job.refresh_from_db()
    assert (job.state, job.token, job.worker, job.attempt) == (State.RUNNING, token, "w:1", 1)
    assert job.lease_until > timezone.now() and job.started_at is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"cancel_requested": True},
        {"attempt": MAX_ATTEMPTS},
        {"not_before": timezone.now() + timedelta(hours=1)},
        {
            "state": State.DONE,
            "finished_at": timezone.now(),
            "result": {},
            "measured_at": timezone.now(),
        },
    ],
)
def test_rows_that_may_not_run_are_not_claimed(alice, fields):
    job = make_job(alice, **fields)
    assert jobs.claim(job.pk, "w:1") is None
    assert not jobs.waiting("short").exists()


def test_a_row_waits_in_its_own_queue_only(alice):
    make_job(alice)
    assert jobs.waiting("short").count() == 1
    assert jobs.waiting("long").count() == 0


def test_a_wrong_token_changes_nothing(alice):
    job = make_job(alice)
    token = jobs.claim(job.pk, "w:1")
    assert jobs.held(job.pk, uuid.uuid4()).update(progress=500) == 0
    assert jobs.held(job.pk, token).update(progress=500) == 1


def test_a_dead_worker_s_row_goes_back_to_the_queue(alice):
    dead, alive = make_job(alice), make_job(alice)
    old = hold(dead, seconds=-1)
    hold(alive)
    assert jobs.requeue_expired() == 1
    dead.refresh_from_db(), alive.refresh_from_db()
    assert (dead.state, alive.state) == (State.QUEUED, State.RUNNING)
    assert jobs.held(dead.pk, old).update(progress=1) == 0, "the dead worker came back and may write"


def test_a_lease_too_far_in_the_future_counts_as_expired(alice):
    job = make_job(alice)
    hold(job, seconds=3600)
    assert jobs.requeue_expired() == 1


def test_a_row_without_attempts_left_is_unrecoverable(alice):
    job = make_job(alice)
    hold(job, seconds=-1, attempt=MAX_ATTEMPTS)
    assert jobs.requeue_expired() == 0
    assert list(jobs.unrecoverable()) == [job]


def test_release_does_not_count_the_attempt(alice):
    job, other = make_job(alice), make_job(alice)
    hold(job, worker="w:1:7", attempt=2), hold(other, worker="w:12:7")
    assert jobs.held_by("w:1:").release() == 1
    job.refresh_from_db()
    assert (job.state, job.attempt, job.token) == (State.QUEUED, 1, None)


def test_a_released_row_that_was_cancelled_is_unrecoverable(alice):
    """It was cancelled in the second in which its worker stopped, so no worker claims it any more."""
    job = make_job(alice)
    hold(job, worker="w:1:7")
    jobs.request_cancel(job.pk)
    jobs.held_by("w:1:").release()
    runner.reap((JobKind(AnalysisJob, lambda run: dict, lambda job, state, sentence: None),))
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_the_owner_served_least_comes_first(alice, bob):
    for _ in range(3):
        done = make_job(alice)
        hold(done, started_at=timezone.now())
    first, second, third = make_job(alice), make_job(alice), make_job(bob)
    assert list(jobs.waiting("short").in_fair_order()) == [third, first, second]
    urgent, background = make_job(alice, priority=-10), make_job(alice, priority=10)
    assert list(jobs.waiting("short").in_fair_order()) == [third, urgent, first, second, background]


def test_background_work_of_an_owner_who_was_not_served_is_the_next(alice, bob):
    """After it, the owner's other background work comes after all that a user waits for."""
    hold(make_job(alice), started_at=timezone.now())
    waited_for = make_job(alice, priority=-10)
    first, second = make_job(bob, priority=10), make_job(bob, priority=10)
    assert list(jobs.waiting("short").in_fair_order()) == [first, second, waited_for]
    hold(first, started_at=timezone.now())
    assert list(jobs.waiting("short").in_fair_order()) == [waited_for, second]


def test_a_running_job_counts_however_long_ago_it_started(alice, bob):
    hold(make_job(alice), started_at=timezone.now() - timedelta(hours=2))
    of_alice, of_bob = make_job(alice), make_job(bob)
    assert list(jobs.waiting("short").in_fair_order()) == [of_bob, of_alice]


def test_starts_before_the_fairness_window_do_not_count(alice, bob):
    old = make_job(alice)
    jobs.filter(pk=old.pk).update(**ended(State.CANCELLED), started_at=timezone.now() - timedelta(hours=2))
    first, second = make_job(alice), make_job(bob)
    assert list(jobs.waiting("short").in_fair_order()) == [first, second]


def test_cancel_ends_a_waiting_row_and_asks_a_running_one(alice):
    waiting, running = make_job(alice), make_job(alice)
    hold(running)
    assert jobs.request_cancel(waiting.pk) and jobs.request_cancel(running.pk)
    waiting.refresh_from_db(), running.refresh_from_db()
    assert (waiting.state, running.state, running.cancel_requested) == (State.CANCELLED, State.RUNNING, True)
    assert not jobs.request_cancel(waiting.pk)


def test_retry_restores_all_attempts_of_an_ended_row(alice):
    job = make_job(
        alice, state=State.FAILED, error_text="No.", finished_at=timezone.now(), attempt=MAX_ATTEMPTS
    )
    assert jobs.retry([job.pk]) == 1
    job.refresh_from_db()
    assert (job.state, job.attempt, job.error_text, job.finished_at) == (State.QUEUED, 0, "", None)
    assert jobs.claim(job.pk, "w:1")
    assert jobs.retry([job.pk]) == 0, "a running row is not started twice"


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "sleeping"},
        {"state": State.RUNNING},
        {"token": uuid.uuid4()},
        {"state": State.DONE, "result": {}, "measured_at": timezone.now()},
        {"state": State.DONE, "finished_at": timezone.now()},
        {"state": State.FAILED, "finished_at": timezone.now()},
        {"progress": 1001},
    ],
)
def test_impossible_rows_are_refused_by_the_database(alice, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_job(alice, **fields)


def test_a_key_has_one_open_row(alice):
    first = make_job(alice, dedupe_key="k")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_job(alice, dedupe_key="k")
    jobs.request_cancel(first.pk)
    make_job(alice, dedupe_key="k")


def test_the_pause_before_an_attempt_grows(alice):
    first, second = make_job(alice, attempt=1), make_job(alice, attempt=2)
    jobs.update(not_before=backoff())
    pauses_s = [(jobs.get(pk=job.pk).not_before - timezone.now()).total_seconds() for job in (first, second)]
    assert pauses_s == [pytest.approx(5, abs=3), pytest.approx(60, abs=3)]
