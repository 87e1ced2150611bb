"""Rate limits per user and minute, counted in the cache that all threads of the web server share."""

import contextlib
import time

from django.core.cache import cache
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.services.limits import LimitReached

WINDOW_S = 60


class TooFast(LimitReached):
    """Too many requests within a minute; str() is the sentence for the user."""


def check_rate(owner: User, what: str, most: int) -> None:
    """Count one request of kind `what` by `owner`. Raises TooFast above `most` per minute."""
    if count_request(what, owner.pk) > most:
        raise TooFast(_("That was a lot at once. Wait a minute, then go on; nothing was lost."))


def count_request(what: str, pk: object) -> int:
    """Count one request of kind `what` by a user or token; return its number in this minute, from 1."""
    key = f"rate:{what}:{pk}:{int(time.time() // WINDOW_S)}"
    cache.add(key, 0, timeout=2 * WINDOW_S)
    with contextlib.suppress(ValueError):  # the cache was cleared in between
        return cache.incr(key)
    return 1


def window_left_s() -> int:
    """Return the seconds until the counters begin from 0."""
    return WINDOW_S - int(time.time() % WINDOW_S)
