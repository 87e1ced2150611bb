"""How errors of a service are retried, and how long; each publisher maps its own errors to a `Problem`."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from mixes.services.wording import Words

FIRST_DELAY_S, MAX_DELAY_S = 1.0, 300.0
BUSY_DELAY_S = 60.0  # first delay when a service asks for fewer calls
MAX_ASKED_DELAY_S = 6 * 3600.0  # upper limit for Retry-After
GIVE_UP_AFTER = timedelta(hours=24)  # without a response


class Retry(StrEnum):
    NEVER = "never"
    BACKOFF = "backoff"
    BUSY = "busy"  # backoff that starts at one minute
    MIDNIGHT = "midnight"  # at Google's midnight, when the quota resets
    TOMORROW = "tomorrow"  # in 24 hours, three times
    HELD = "held"  # when a person has acted


@dataclass(frozen=True, slots=True)
class Problem:
    """The classification of an error. `sentence` may contain %(percent)d and %(time)s."""

    code: str
    retry: Retry
    sentence: Words
    phase: str = ""  # phase of the row while it waits
    reason: str = ""  # the service's reason code
    field: str = ""  # form field to correct
    is_for_operator: bool = False
    asked_delay_s: float | None = None  # Retry-After


class ServiceError(Exception):
    """Base class of the errors of all clients of services."""


def backoff_s(failures: int, first_s: float = FIRST_DELAY_S) -> float:
    """Return the delay after consecutive failures, without jitter: doubled each time up to 5 minutes."""
    delay: float = first_s * 2 ** min(failures - 1, 20)
    return min(MAX_DELAY_S, delay)


def delay_s(problem: Problem, failures: int) -> float:
    """Return the delay with jitter; the service's Retry-After takes precedence."""
    if problem.asked_delay_s is not None:
        return min(MAX_ASKED_DELAY_S, max(FIRST_DELAY_S, problem.asked_delay_s))
    if problem.retry == Retry.BUSY:
        return backoff_s(failures, BUSY_DELAY_S) * random.uniform(1.0, 1.5)
    return backoff_s(failures) * random.uniform(0.5, 1.0)  # jitter spreads the retries


def is_out_of_time(problem: Problem, failing_since: datetime, now: datetime) -> bool:
    """Return whether it has failed for longer than retries make sense."""
    return problem.retry in (Retry.BACKOFF, Retry.BUSY) and now - failing_since > GIVE_UP_AFTER


def sentence_of(problem: Problem, *, percent: int = 0, until: datetime | None = None) -> str:
    """Return the problem's sentence for the owner."""
    return str(problem.sentence) % {"percent": percent, "time": time_words(until) if until else ""}


def time_words(moment: datetime) -> str:
    """Return a time as the end of a sentence: `at 09:00`, `tomorrow at 09:00`."""
    local, today = timezone.localtime(moment), timezone.localdate()
    clock = date_format(local, "H:i")
    if local.date() == today:
        return _("at %s") % clock
    if local.date() == today + timedelta(days=1):
        return _("tomorrow at %s") % clock
    return _("on %(day)s at %(clock)s") % {"day": date_format(local, "j F"), "clock": clock}
