"""Transactions are retried while the database is unavailable, and only then."""

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from mixes.jobs import runner
from mixes.jobs.runner import JobRun, run_claimed
from mixes.leases import State
from mixes.services import database_retry
from mixes.services.database_retry import retry_until_database_answers
from mixes.tests.jobs.test_leases import jobs, make_job
from mixes.tests.jobs.test_runner import make_kind


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(database_retry, "PAUSES_S", (0.0,))


def failing(*errors):
    """Return a function that raises each of these errors in turn, then succeeds."""
    left = list(errors)

    def act():
        if left:
            raise left.pop(0)
        return "written"

    return act


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_retried_until_the_database_answers():
    assert retry_until_database_answers(
        failing(OperationalError("gone"), InterfaceError("closed"), OperationalError("no"))
    )()


@pytest.mark.django_db
def test_an_inner_transaction_is_not_retried():
    act = failing(OperationalError("gone"))
    with pytest.raises(OperationalError), transaction.atomic():
        retry_until_database_answers(act)()


def test_other_errors_are_raised_at_once():
    act = failing(IntegrityError("twice"))
    with pytest.raises(IntegrityError):
        retry_until_database_answers(act)()
    assert act() == "written", "it was done again"


@pytest.mark.django_db(transaction=True)
def test_retries_end_after_the_maximum_wait(monkeypatch):
    monkeypatch.setattr(database_retry, "MAX_WAIT_S", 0.0)
    with pytest.raises(OperationalError):
        retry_until_database_answers(failing(*[OperationalError("gone")] * 3))()


@pytest.mark.django_db(transaction=True)
def test_the_outcome_of_a_job_is_retried_and_written_once(alice, monkeypatch):
    job, given_up, commits = make_job(alice), [], []
    fall = failing(OperationalError("the server starts"), OperationalError("the server starts"))
    monkeypatch.setattr(runner.transaction, "atomic", after(fall, runner.transaction.atomic))

    def commit():
        commits.append(1)
        return {"result": {"sound": 1}, "measured_at": timezone.now()}

    kind = make_kind(lambda run: commit, given_up)
    assert run_claimed(kind, job.pk, jobs.claim(job.pk, "w:1"), beats=False) == State.DONE
    job.refresh_from_db()
    assert (job.state, job.result, job.attempt, commits) == (State.DONE, {"sound": 1}, 1, [1])


def after(fall, real):
    def wrapped(*arguments, **options):
        fall()
        return real(*arguments, **options)

    return wrapped


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file is not cut off; test_postgres.py runs it")
@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_reconnects_after_a_broken_connection(alice):
    job = make_job(alice)
    run = JobRun(job, jobs.claim(job.pk, "w:1"))
    run.on_progress("render", 0.5)
    connection.connection.close()
    run.beat()
    assert not run.should_stop()
    run.beat()
    assert jobs.get(pk=job.pk).progress == 500
