"""The last thing before encoding: keeps the true peak under a ceiling without a sound of its own.

In: blocks of float32 stereo of any size. Out: the same number of frames, a few milliseconds later, with a
gain of at most 1 that begins to fall 3 ms before a peak and is back 3 ms after it. Both channels share the
gain, so nothing moves sideways. The result is the same to the bit for any cutting into blocks: the gain is
smoothed in whole numbers, whose sums do not depend on where a sum begins.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.true_peak import (
    CONTEXT,
    CONTEXT_AFTER,
    CONTEXT_BEFORE,
    Floats,
    peaks_above,
)
from mixes.engine.samples import Samples

DEFAULT_CEILING_DBTP = -1.7  # encoders overshoot by 0.2 to 0.7 dB: decoded MP3 and AAC stay under -0.9
LOOKAHEAD_S = 0.003  # long enough to be no click, short enough not to be heard before the peak
PIECE_FRAMES = 16_384  # worked out at a time: the memory of larger arrays goes back to the system each time
GAIN_STEPS = 1 << 24  # of the smoothed gain: as fine as float32, and sums of 3 ms squared fit 64 bits


class Limiter:
    """Look-ahead true-peak limiter. Push blocks through `process`, then `flush` once."""

    def __init__(
        self,
        rate: int,
        ceiling_dbtp: float = DEFAULT_CEILING_DBTP,
        within: tuple[int, int] | None = None,
    ) -> None:
        """Keep peaks under a ceiling; `within` are the only frames (last exclusive) whose peaks count."""
        self._within = within
        self._next = -CONTEXT_AFTER  # frame whose target gain is worked out next
        self._ceiling = np.float32(10 ** (ceiling_dbtp / 20))
        self._lookahead = round(LOOKAHEAD_S * rate)
        self._delay = 2 * self._lookahead + CONTEXT_AFTER
        self._delayed: Samples = np.zeros((self._delay, 2), dtype=np.float32)
        # around the first delayed frame
        self._target_gain: Floats = np.ones(4 * self._lookahead, dtype=np.float32)
        self._frames_to_drop = self._delay  # the silence held at first is not part of the sound
        self._lowest_gain = 1.0

    @property
    def max_reduction_db(self) -> float:
        """The most it has taken off so far, as a positive number."""
        return 20 * float(np.log10(1 / self._lowest_gain))

    def process(self, block: Samples) -> Samples:
        """Take the next finite frames, shape (n, 2), and return those that are ready; they may be fewer."""
        ready = np.empty((len(block), 2), dtype=np.float32)
        for start in range(0, len(block), PIECE_FRAMES):
            piece = block[start : start + PIECE_FRAMES]
            ready[start : start + len(piece)] = self._limit(piece)
        dropped = min(self._frames_to_drop, len(ready))
        self._frames_to_drop -= dropped
        return ready[dropped:]

    def flush(self) -> Samples:
        """Return the frames still held. Nothing may be processed after it."""
        return self.process(np.zeros((self._delay, 2), dtype=np.float32))

    def _limit(self, piece: Samples) -> Samples:
        """Return as many frames as `piece` has, later by the delay."""
        frames = len(piece)
        delayed = np.concatenate((self._delayed, piece), dtype=np.float32)
        self._delayed = delayed[frames:].copy()
        target_gain = self._find_target_gain(delayed[2 * self._lookahead - CONTEXT_BEFORE :], frames)
        around = np.concatenate((self._target_gain, target_gain))
        self._target_gain = around[frames:].copy()
        ready = delayed[:frames]
        if around.min() < 1.0:
            gain = smooth_gain(around, self._lookahead)
            self._lowest_gain = min(self._lowest_gain, float(gain.min()))
            ready[:, 0] *= gain
            ready[:, 1] *= gain
        return ready

    def _find_target_gain(self, padded: Samples, frames: int) -> Floats:
        """Return per frame the gain that would bring its true peak to the ceiling, 1 where it is under it."""
        target_gain = np.ones(frames, dtype=np.float32)
        for start, peaks in peaks_above(padded, float(self._ceiling)):
            higher = np.maximum(peaks[:, 0], peaks[:, 1])
            np.maximum(higher, self._ceiling, out=higher)
            np.divide(self._ceiling, higher, out=target_gain[start : start + len(higher)])
        if self._within:
            first, last = (min(max(0, frame - self._next), frames) for frame in self._within)
            target_gain[:first] = target_gain[last:] = 1.0
        self._next += frames
        return target_gain


def reach(rate: int) -> int:
    """Return how many frames before and after it the limited value of a frame may depend on."""
    return 2 * round(LOOKAHEAD_S * rate) + CONTEXT


def smooth_gain(target_gain: Floats, lookahead: int) -> Floats:
    """Return a smooth gain nowhere above `target_gain`, without the `2 * lookahead` values at each end.

    The minimum over `lookahead` on both sides, then two moving means which together are as wide: so each mean
    is taken over minima that all include the value in the middle.
    """
    steps = np.floor(window_minimum(target_gain, 2 * lookahead + 1) * np.float64(GAIN_STEPS)).astype(np.int64)
    total = window_sum(window_sum(steps, lookahead + 1), lookahead + 1)
    gain: Floats = (total / ((lookahead + 1) ** 2 * GAIN_STEPS)).astype(np.float32)
    return gain


def window_minimum(values: Floats, width: int) -> Floats:
    """Return the minimum of every `width` neighbours: `width - 1` values fewer. Widens by doubling."""
    covered = 1
    while 2 * covered <= width:
        values = np.minimum(values[:-covered], values[covered:])
        covered *= 2
    rest = width - covered
    return np.minimum(values[: len(values) - rest], values[rest:])


def window_sum(values: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return the sum of every `width` neighbours: `width - 1` values fewer."""
    sums = np.cumsum(values)
    sums[width:] -= sums[:-width].copy()
    return sums[width - 1 :]


def limit_blocks(
    blocks: Iterable[Samples],
    rate: int,
    ceiling_dbtp: float = DEFAULT_CEILING_DBTP,
    within: tuple[int, int] | None = None,
) -> Iterator[Samples]:
    """Yield the same number of frames as `blocks` have, limited; `within` as in `Limiter`."""
    limiter = Limiter(rate, ceiling_dbtp, within)
    for block in blocks:
        yield limiter.process(block)
    yield limiter.flush()
