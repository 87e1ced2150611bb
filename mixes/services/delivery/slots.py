"""How many downloads each user has open, counted in the web server's memory.

People without an account, such as listeners of a feed, are distinguished by their address.
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _


class Slots:
    """Downloads of one kind that are open, for each user."""

    def __init__(self) -> None:
        self._open: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def take(self, user: Hashable, most: int) -> Callable[[], None] | None:
        """Count one download; return what ends it, None when the user has `most` open."""
        with self._lock:
            if self._open[user] >= most:
                return None
            self._open[user] += 1
        return lambda: self._end(user)

    def count(self, user: Hashable) -> int:
        return self._open[user]

    def _end(self, user: Hashable) -> None:
        with self._lock:
            self._open[user] -= 1
            if self._open[user] <= 0:
                del self._open[user]


FILES: Final = Slots()  # sent by the web server's loop
ARCHIVES: Final = Slots()  # made while they are sent, each by a thread


def take_slot(slots: Slots, request: HttpRequest, most: int) -> Callable[[], None] | None:
    """Count a download of the request's user; return what ends it, None when there are too many."""
    return slots.take(_client_of(request), most)


def _client_of(request: HttpRequest) -> Hashable:
    user = getattr(request, "user", None)
    return getattr(user, "pk", None) or get_adapter().get_client_ip(request)


def too_many() -> HttpResponse:
    """Return the answer to a download beyond those a user may have open."""
    sentence = _(
        "You have as many downloads open as you may at once. Let one end or stop it, then try again."
    )
    return HttpResponse(
        sentence, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": "30"}
    )
