"""Cooperative cancellation: long work calls a `should_stop` function repeatedly."""

from collections.abc import Callable

ShouldStop = Callable[[], bool]


def never() -> bool:
    """Return False; the default of every `should_stop`."""
    return False
