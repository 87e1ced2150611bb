"""Context of one publication job: its row, YouTube's API, fenced writes and error handling."""

import logging
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NoReturn

from django.utils import timezone
from django.utils.translation import gettext as _

from mixes.engine.errors import Cancelled, EngineError
from mixes.jobs.runner import MESSAGE_LENGTH, JobRun, Postponed
from mixes.services.database_retry import retry_until_database_answers
from youtube_integration import problems
from youtube_integration.google.client import Api
from youtube_integration.google.types import GoogleError, GrantLost
from youtube_integration.models import HELD, YouTubePublication
from youtube_integration.problems import Problem, Retry, Step
from youtube_integration.services import publication_mails
from youtube_integration.services.credentials import api_for, mark_reconnect

logger = logging.getLogger(__name__)

MAX_PAUSE_S = 4.0  # longest wait inside a worker; for a longer one the row returns to the queue
STOP_POLL_S = 0.1
DEACTIVATED = "deactivated"  # error code of a row whose owner is not active
NO_FAILURE: dict[str, Any] = {
    "attempt": 0,
    "failures": 0,
    "failing_since": None,
    "error_code": "",
    "google_reason": "",
    "message": "",
}


class PublicationRefused(EngineError):
    """A final failure of a publication; str() is the sentence for its owner."""


class PublicationWork:
    """One attempt of a publication job."""

    def __init__(self, run: JobRun, row: YouTubePublication) -> None:
        self.run = run
        self.row = row
        self.has_progress = False  # true after a write that makes earlier failures irrelevant
        self._api: Api | None = None

    @property
    def api(self) -> Api:
        """Return YouTube's API for the row's owner. Raises GrantLost."""
        if self._api is None:
            if self.row.credential is None:
                raise GrantLost("disconnected")
            self._api = api_for(self.row.credential)
            self.run.at_end.callback(self._api.close)
        return self._api

    @property
    def video_id(self) -> str:
        """Return the id of the video, for the steps after its upload."""
        assert self.row.video_id is not None
        return self.row.video_id

    @property
    def percent(self) -> int:
        return 100 * self.row.offset // max(1, self.row.size)

    def write(self, *, unless_cancelled: bool = False, **columns: Any) -> None:
        """Write to the row while this worker holds its lease. Raises Cancelled when it no longer does."""
        rows = YouTubePublication.objects.held(self.row.pk, self.run.token)
        free = rows.filter(cancel_requested=False) if unless_cancelled else rows
        if not retry_until_database_answers(partial(free.update, **columns))():
            self.run.stop_reason = "cancel" if rows.exists() else "lost"
            raise Cancelled
        for name, value in columns.items():
            setattr(self.row, name, value)

    def write_progress(self, **columns: Any) -> None:
        """Write progress that will not be repeated, and reset the failure counters."""
        self.write(**NO_FAILURE | columns)
        self.has_progress = True

    def note(self, sentence: str) -> None:
        """Add a note for the owner, unless it is there already."""
        if sentence not in self.row.notes:
            self.write(notes=[*self.row.notes, sentence])

    def sentence_for(self, problem: Problem, until: datetime | None = None) -> str:
        """Return the sentence for the owner; it differs once YouTube has the video."""
        if self.row.video_id and problem.retry != Retry.NEVER:
            return str(problems.AFTER_UPLOAD[problem.retry == Retry.HELD])
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
        self.run.at_end.callback(publication_mails.mail_hold, self.row.pk, sentence)
        self.postpone(
            phase=phase, not_before=HELD, error_code=code, message=sentence[:MESSAGE_LENGTH], **columns
        )

    def stop_if_deactivated(self) -> None:
        """Hold the row while its owner's account is not active. Raises Postponed."""
        if not YouTubePublication.objects.filter(pk=self.row.pk, owner__is_active=False).exists():
            return
        message = _("The account is deactivated. The publication continues when it is active again.")
        self.postpone(phase=self.row.phase, not_before=HELD, error_code=DEACTIVATED, message=message)

    def fail(self, code: str, sentence: str, reason: str = "") -> NoReturn:
        """Fail the publication. Raises PublicationRefused."""
        self.write(error_code=code, google_reason=reason[:100])
        raise PublicationRefused(sentence)

    def handle_error(self, error: GoogleError, step: Step) -> None:
        """Handle an error: sleep and return, or end this attempt. Raises Postponed, PublicationRefused."""
        problem = problems.classify(error, step, reference=self.row.pk.hex[:8])
        logger.warning("YouTube: %s at %s (%s)", problem.code, step, error)
        if problem.is_for_operator:
            logger.error("Google does not let this site publish: %s", problem.reason or problem.code)
        if problem.retry == Retry.NEVER:
            self.fail(problem.code, problems.sentence_of(problem), problem.reason)
        if problem.retry == Retry.HELD:
            self._hold_for(problem)
        self._try_again(problem)

    def _hold_for(self, problem: Problem) -> NoReturn:
        if problem.phase == YouTubePublication.Phase.NEEDS_RECONNECT and self.row.credential:
            mark_reconnect(self.row.credential)
        sentence = self.sentence_for(problem)
        self.hold(problem.phase, problem.code, sentence, google_reason=problem.reason[:100])

    def _try_again(self, problem: Problem) -> None:
        """Count a failure of this kind, then sleep if the delay is short, else requeue. Raises Postponed."""
        now = timezone.now()
        began_at = self.row.failing_since if self.row.error_code == problem.code else None
        failures = self.row.failures + 1 if began_at else 1
        since = began_at or now
        if problems.is_hopeless(problem, failures, since, now):
            reason = problems.NOT_REACHED if problem.retry != Retry.TOMORROW else problems.CHANNEL_LIMIT_AGAIN
            self.fail(problem.code, str(reason), problem.reason)
        again_at = problems.next_try(problem, failures, now)
        sentence = self.sentence_for(problem, again_at)
        columns: dict[str, Any] = {
            "failures": failures,
            "failing_since": since,
            "error_code": problem.code,
            "google_reason": problem.reason[:100],
            "message": sentence[:MESSAGE_LENGTH],
        }
        if again_at - now <= timedelta(seconds=MAX_PAUSE_S):
            self.write(**columns)
            self.pause((again_at - now).total_seconds())
            return
        phase = self.row.phase if self.row.video_id else problem.phase
        self.postpone(phase=phase, not_before=again_at, **columns)
