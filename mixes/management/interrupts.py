"""Ctrl-C, SIGTERM and a closed terminal as a wish to stop: what runs cleans up and says so."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopOnSignal:
    """Called by the engine's `should_stop`; true once a signal has come."""

    signal_number = 0

    def __call__(self) -> bool:
        return bool(self.signal_number)

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that a signal ended."""
        return 128 + self.signal_number


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopOnSignal]:
    """Turn the first signal into a wish, the second into what it is without us."""
    should_stop = StopOnSignal()

    def note(number: int, frame: FrameType | None) -> None:
        should_stop.signal_number = number
        signal.signal(number, before[number])

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield should_stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
