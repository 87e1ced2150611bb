"""Gain laws of a crossfade: position in the overlap to the gains of the outgoing and the incoming clip."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.timeline import Transition

Gains = NDArray[np.float64]  # shape (points,), amplitude factors


@dataclass(frozen=True, slots=True)
class Fades:
    """Share of the overlap that each fade takes, 0 to 1; one ends with it, the other begins with it."""

    out_share: float = 1.0
    in_share: float = 1.0

    @classmethod
    def of(cls, transition: Transition, rate: int) -> "Fades":
        """Return the fades of a transition in a mix at `rate` Hz."""
        overlap_s = transition.overlap / rate
        if overlap_s <= 0:
            return cls()
        return cls(min(1.0, transition.fade_out_s / overlap_s), min(1.0, transition.fade_in_s / overlap_s))

    def out_progress(self, position: Gains) -> Gains:
        """Return how far the fade-out is, 0 to 1, at each position in the overlap."""
        if not self.out_share:
            return np.zeros_like(position)
        return np.minimum(np.maximum((position - (1.0 - self.out_share)) / self.out_share, 0.0), 1.0)

    def in_progress(self, position: Gains) -> Gains:
        """Return how far the fade-in is, 0 to 1, at each position in the overlap."""
        if not self.in_share:
            return np.ones_like(position)
        return np.minimum(position / self.in_share, 1.0)


def positions(frames: int) -> Gains:
    """Return where each of `frames` samples lies in its window, 0 to 1, taken at the samples' middles."""
    return (np.arange(frames) + 0.5) / frames


def equal_power(position: Gains) -> tuple[Gains, Gains]:
    """Gains whose squares add to 1: different songs keep their loudness through the middle."""
    return fall(position), rise(position)


def fall(position: Gains) -> Gains:
    """Return the falling gain of equal power."""
    return np.cos(position * (math.pi / 2))


def rise(position: Gains) -> Gains:
    """Return the rising gain of equal power."""
    return np.sin(position * (math.pi / 2))


def linear(position: Gains) -> tuple[Gains, Gains]:
    """Gains that add to 1: right for two copies of the same sound, 3 dB too quiet for different songs."""
    return 1.0 - position, position


def raised_cosine(position: Gains) -> Gains:
    """Return a gain that falls from 1 to 0 with a flat start and a flat end."""
    return 0.5 + 0.5 * np.cos(position * math.pi)


def hann(position: Gains) -> Gains:
    """Return an amount that rises from 0 to 1 in the middle and falls back to 0."""
    return np.sin(position * math.pi) ** 2


def db_to_gain(level_db: float) -> float:
    """Convert decibels to an amplitude factor."""
    return float(10.0 ** (level_db / 20.0))
