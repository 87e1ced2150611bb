"""How a caller stops what runs: a function that long work asks again and again."""

from collections.abc import Callable

ShouldStop = Callable[[], bool]


def never() -> bool:
    """Do not stop: the default of every `should_stop`."""
    return False
