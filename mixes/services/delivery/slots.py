"""How many downloads each user has open, counted in the web server's memory."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _


class Slots:
    """Downloads of one kind that are open, for each user."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._lock = threading.Lock()

    def take(self, user_pk: int, most: int) -> Callable[[], None] | None:
        """Count one download; return what ends it, None when the user has `most` open."""
        with self._lock:
            if self._open[user_pk] >= most:
                return None
            self._open[user_pk] += 1
        return lambda: self._end(user_pk)

    def count(self, user_pk: int) -> int:
        return self._open[user_pk]

    def _end(self, user_pk: int) -> None:
        with self._lock:
            self._open[user_pk] -= 1
            if self._open[user_pk] <= 0:
                del self._open[user_pk]


FILES: Final = Slots()  # sent by the web server's loop
ARCHIVES: Final = Slots()  # made while they are sent, each by a thread


def take_slot(slots: Slots, request: HttpRequest, most: int) -> Callable[[], None] | None:
    """Count a download of the request's user; return what ends it, None when there are too many."""
    return slots.take(getattr(getattr(request, "user", None), "pk", None) or 0, most)


def too_many() -> HttpResponse:
    """Return the answer to a download beyond those a user may have open."""
    sentence = _(
        "You have as many downloads open as you may at once. Let one end or stop it, then try again."
    )
    return HttpResponse(
        sentence, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": "30"}
    )
