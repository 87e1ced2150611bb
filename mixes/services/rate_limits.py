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
    key = f"rate:{what}:{owner.pk}:{int(time.time() // WINDOW_S)}"
    cache.add(key, 0, timeout=2 * WINDOW_S)
    with contextlib.suppress(ValueError):  # the cache was cleared in between
        if cache.incr(key) > most:
            raise TooFast(_("That was a lot at once. Wait a minute, then go on; nothing was lost."))
