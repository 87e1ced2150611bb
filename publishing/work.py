"""Context of one publication job: its row, fenced writes and error handling."""

import logging
import time
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from mixes.engine.errors import Cancelled, EngineError
from mixes.jobs.runner import MESSAGE_LENGTH, JobRun, Postponed
from mixes.services.database_retry import retry_until_database_answers
from mixes.services.wording import Words
from publishing import mails, problems
from publishing.models import HELD, Phase, Publication
from publishing.problems import Problem, Retry, ServiceError
from publishing.protocol import publisher_of

logger = logging.getLogger(__name__)

MAX_PAUSE_S = 4.0  # longest wait inside a worker; for a longer one the row returns to the queue
STOP_POLL_S = 0.1
SEARCH_AFTER_S = (600, 3000)  # delays of the second and third search; the first one is immediate
DEACTIVATED = "deactivated"  # error code of a row whose owner is not active
Row = TypeVar("Row", bound=Publication)


class PublicationRefused(EngineError):
    """A final failure of a publication; str() is the sentence for its owner."""


class PublicationWork(ABC, Generic[Row]):
    """One attempt of a publication job."""

    after_upload: tuple[Words, Words]  # once the service has the file: sentences for a wait and for a hold

    def __init__(self, run: JobRun, row: Row) -> None:
        self.run = run
        self.row = row
        self.rows = type(row)._default_manager
        self.has_progress = False  # true after a write that makes earlier failures irrelevant

    @abstractmethod
    def classify(self, error: ServiceError, step: str) -> Problem:
        """Classify an error of the service."""

    @abstractmethod
    def mark_lost_grant(self) -> None:
        """Mark the grant of the row as lost."""

    @abstractmethod
    def last_word(self, problem: Problem) -> str:
        """Return the sentence for an error that is no longer retried."""

    @property
    def max_pause_s(self) -> float:
        return MAX_PAUSE_S

    @property
    def percent(self) -> int:
        return 100 * self.row.offset // max(1, self.row.size)

    def is_hopeless(self, problem: Problem, failures: int, since: datetime, now: datetime) -> bool:
        return problems.is_out_of_time(problem, since, now)

    def next_try(self, problem: Problem, failures: int, now: datetime) -> datetime:
        return now + timedelta(seconds=problems.delay_s(problem, failures))

    def reason(self, code: str) -> dict[str, Any]:
        """Return the column of the service's reason code."""
        return {self.row.REASON: code[:100]}

    def write(self, *, unless_cancelled: bool = False, **columns: Any) -> None:
        """Write to the row while this worker holds its lease. Raises Cancelled when it no longer does."""
        rows = self.rows.held(self.row.pk, self.run.token)
        free = rows.filter(cancel_requested=False) if unless_cancelled else rows
        if not retry_until_database_answers(partial(free.update, **columns))():
            self.run.stop_reason = "cancel" if rows.exists() else "lost"
            raise Cancelled
        for name, value in columns.items():
            setattr(self.row, name, value)

    def write_progress(self, **columns: Any) -> None:
        """Write progress that will not be repeated, and reset the failure counters."""
        no_failure = {
            "attempt": 0,
            "failures": 0,
            "failing_since": None,
            "error_code": "",
            "message": "",
            **self.reason(""),
        }
        self.write(**no_failure | columns)
        self.has_progress = True

    def note(self, sentence: str) -> None:
        """Add a note for the owner, unless it is there already."""
        if sentence not in self.row.notes:
            self.write(notes=[*self.row.notes, sentence])

    def sentence_for(self, problem: Problem, until: datetime | None = None) -> str:
        """Return the sentence for the owner; it differs once the service has the file."""
        if self.row.result_id and problem.retry != Retry.NEVER:
            return str(self.after_upload[problem.retry == Retry.HELD])
        return problems.sentence_of(problem, percent=self.percent, until=until)

    def pause(self, seconds: float) -> None:
        """Sleep, and keep checking for a stop. Raises Cancelled."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if self.run.should_stop():
                raise Cancelled
            time.sleep(STOP_POLL_S)

    def postpone(self, **columns: Any) -> NoReturn:
        """End this attempt; the row is due again at `not_before`. Raises Postponed."""
        raise Postponed(**columns)

    def hold(self, phase: str, code: str, sentence: str, **columns: Any) -> NoReturn:
        """Hold the row until its owner or an operator acts, and mail the owner. Raises Postponed."""
        self.run.at_end.callback(mails.mail_hold, type(self.row), self.row.pk, sentence)
        self.postpone(
            phase=phase, not_before=HELD, error_code=code, message=sentence[:MESSAGE_LENGTH], **columns
        )

    def hold_for_review(self, **columns: Any) -> NoReturn:
        """Ask the owner whether the service has the file. Raises Postponed."""
        sentence = str(publisher_of(self.row).may_be_there)
        self.hold(Phase.NEEDS_REVIEW, "maybe_there", sentence, **columns)

    def look_again_or_ask(self) -> NoReturn:
        """Look for a result of an unclear upload again later, or ask the owner. Raises Postponed."""
        looks = self.row.looks + 1
        if looks > len(SEARCH_AFTER_S):
            self.hold_for_review(looks=looks)
        self.postpone(
            phase=Phase.WAITING,
            not_before=timezone.now() + timedelta(seconds=SEARCH_AFTER_S[looks - 1]),
            looks=looks,
            error_code="looking",
            message=str(publisher_of(self.row).looking),
        )

    def stop_if_deactivated(self) -> None:
        """Hold the row while its owner's account is not active. Raises Postponed."""
        if not self.rows.filter(pk=self.row.pk, owner__is_active=False).exists():
            return
        message = _("The account is deactivated. The publication continues when it is active again.")
        self.postpone(phase=self.row.phase, not_before=HELD, error_code=DEACTIVATED, message=message)

    def fail(self, code: str, sentence: str, reason: str = "") -> NoReturn:
        """Fail the publication. Raises PublicationRefused."""
        self.write(error_code=code, **self.reason(reason))
        raise PublicationRefused(sentence)

    def handle_error(self, error: ServiceError, step: str) -> None:
        """Handle an error: sleep and return, or end this attempt. Raises Postponed, PublicationRefused."""
        problem = self.classify(error, step)
        label = publisher_of(self.row).label
        logger.warning("%s: %s at %s (%s)", label, problem.code, step, error)
        if problem.is_for_operator:
            logger.error("%s does not let this site publish: %s", label, problem.reason or problem.code)
        if problem.retry == Retry.NEVER:
            self.fail(problem.code, problems.sentence_of(problem), problem.reason)
        if problem.retry == Retry.HELD:
            self._hold_for(problem)
        self._try_again(problem)

    def _hold_for(self, problem: Problem) -> NoReturn:
        if problem.phase == Phase.NEEDS_RECONNECT:
            self.mark_lost_grant()
        self.hold(problem.phase, problem.code, self.sentence_for(problem), **self.reason(problem.reason))

    def _try_again(self, problem: Problem) -> None:
        """Count a failure of this kind, then sleep if the delay is short, else requeue. Raises Postponed."""
        now = timezone.now()
        began_at = self.row.failing_since if self.row.error_code == problem.code else None
        failures = self.row.failures + 1 if began_at else 1
        since = began_at or now
        if self.is_hopeless(problem, failures, since, now):
            self.fail(problem.code, self.last_word(problem), problem.reason)
        again_at = self.next_try(problem, failures, now)
        sentence = self.sentence_for(problem, again_at)
        columns: dict[str, Any] = {
            "failures": failures,
            "failing_since": since,
            "error_code": problem.code,
            "message": sentence[:MESSAGE_LENGTH],
            **self.reason(problem.reason),
        }
        if again_at - now <= timedelta(seconds=self.max_pause_s):
            self.write(**columns)
            self.pause((again_at - now).total_seconds())
            return
        phase = self.row.phase if self.row.result_id else problem.phase
        self.postpone(phase=phase, not_before=again_at, **columns)
