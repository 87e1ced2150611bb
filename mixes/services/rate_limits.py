"""How often one person may do something, counted by the minute where the web server's threads all see it."""

import contextlib
import time

from django.core.cache import cache
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.services.limits import LimitReached

WINDOW_S = 60


class TooFast(LimitReached):
    """Something was done too often within a minute; str() is the sentence for its owner."""


def check_rate(owner: User, what: str, most: int) -> None:
    """Count one more `what` of `owner`. Raises TooFast when there were more than `most` in this minute."""
    key = f"rate:{what}:{owner.pk}:{int(time.time() // WINDOW_S)}"
    cache.add(key, 0, timeout=2 * WINDOW_S)
    with contextlib.suppress(ValueError):  # the cache was emptied in between
        if cache.incr(key) > most:
            raise TooFast(_("That was a lot at once. Wait a minute, then go on; nothing was lost."))
