"""Detect jumps of the wall clock (time changes, suspend)."""

import time

JUMP_S = 10.0  # smaller differences can come from a busy machine


class SteadyClock:
    """Compares a wall clock with the monotonic clock between calls."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None

    def jump_s(self, now_s: float) -> float:
        """Return the jump of the clock reading `now_s` since the last call, in seconds; 0.0 up to JUMP_S."""
        before_s, self._ahead_s = self._ahead_s, now_s - time.monotonic()
        jump_s = 0.0 if before_s is None else self._ahead_s - before_s
        return jump_s if abs(jump_s) > JUMP_S else 0.0
