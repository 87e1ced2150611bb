"""One run of one claimed row: kept alive while it works, ended exactly once.

A handler gets a `JobRun`, does its work and returns a `Commit`: the writes that belong to its result. They
happen in one transaction with the row's own end, and only while the token still holds the row.
"""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import Error, close_old_connections, connections, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from mixes.engine.errors import BrokenOutputError, Cancelled, EngineError, FfmpegError, StalledError
from mixes.job_context import job_id
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
)
from mixes.services import storage
from mixes.services.database_retry import retry_until_database_answers
from mixes.services.limits import LimitReached

logger = logging.getLogger(__name__)

BEAT_S = 1.0  # progress is written, and a wish to cancel seen, so often
RENEW_S = 10.0  # the lease is moved so often
MESSAGE_LENGTH = 200  # characters, as many as the column holds
MIN_ETA_FRACTION = 0.02  # before that much is done, a remaining time is a guess
INTERNAL_ERROR = gettext_noop("Something went wrong on our side.")
CHILD_FAILED = gettext_noop("A program that works on the sound ended unexpectedly.")
NOTHING_LOST = gettext_noop("What you added is safe; try again.")
KILLED_TOO_OFTEN = gettext_noop(
    "The system stopped this job again and again, so it was given up. What you added is safe; try again."
)

Commit = Callable[[], dict[str, Any]]  # gives more columns of the job's own row


class Postponed(Exception):
    """Ends a run that is to go on later: its row goes back to the queue, and that was no attempt.

    `columns` are written with it, such as `not_before`, and `attempt=0` where something was won for good.
    """

    def __init__(self, **columns: Any) -> None:
        super().__init__()
        self.columns = columns


class JobRun:
    """What a handler sees of its run: the row as it was claimed, whom to tell, whether to stop."""

    def __init__(self, job: Leased, token: uuid.UUID) -> None:
        self.job = job
        self.token = token
        self.stop_reason = ""  # cancel, drain or lost
        self.at_end = contextlib.ExitStack()  # what is to be done however the run ends, after its commit
        self._pending: dict[str, Any] = {}
        self._written: dict[str, Any] = {}
        self._begun: tuple[float, float] | None = None  # seconds, fraction, when work was first told of
        self._renewed_s = time.monotonic()

    def on_progress(self, stage: str, fraction: float) -> None:
        """Keep how far the whole job is, 0 to 1; the beat writes it."""
        now_s = time.monotonic()
        begun_s, begun = self._begun = self._begun or (now_s, fraction)  # a resumed job begins further on
        done = fraction - begun
        eta_s = round((now_s - begun_s) * (1 - fraction) / done) if done > MIN_ETA_FRACTION else None
        self._pending |= {
            "stage": stage,
            "progress": round(PROGRESS_FULL * min(1.0, max(0.0, fraction))),
            "eta_s": eta_s,
        }

    def set_message(self, message: str) -> None:
        """Keep a short sentence for the job's page."""
        self._pending |= {"message": message[:MESSAGE_LENGTH]}

    def should_stop(self) -> bool:
        return bool(self.stop_reason)

    def beat(self) -> None:
        """Look at the row and write to it, as often as `BEAT_S`."""
        try:
            self._beat()
        except Error as error:
            logger.warning("The database did not answer a job's beat; trying again: %s", error)
            close_old_connections()  # one that was cut is of no use any more
            if time.monotonic() - self._renewed_s > LEASE.total_seconds():
                self.stop_reason = "lost"

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
        # late, and still ours: the database's clock was set, or the whole machine slept
        if renew := is_late or time.monotonic() - self._renewed_s > RENEW_S:
            changes["lease_until"] = Now() + LEASE
        if changes and row.update(**changes) and renew:
            self._renewed_s = time.monotonic()
        self._written |= changes


