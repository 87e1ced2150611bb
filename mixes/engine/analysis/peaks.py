"""The waveform outline of a track: at most 4,000 pairs of lowest and highest sample, for any length.

In: blocks of float32 stereo. Out: pairs of integers from -127 to 127 (full scale) over both channels, each
for the same number of frames.
"""

import sys
from array import array
from functools import cache

import numpy as np

from mixes.engine.samples import Samples

MAX_POINTS = 4000  # even; the width of the widest screens in pixels
FIRST_FRAMES_PER_POINT = 64  # 1.5 ms at 44.1 kHz; doubled whenever MAX_POINTS is reached
FULL_SCALE = 127  # a point fits two signed bytes

Pairs = tuple[tuple[int, int], ...]  # lowest and highest


def pack_pairs(pairs: Pairs) -> str:
    """Return pairs as hexadecimal text, two bytes each: JSON with thousands of lists is slow to parse."""
    return array("b", [value for pair in pairs for value in pair]).tobytes().hex()


def unpack_pairs(text: str) -> Pairs:
    """Return the pairs in a text of `pack_pairs`. Raises ValueError or TypeError when it is malformed."""
    return tuple(map(_unpack_pair, memoryview(bytes.fromhex(text)).cast("H")))


@cache
def _unpack_pair(code: int) -> tuple[int, int]:
    """Return the pair in the two bytes of `code`; equal pairs of all tracks share one object."""
    low, high = array("b", code.to_bytes(2, sys.byteorder))
    return low, high


class PeakCollector:
    """Collects the outline of a stream of unknown length, block by block."""

    def __init__(self) -> None:
        self.frames_per_point = FIRST_FRAMES_PER_POINT
        self._points = np.zeros((MAX_POINTS, 2), dtype=np.float32)  # lowest, highest
        self._count = 0
        self._pending: Samples = np.zeros((0, 2), dtype=np.float32)  # less than one point

    def push(self, block: Samples) -> None:
        """Add the next frames: finite float32 of shape (n, 2)."""
        rest = np.concatenate((self._pending, block), dtype=np.float32)
        while len(rest) >= self.frames_per_point:
            rest = rest[self._collect(rest) :]
        self._pending = rest.copy()

    def pairs(self) -> Pairs:
        """Return (lowest, highest) for every `frames_per_point` frames so far; the last may cover fewer."""
        points = self._points[: self._count]
        if len(self._pending):
            points = np.vstack((points, (self._pending.min(), self._pending.max())))
        scaled = np.rint(np.clip(points, -1.0, 1.0) * FULL_SCALE).astype(int).tolist()
        return tuple((low, high) for low, high in scaled)

    def _collect(self, frames: Samples) -> int:
        """Convert frames, shape (n, 2), to points until those are full; return the number of frames used."""
        count = min(len(frames) // self.frames_per_point, MAX_POINTS - self._count)
        used = count * self.frames_per_point
        rows = frames[:used].reshape(count, -1)
        new = self._points[self._count : self._count + count]
        new[:, 0], new[:, 1] = rows.min(axis=1), rows.max(axis=1)
        self._count += count
        if self._count == MAX_POINTS:
            self._join_neighbours()
        return used

    def _join_neighbours(self) -> None:
        pairs = self._points.reshape(-1, 2, 2)
        self._count = MAX_POINTS // 2
        lowest, highest = pairs[:, :, 0].min(axis=1), pairs[:, :, 1].max(axis=1)
        self._points[: self._count] = np.column_stack((lowest, highest))
        self.frames_per_point *= 2
