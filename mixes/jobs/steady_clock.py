"""Clocks that are set while we work, and machines that sleep: noticed, because nothing can prevent them."""

import time

JUMP_S = 10.0  # a clock is read so late at times, when the machine is busy


class SteadyClock:
    """Compares a clock with the one that nobody can set, from look to look."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None

    def jump_s(self, now_s: float) -> float:
        """Return by how much the clock, which shows `now_s`, has jumped since the last look, if by much."""
        before_s, self._ahead_s = self._ahead_s, now_s - time.monotonic()
        jump_s = 0.0 if before_s is None else self._ahead_s - before_s
        return jump_s if abs(jump_s) > JUMP_S else 0.0
