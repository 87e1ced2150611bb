"""Turn Ctrl-C, SIGTERM and SIGHUP into a request to stop, so that work can clean up."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopOnSignal:
    """The `should_stop` of the engine: True once a signal has come."""

    signal_number = 0

    def __call__(self) -> bool:
        return bool(self.signal_number)

    @property
    def exit_status(self) -> int:
        """Return the exit status a shell expects after a signal: 128 plus its number."""
        return 128 + self.signal_number


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopOnSignal]:
    """Handle the first signal as a request to stop; restore the previous handler for the second."""
    should_stop = StopOnSignal()

    def note(number: int, frame: FrameType | None) -> None:
        should_stop.signal_number = number
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield should_stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
