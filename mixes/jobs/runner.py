"""Run a claimed job: renew its lease while it works, record its outcome exactly once.

A handler gets a `JobRun`, does the work and returns a `Commit` that writes the result. The commit and the end
of the job's row happen in one transaction, and only while the lease token is still valid.
"""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, Error, close_old_connections, connections, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from mixes.engine.errors import BrokenOutputError, Cancelled, EngineError, FfmpegError, StalledError
from mixes.job_context import job_id
from mixes.jobs import pulses
from mixes.jobs.shutdown import is_stopping
from mixes.leases import (
    LEASE,
    PROGRESS_FULL,
    Leased,
    State,
    backoff,
    ended,
    lease_expired,
    released,
    requeued,
    waiting_for,
)
from mixes.services import schema, storage, wording
from mixes.services.database_retry import retry_until_database_answers
from mixes.services.limits import LimitReached
from mixes.services.waiting import NotReadyYet

logger = logging.getLogger(__name__)

BEAT_S = 1.0  # interval at which progress is written and cancellation is noticed
RENEW_S = 10.0  # interval at which the lease is renewed
MESSAGE_LENGTH = 200  # characters, the size of the column
MAX_WAIT = timedelta(hours=6)  # for something that is not ready
MIN_ETA_FRACTION = 0.02  # below this the remaining time is a guess
INTERNAL_ERROR = gettext_noop("Something went wrong on our side.")
CHILD_FAILED = gettext_noop("A program that works on the sound ended unexpectedly.")
BEING_UPDATED = gettext_noop("This site is being updated; the job waits until that is done.")
WAITED_TOO_LONG = gettext_noop("It waited for %s, so it was given up.")
NOTHING_LOST = gettext_noop("What you added is safe; try again.")
KILLED_TOO_OFTEN = gettext_noop(
    "The system stopped this job again and again, so it was given up. What you added is safe; try again."
)

Commit = Callable[[], dict[str, Any]]  # returns further column values of the job's own row


class Postponed(Exception):
    """Raised by a handler to continue later: the row is requeued and the attempt does not count.

    `columns` are written with it, such as `not_before`, or `attempt=0` after lasting progress.
    """

    def __init__(self, **columns: Any) -> None:
        super().__init__()
        self.columns = columns


class JobRun:
    """One attempt at a job, as its handler sees it: the claimed row, progress reports and cancellation."""

    def __init__(self, job: Leased, token: uuid.UUID) -> None:
        self.job = job
        self.token = token
        self.stop_reason = ""  # cancel, drain, lost, or silence of the database
        self.is_ending = False  # the handler has returned or failed, and the outcome is being written
        self.at_end = contextlib.ExitStack()  # callbacks run after the outcome is written, whatever it is
        self._pending: dict[str, Any] = {}
        self._written: dict[str, Any] = {}
        self._begun: tuple[float, float] | None = None  # seconds, fraction at the first report
        self._renewed_s = self._beaten_s = time.monotonic()

    def on_progress(self, stage: str, fraction: float) -> None:
        """Record the progress of the whole job, 0 to 1; the next heartbeat writes it."""
        now_s = time.monotonic()
        begun_s, begun = self._begun = self._begun or (now_s, fraction)  # a resumed job starts above 0
        done = fraction - begun
        eta_s = round((now_s - begun_s) * (1 - fraction) / done) if done > MIN_ETA_FRACTION else None
        self._pending |= {
            "stage": stage,
            "progress": round(PROGRESS_FULL * min(1.0, max(0.0, fraction))),
            "eta_s": eta_s,
        }

    def set_message(self, message: str) -> None:
        """Record a short sentence for the job's page."""
        self._pending |= {"message": message[:MESSAGE_LENGTH]}

    def should_stop(self) -> bool:
        return bool(self.stop_reason)

    def beat(self) -> None:
        """Read the row, renew the lease and write progress; called every `BEAT_S` seconds."""
        try:
            self._beat()
        except Error as error:
            logger.warning("The database did not answer a job's beat; trying again: %s", error)
            close_old_connections()  # a broken connection must not be reused
            if time.monotonic() - self._renewed_s > LEASE.total_seconds():
                self.stop_reason = "silence"
        self._beaten_s = time.monotonic()

    def may_hold_row(self) -> bool:
        """Return whether this run may still hold its row, as far as it knows: then it shows a pulse."""
        is_heard = time.monotonic() - self._beaten_s < LEASE.total_seconds()  # the last beat did not hang
        return self.is_ending or (is_heard and self.stop_reason != "lost")

    def _beat(self) -> None:
        row = type(self.job).objects.held(self.job.pk, self.token)
        found = row.annotate(is_late=lease_expired()).values_list("cancel_requested", "is_late").first()
        cancel, is_late = found or (False, False)
        if found is None:
            self.stop_reason = "lost"
        elif cancel:
            self.stop_reason = "cancel"
        elif is_stopping():
            self.stop_reason = "drain"
        changes = {name: value for name, value in self._pending.items() if self._written.get(name) != value}
        # expired but not reassigned: the database clock was changed, or the whole machine was suspended
        if renew := is_late or time.monotonic() - self._renewed_s > RENEW_S:
            changes["lease_until"] = Now() + LEASE
        if changes and row.update(**changes) and renew:
            self._renewed_s = time.monotonic()
        self._written |= changes


