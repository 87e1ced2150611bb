"""The beats of one song around a join, as a straight line: beat k is at `start_s + k * period_s`.

Beats before the first and behind the last that was measured lie on the same line. Sums are of whole frames,
so every machine finds the same line.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.measured import Rhythm

FEWEST_BEATS = 8  # that a line is drawn through
FARTHEST_S = 0.015  # of any of them from the line

Frames = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BeatLine:
    """Beats of a song by their number; number 0 is the first that was measured. Seconds of the file."""

    start_s: float
    period_s: float

    def at(self, beat: float) -> float:
        """Return the place of a beat."""
        return self.start_s + beat * self.period_s


@dataclass(frozen=True, slots=True)
class Beats:
    """All beats of a song, and which of them begin bars."""

    frames: Frames
    rate: int
    meter: int
    first_downbeat: int

    @classmethod
    def of(cls, rhythm: Rhythm, rate: int) -> "Beats":
        return cls(np.asarray(rhythm.beats, dtype=np.int64), rate, rhythm.meter, rhythm.first_downbeat)

    def number_near(self, place_s: float) -> int:
        """Return the number of the first measured beat from a place on."""
        return int(np.searchsorted(self.frames, place_s * self.rate))

    def downbeat_until(self, beat: float) -> int:
        """Return the number of the last downbeat at or before a beat."""
        return self.first_downbeat + math.floor((beat - self.first_downbeat) / self.meter) * self.meter

    def bar_of(self, beat: int) -> int:
        """Return the bar that a downbeat begins: bar 0 begins at the first downbeat."""
        return (beat - self.first_downbeat) // self.meter

    def line(self, first: int, last: int) -> BeatLine | None:
        """Return the line through beats `first` to `last`, as far as they were measured.

        None where they are few or do not lie on a line.
        """
        low, high = max(0, first), min(len(self.frames), last + 1)
        missing = FEWEST_BEATS - (high - low)
        if missing > 0:  # at an edge: the beats beside it
            low, high = max(0, low - missing), min(len(self.frames), high + missing)
        beats = self.frames[low:high]
        count = len(beats)
        if count < FEWEST_BEATS:
            return None
        numbers = np.arange(count, dtype=np.int64)
        sum_n, sum_nn = count * (count - 1) // 2, (count - 1) * count * (2 * count - 1) // 6
        sum_b, sum_nb = int(beats.sum()), int((beats * numbers).sum())
        period = (count * sum_nb - sum_n * sum_b) / (count * sum_nn - sum_n * sum_n)
        start = (sum_b - period * sum_n) / count
        if np.abs(beats - start - numbers * period).max() > FARTHEST_S * self.rate:
            return None
        return BeatLine((start - low * period) / self.rate, period / self.rate)

    def steady(self, first_s: float, last_s: float, within_s: float) -> int:
        """Return how many beats between two places lie halfway between their neighbours."""
        low, high = self.number_near(first_s), self.number_near(last_s)
        beats = self.frames[max(0, low - 1) : high + 1]
        off = np.abs(beats[2:] + beats[:-2] - 2 * beats[1:-1]) / 2
        return int((off <= within_s * self.rate).sum())
