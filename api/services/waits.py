"""Hold a request until a job ends, within a number of places so that the other requests find a thread."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

LONGEST_S = 30.0
LOOK_EVERY_S = 0.5
MOST_OF_ALL = 6  # a quarter of the web server's threads
MOST_OF_ONE = 2  # of one user

_waiting: Counter[int] = Counter()
_lock = threading.Lock()


@contextlib.contextmanager
def place(user_pk: int) -> Iterator[bool]:
    """Take a place for the block; yield False when this user or all users hold as many as they may."""
    with _lock:
        is_free = _waiting[user_pk] < MOST_OF_ONE and _waiting.total() < MOST_OF_ALL
        if is_free:
            _waiting[user_pk] += 1
    try:
        yield is_free
    finally:
        if is_free:
            with _lock:
                _waiting[user_pk] -= 1
                if not _waiting[user_pk]:
                    del _waiting[user_pk]


def wait_until(user_pk: int, seconds: float, is_over: Callable[[], bool]) -> None:
    """Return when `is_over`, after `seconds`, or at once when no place is free."""
    until_s = time.monotonic() + min(seconds, LONGEST_S)
    if seconds <= 0 or is_over():
        return
    with place(user_pk) as is_free:
        while is_free and time.monotonic() < until_s:
            time.sleep(min(LOOK_EVERY_S, max(0.0, until_s - time.monotonic())))
            if is_over():
                return