Handler = Callable[[JobRun], Commit]
OnFailure = Callable[
    [Leased, State, str], None
]  # job, failed or cancelled, sentence; in the same transaction


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job: its rows, what runs them, what else changes when one fails or is cancelled.

    `clean_up` removes what dead workers left behind.
    """

    model: type[Leased]
    handle: Handler
    on_failure: OnFailure
    clean_up: Callable[[], None] = lambda: None


def run_claimed(kind: JobKind, pk: object, token: uuid.UUID, *, beats: bool = True) -> State | None:
    """Run a claimed row to its end; return the state it is in then, None when it is no longer ours."""
    job = retry_until_database_answers(kind.model.objects.filter(pk=pk).first)()
    if job is None:  # deleted with its owner a moment ago
        return None
    run = JobRun(job, token)
    log_token = job_id.set(str(job.pk))
    try:
        with run.at_end, keep_alive(run) if beats else contextlib.nullcontext():
            try:
                return end_done(kind, run, kind.handle(run))
            except Postponed as later:
                return end_postponed(kind, run, later.columns)
            except Cancelled:
                return end_stopped(kind, run)
            except (FfmpegError, BrokenOutputError):
                logger.exception("A child process of a job failed.")
                return end_retryable(kind, run, _(CHILD_FAILED))
            except StalledError as error:
                return end_retryable(kind, run, str(error))
            except (EngineError, LimitReached) as error:
                return end_failed(kind, run, str(error))
            except Exception:
                logger.exception("A job failed.")
                return end_retryable(kind, run, _(INTERNAL_ERROR))
    finally:
        job_id.reset(log_token)


@contextlib.contextmanager
def keep_alive(run: JobRun) -> Iterator[None]:
    """Keep the row alive from a thread of its own until the block ends."""
    over = threading.Event()

    def beat() -> None:
        try:
            while not over.wait(BEAT_S):
                run.beat()
        finally:
            connections.close_all()

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@retry_until_database_answers
def end_done(kind: JobKind, run: JobRun, commit: Commit) -> State | None:
    """Write the result and the row's end together, if the row is still ours and nobody cancelled it."""
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
    """Hand a row back that is to go on later, unless it was cancelled meanwhile."""
    row = kind.model.objects.held(run.job.pk, run.token)
    if row.filter(cancel_requested=False).update(**{**released(), **columns}):
        return State.QUEUED
    run.stop_reason = "cancel" if row.exists() else "lost"
    return end_stopped(kind, run)


@retry_until_database_answers
def end_stopped(kind: JobKind, run: JobRun) -> State | None:
    """Write why a run was stopped: cancelled for good, or handed back as if it had never begun."""
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
    """Write that a run failed for what may go well next time: back to the queue while it has attempts.

    Its page says `reason` until then; after the last attempt that is what it failed of.
    """
    row = kind.model.objects.held(run.job.pk, run.token)
    again = row.filter(attempt__lt=F("max_attempts"), cancel_requested=False)
    if again.update(**requeued(), not_before=backoff(), message=reason[:MESSAGE_LENGTH]):
        return State.QUEUED
    return fail(kind, row, run.job, f"{reason} {_(NOTHING_LOST)}")


@retry_until_database_answers
def end_failed(kind: JobKind, run: JobRun, sentence: str) -> State | None:
    """Write that a run failed for what would not go better next time."""
    return fail(kind, kind.model.objects.held(run.job.pk, run.token), run.job, sentence)


def fail(kind: JobKind, rows: Any, job: Leased, sentence: str) -> State | None:
    """End one of `rows`, which are as its fence lets them be, with a sentence for its owner."""
    with transaction.atomic():
        if not rows.update(**ended(State.FAILED), error_text=sentence, message=""):
            return None
        kind.on_failure(job, State.FAILED, sentence)
    return State.FAILED


def reap(kinds: tuple[JobKind, ...]) -> None:
    """Find the rows of workers that died: back to the queue, or ended where that was the last attempt."""
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
