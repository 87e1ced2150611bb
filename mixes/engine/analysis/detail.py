"""The outline of a track for close looks: the lowest and highest sample of every 10 ms.

In: blocks of float32 stereo. Out: two signed bytes for each 10 ms over both channels, full scale at 127. A
minute takes 12 kB.
"""

import numpy as np

from mixes.engine.analysis.peaks import FULL_SCALE
from mixes.engine.samples import Samples

POINTS_PER_S = 100
BYTES_PER_POINT = 2


class DetailCollector:
    """Collects the detailed outline of a stream, block by block."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._points = bytearray()
        self._first = 0  # frame that the pending ones begin with
        self._pending: Samples = np.zeros((0, 2), dtype=np.float32)  # less than one point

    def push(self, block: Samples) -> None:
        """Add the next frames: finite float32 of shape (n, 2)."""
        frames = np.concatenate((self._pending, block), dtype=np.float32)
        first_point = len(self._points) // BYTES_PER_POINT
        whole = ((self._first + len(frames)) * POINTS_PER_S) // self._rate - first_point
        # points need not be whole numbers of frames apart, as at 22,050 Hz
        edges = np.arange(first_point, first_point + whole + 1) * self._rate // POINTS_PER_S - self._first
        if whole > 0:
            used = frames[: edges[-1]].reshape(-1)
            starts = 2 * edges[:-1]
            lowest, highest = np.minimum.reduceat(used, starts), np.maximum.reduceat(used, starts)
            self._points += _pack(lowest, highest)
            frames = frames[edges[-1] :]
            self._first += int(edges[-1])
        self._pending = frames.copy()

    def to_bytes(self) -> bytes:
        """Return lowest and highest of each point so far as signed bytes; the last may cover less."""
        rest = self._pending
        last = _pack(rest.min(keepdims=True), rest.max(keepdims=True)) if len(rest) else b""
        return bytes(self._points) + last


def _pack(lowest: Samples, highest: Samples) -> bytes:
    points = np.column_stack((lowest.reshape(-1), highest.reshape(-1)))
    return np.rint(np.clip(points, -1.0, 1.0) * FULL_SCALE).astype(np.int8).tobytes()
