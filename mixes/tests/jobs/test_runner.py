"""A claimed job ends exactly once, with its true outcome, and only while its token holds the row."""

from datetime import timedelta

import pytest
from django.db import ProgrammingError
from django.utils import timezone

from mixes.engine.errors import Cancelled, DecodeError, FfmpegError
from mixes.jobs import shutdown
from mixes.jobs.runner import (
    INTERNAL_ERROR,
    KILLED_TOO_OFTEN,
    MAX_WAIT,
    NOTHING_LOST,
    JobKind,
    Postponed,
    reap,
    run_claimed,
)
from mixes.leases import MAX_ATTEMPTS, State
from mixes.models import AnalysisJob
from mixes.services import storage
from mixes.services.limits import LimitReached
from mixes.services.waiting import NotReadyYet
from mixes.tests.jobs.test_leases import hold, make_job

pytestmark = pytest.mark.django_db
jobs = AnalysisJob.objects


@pytest.fixture
def given_up():
    """Return the arguments passed to `on_failure`, in order."""
    return []


@pytest.fixture
def run(given_up):
    """Claim a job and run it with a handler; return the updated row."""

    def run(job, handler):
        kind = make_kind(handler, given_up)
        token = jobs.claim(job.pk, "w:1")
        assert token
        outcome = run_claimed(kind, job.pk, token, beats=False)
        job.refresh_from_db()
        assert outcome in (job.state, None)
        return outcome

    return run


def make_kind(handler, given_up):
    return JobKind(
        AnalysisJob, handler, lambda job, state, sentence: given_up.append((job.pk, state, sentence))
    )


def raising(error):
    def handler(run):
        raise error

    return handler


def test_a_result_is_written_with_the_end_of_its_row(alice, run, given_up):
    job = make_job(alice)
    run(job, lambda run: lambda: {"result": {"sound": 1}, "measured_at": timezone.now()})
    assert (job.state, job.result, job.progress, job.token) == (State.DONE, {"sound": 1}, 1000, None)
    assert job.finished_at is not None
    assert given_up == []


def test_an_engine_error_is_a_final_failure_with_its_reason(alice, run, given_up, tmp_path):
    job = make_job(alice)
    run(job, raising(DecodeError(tmp_path / "a.mp3", "there is no sound in it.")))
    assert (job.state, job.error_text) == (State.FAILED, "a.mp3: there is no sound in it.")
    assert given_up == [(job.pk, State.FAILED, job.error_text)]


def test_a_reached_limit_is_a_final_failure(alice, run):
    job = make_job(alice)
    run(job, raising(LimitReached("The disk is full.")))
    assert (job.state, job.error_text) == (State.FAILED, "The disk is full.")


def test_a_postponed_job_does_not_count_the_attempt(alice, run, given_up):
    job, later = make_job(alice), timezone.now() + timedelta(hours=5)
    run(job, raising(Postponed(not_before=later, message="YouTube's daily limit.")))
    assert (job.state, job.attempt, job.not_before) == (State.QUEUED, 0, later)
    assert (job.message, job.token, given_up) == ("YouTube's daily limit.", None, [])


def test_a_cancelled_job_is_not_postponed(alice, run, given_up):
    job = make_job(alice)

    def handler(run):
        AnalysisJob.objects.request_cancel(run.job.pk)
        raise Postponed(message="soon")

    run(job, handler)
    assert (job.state, given_up) == (State.CANCELLED, [(job.pk, State.CANCELLED, "")])


def test_a_job_that_waited_too_long_says_for_what(alice, run, given_up):
    job = make_job(alice)
    run(job, raising(NotReadyYet("The song is on its way.")))
    assert (job.state, job.attempt, job.message) == (State.QUEUED, 0, "The song is on its way.")
    since = timezone.now() - MAX_WAIT - timedelta(minutes=1)
    jobs.filter(pk=job.pk).update(not_before=None, waits_since=since)
    run(job, raising(NotReadyYet("The song is on its way.")))
    assert job.state == State.FAILED
    assert job.error_text == (
        "The song is on its way. It waited for 6 hours, so it was given up. "
        "What you added is safe; try again."
    )
    assert given_up == [(job.pk, State.FAILED, job.error_text)]


def test_the_wait_is_measured_from_its_beginning_and_ends_with_any_other_outcome(alice, run):
    job = make_job(alice)
    run(job, raising(NotReadyYet("The song is on its way.")))
    since = job.waits_since
    jobs.filter(pk=job.pk).update(not_before=None)
    run(job, raising(NotReadyYet("The song is on its way.")))
    assert job.waits_since == since
    jobs.filter(pk=job.pk).update(not_before=None)
    run(job, raising(FfmpegError(-9, "killed")))
    assert (job.state, job.attempt, job.waits_since) == (State.QUEUED, 1, None)


def test_a_waiting_job_that_is_cancelled_ends(alice, run):
    job = make_job(alice)

    def handler(run):
        jobs.request_cancel(run.job.pk)
        raise NotReadyYet("The song is on its way.")

    run(job, handler)
    assert job.state == State.CANCELLED


@pytest.mark.parametrize(("fits", "attempt"), [(False, 0), (True, 1)])
def test_an_error_of_a_database_that_is_being_migrated_is_no_attempt(alice, run, monkeypatch, fits, attempt):
    monkeypatch.setattr("mixes.services.schema.fits", lambda: fits)
    job = make_job(alice)
    run(job, raising(ProgrammingError('column "colour" does not exist')))
    assert (job.state, job.attempt, "being updated" in job.message) == (State.QUEUED, attempt, not fits)