Handler = Callable[[JobRun], Commit]
OnFailure = Callable[
    [Leased, State, str], None
]  # job, FAILED or CANCELLED, sentence; called in the same transaction


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job: its model, its handler, and what else happens when a job fails or is cancelled.

    `clean_up` removes what dead workers left behind.
    """

    model: type[Leased]
    handle: Handler
    on_failure: OnFailure
    clean_up: Callable[[], None] = lambda: None


def run_claimed(kind: JobKind, pk: object, token: uuid.UUID, *, beats: bool = True) -> State | None:
    """Run a claimed row; return its resulting state, or None when the lease was lost."""
    job = retry_until_database_answers(kind.model.objects.filter(pk=pk).first)()
    if job is None:  # deleted with its owner's account a moment ago
        return None
    run = JobRun(job, token)
    if job.waits_since:
        run.set_message("")  # it said what the job waits for
    log_token = job_id.set(str(job.pk))
    try:
        with run.at_end, keep_alive(run) if beats else contextlib.nullcontext():
            try:
                return end_done(kind, run, handle(kind, run))
            except Postponed as later:
                return end_postponed(kind, run, later.columns)
            except NotReadyYet as waiting:
                return end_waiting(kind, run, str(waiting))
            except Cancelled:
                return end_stopped(kind, run)
            except (FfmpegError, BrokenOutputError):
                logger.exception("A child process of a job failed.")
                return end_retryable(kind, run, _(CHILD_FAILED))
            except StalledError as error:
                return end_retryable(kind, run, str(error))
            except (EngineError, LimitReached) as error:
                return end_failed(kind, run, str(error))
            except Exception as error:
                logger.exception("A job failed.")
                if isinstance(error, DatabaseError) and not schema.fits():
                    return end_waiting(kind, run, _(BEING_UPDATED))
                return end_retryable(kind, run, _(INTERNAL_ERROR))
    finally:
        job_id.reset(log_token)


def handle(kind: JobKind, run: JobRun) -> Commit:
    """Do the work of a job; return the function that writes its result."""
    try:
        return kind.handle(run)
    finally:
        run.is_ending = True


@contextlib.contextmanager
def keep_alive(run: JobRun) -> Iterator[None]:
    """Send heartbeats and pulses until the block ends, from a thread for each: a heartbeat may hang."""
    over = threading.Event()

    def beat() -> None:
        try:
            while not over.wait(BEAT_S):
                run.beat()
        finally:
            connections.close_all()

    def pulse() -> None:
        pulses.send()
        while not over.wait(BEAT_S):
            if run.may_hold_row():
                pulses.send()

    threads = [threading.Thread(target=target, name=target.__name__, daemon=True) for target in (beat, pulse)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
        pulses.send(pulses.END)


@retry_until_database_answers
def end_done(kind: JobKind, run: JobRun, commit: Commit) -> State | None:
    """Write the result and end the row in one transaction, unless the lease is lost or the job cancelled."""
    row = kind.model.objects.held(run.job.pk, run.token)
    with transaction.atomic():
        cancel = row.select_for_update().values_list("cancel_requested", flat=True).first()
        if cancel is False:
            with storage.removed_on_error():
                columns = {**ended(State.DONE), "progress": PROGRESS_FULL, "message": "", **commit()}
                row.update(**columns)
            return State.DONE
    run.stop_reason = "lost" if cancel is None else "cancel"
    return end_stopped(kind, run)


@retry_until_database_answers
def end_postponed(kind: JobKind, run: JobRun, columns: dict[str, Any]) -> State | None:
    """Requeue a postponed row without counting the attempt, unless it was cancelled meanwhile."""
    row = kind.model.objects.held(run.job.pk, run.token)
    if row.filter(cancel_requested=False).update(**{**released(), **columns}):
        return State.QUEUED
    run.stop_reason = "cancel" if row.exists() else "lost"
    return end_stopped(kind, run)


@retry_until_database_answers
def end_waiting(kind: JobKind, run: JobRun, sentence: str) -> State | None:
    """Requeue a job that waits for what `sentence` names, without counting the attempt.

    A job that has waited for MAX_WAIT fails, and says for what.
    """
    held = kind.model.objects.held(run.job.pk, run.token)
    rows = held.filter(waits_since__lt=Now() - MAX_WAIT, cancel_requested=False)
    given_up = _(WAITED_TOO_LONG) % wording.long_words(MAX_WAIT.total_seconds())
    if ended_as := fail(kind, rows, run.job, f"{sentence} {given_up} {_(NOTHING_LOST)}"):
        return ended_as
    return end_postponed(kind, run, waiting_for(sentence[:MESSAGE_LENGTH]))


@retry_until_database_answers
def end_stopped(kind: JobKind, run: JobRun) -> State | None:
    """Record a stop: end a cancelled row, or requeue it without counting the attempt."""
    row = kind.model.objects.held(run.job.pk, run.token)
    if run.stop_reason == "cancel":
        with transaction.atomic():
            if not row.update(**ended(State.CANCELLED)):
                return None
            kind.on_failure(run.job, State.CANCELLED, "")
        return State.CANCELLED
    return State.QUEUED if row.update(**released()) else None


@retry_until_database_answers
def end_retryable(kind: JobKind, run: JobRun, reason: str) -> State | None:
    """Record a retryable failure: requeue with backoff while attempts remain.

    The job's page shows `reason` meanwhile; after the last attempt the job fails with it.
    """
    row = kind.model.objects.held(run.job.pk, run.token)
    again = row.filter(attempt__lt=F("max_attempts"), cancel_requested=False)
    if again.update(**requeued(), not_before=backoff(), message=reason[:MESSAGE_LENGTH]):
        return State.QUEUED
    return fail(kind, row, run.job, f"{reason} {_(NOTHING_LOST)}")


@retry_until_database_answers
def end_failed(kind: JobKind, run: JobRun, sentence: str) -> State | None:
    """Record a permanent failure."""
    return fail(kind, kind.model.objects.held(run.job.pk, run.token), run.job, sentence)


def fail(kind: JobKind, rows: Any, job: Leased, sentence: str) -> State | None:
    """End one of `rows`, a query limited to rows the caller may end, with a sentence for the owner."""
    with transaction.atomic():
        if not rows.update(**ended(State.FAILED), error_text=sentence, message=""):
            return None
        kind.on_failure(job, State.FAILED, sentence)
    return State.FAILED


def reap(kinds: tuple[JobKind, ...]) -> None:
    """Requeue rows whose lease expired; end those without attempts left or cancelled."""
    for kind in kinds:
        for job in kind.model.objects.unrecoverable():
            rows = kind.model.objects.unrecoverable().filter(pk=job.pk)
            if not job.cancel_requested:
                fail(kind, rows, job, _(KILLED_TOO_OFTEN))
                continue
            with transaction.atomic():
                if rows.update(**ended(State.CANCELLED)):
                    kind.on_failure(job, State.CANCELLED, "")
        kind.model.objects.requeue_expired()
        kind.clean_up()