@pytest.mark.parametrize("error", [FfmpegError(-9, "killed"), ZeroDivisionError("oops")])
def test_a_retryable_failure_is_requeued_with_backoff(alice, run, given_up, error):
    job = make_job(alice)
    run(job, raising(error))
    assert (job.state, job.attempt) == (State.QUEUED, 1)
    assert job.not_before > timezone.now()
    assert given_up == []


def test_the_last_attempt_ends_with_a_sentence_that_shows_no_code(alice, run, given_up):
    job = make_job(alice, attempt=MAX_ATTEMPTS - 1)
    run(job, raising(ZeroDivisionError("secret detail")))
    assert (job.state, job.error_text) == (State.FAILED, f"{INTERNAL_ERROR} {NOTHING_LOST}")
    assert given_up == [(job.pk, State.FAILED, job.error_text)]


def test_a_cancelled_job_ends_as_cancelled(alice, run, given_up):
    job = make_job(alice)

    def handler(run):
        jobs.request_cancel(run.job.pk)
        run.beat()
        assert run.should_stop()
        raise Cancelled

    run(job, handler)
    assert (job.state, job.error_text) == (State.CANCELLED, "")
    assert given_up == [(job.pk, State.CANCELLED, "")]


def test_a_cancel_at_the_last_moment_never_becomes_done(alice, run, given_up):
    job = make_job(alice)

    def handler(run):
        jobs.request_cancel(run.job.pk)
        return lambda: {"result": {}, "measured_at": timezone.now()}

    run(job, handler)
    assert (job.state, job.result) == (State.CANCELLED, None)
    assert given_up


def test_a_stopping_worker_requeues_its_job_without_counting_the_attempt(alice, run, monkeypatch):
    job = make_job(alice)
    monkeypatch.setattr("mixes.jobs.runner.is_stopping", lambda: True)

    def handler(run):
        run.beat()
        assert run.should_stop()
        raise Cancelled

    run(job, handler)
    assert (job.state, job.attempt, job.not_before) == (State.QUEUED, 0, None)


def test_an_attempt_that_lost_its_lease_changes_nothing(alice, run):
    job = make_job(alice)

    def handler(run):
        hold(run.job)  # another worker has claimed it
        return lambda: {"result": {}, "measured_at": timezone.now()}

    assert run(job, handler) is None
    assert (job.state, job.result) == (State.RUNNING, None)


def test_an_attempt_whose_row_is_deleted_stops(alice, given_up):
    job = make_job(alice)
    token = jobs.claim(job.pk, "w:1")

    def handler(run):
        alice.delete()
        run.beat()
        assert run.should_stop()
        raise Cancelled

    assert run_claimed(make_kind(handler, given_up), job.pk, token, beats=False) is None
    assert not jobs.exists()
    assert given_up == []


def test_a_failed_commit_is_rolled_back(alice, run):
    job = make_job(alice)

    def commit():
        job.track.title = "half"
        job.track.save()
        raise ZeroDivisionError

    run(job, lambda run: commit)
    job.track.refresh_from_db()
    assert (job.state, job.track.title) == (State.QUEUED, "")


def test_the_next_heartbeat_writes_progress(alice, run):
    job = make_job(alice)

    def handler(run):
        run.on_progress("render", 0.5)
        run.set_message("Mixing")
        run.beat()
        row = jobs.get(pk=run.job.pk)
        assert (row.stage, row.progress, row.message) == ("render", 500, "Mixing")
        return lambda: {"result": {}, "measured_at": timezone.now()}

    run(job, handler)
    assert job.state == State.DONE


def test_the_reaper_ends_rows_without_attempts_and_requeues_the_rest(alice, given_up):
    poison, unlucky, cancelled = make_job(alice), make_job(alice), make_job(alice)
    hold(poison, seconds=-1, attempt=MAX_ATTEMPTS)
    hold(unlucky, seconds=-1)
    hold(cancelled, seconds=-1, cancel_requested=True)
    reap((make_kind(None, given_up),))
    for job in (poison, unlucky, cancelled):
        job.refresh_from_db()
    assert (poison.state, poison.error_text) == (State.FAILED, KILLED_TOO_OFTEN)
    assert (unlucky.state, cancelled.state) == (State.QUEUED, State.CANCELLED)
    assert sorted(given_up) == sorted(
        [(poison.pk, State.FAILED, KILLED_TOO_OFTEN), (cancelled.pk, State.CANCELLED, "")]
    )


def test_workers_are_not_stopping_by_default():
    assert not shutdown.is_stopping()


def test_files_of_a_rolled_back_commit_are_removed(alice, run, tmp_path):
    """Only the files it stored: a file that had the name before belongs to another row."""
    job = make_job(alice)

    def place(name, content):
        path = tmp_path / content
        path.write_text(content)
        storage.store(path, name)

    def commit():
        place("artifacts/aa/new", "new")
        place("artifacts/aa/old", "the same again")
        raise ZeroDivisionError

    place("artifacts/aa/old", "old")
    run(job, lambda run: commit)
    assert list(storage.stored_names()) == ["artifacts/aa/old"]


def test_files_of_a_commit_refused_by_the_row_are_removed(alice, run, tmp_path):
    (tmp_path / "file").write_text("sound")

    def commit():
        storage.store(tmp_path / "file", "artifacts/aa/new")
        return {"result": {}}  # a result without `measured_at`: the database refuses it

    assert run(make_job(alice), lambda run: commit) == State.QUEUED
    assert list(storage.stored_names()) == []


def test_at_end_callbacks_run_whatever_the_outcome(alice, run):
    done = []

    def handler(run):
        run.at_end.callback(done.append, run.job.pk)
        raise ZeroDivisionError

    job = make_job(alice)
    run(job, handler)
    assert done == [job.pk]
