"""The tempo of a track: the period whose bars, and whose groups of bars, repeat all through it.

In: onset curves. Out: the period of the beat in frames of 10 ms, how strongly it repeats, and how far it is
ahead of the periods that are mixed up with it. A comb over a few seconds finds 4/3, 3/2 or 2/3 of the tempo
in every third song; the autocorrelation of the whole track does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixes.engine.music.curves import Values, local_mean
from mixes.engine.music.onsets import FPS

SLOWEST, FASTEST = 50.0, 220.0  # beats a minute
USUAL, USUAL_OCTAVES = 118.0, 0.9  # where the tempos of music lie, log-normal
USUAL_WEIGHT = 0.8
PERIODS = 480  # tried
METERS = {  # beats after which music repeats, and how much each counts
    4: ((1, 0.6), (2, 0.7), (4, 1.0), (8, 0.9), (16, 0.8)),
    3: ((1, 0.6), (3, 1.2), (6, 0.9), (12, 0.8)),
}
THREE_COUNTS = 0.85
BEAT_COUNTS = 0.3  # how much a period loses where nothing repeats after it itself
NEAR = (0.992, 0.996, 1.0, 1.004, 1.008)  # of a lag: a tempo that drifts still counts
RIVALS = (2 / 3, 3 / 4, 4 / 3, 3 / 2)  # periods that are mixed up with the beat's
RIVAL_OCTAVES = 0.03
LONGEST_LAG_S = 16 * 60 / SLOWEST * 1.01


@dataclass(frozen=True, slots=True)
class Period:
    """The period of the beat."""

    frames: float
    clearness: float  # 0 to 1: lead over its rivals
    strength: float  # mean correlation with what comes a bar and a few bars later


def find_period(curves: Sequence[Values]) -> Period:
    """Return the period of the beat in onset curves of equal length."""
    periods = 60 * FPS / np.geomspace(FASTEST, SLOWEST, PERIODS)
    score = _score(_repeats(curves), periods)
    usual = -0.5 * (np.log2(60 * FPS / periods / USUAL) / USUAL_OCTAVES) ** 2
    value = score * np.exp(USUAL_WEIGHT * usual)
    best = int(value.argmax())
    apart = np.log2(periods / periods[best])
    rivals = [value[np.abs(apart - np.log2(r)) < RIVAL_OCTAVES].max(initial=0.0) for r in RIVALS]
    clearness = 1 - max(rivals) / (value[best] + 1e-9)
    return Period(float(periods[best]), float(np.clip(clearness, 0, 1)), float(score[best]))


def _repeats(curves: Sequence[Values]) -> Values:
    """Return the mean autocorrelation of the curves for lags up to LONGEST_LAG_S, without its slow level."""
    length = len(curves[0])
    lags = min(length, int(LONGEST_LAG_S * FPS))
    size = 1 << (length + lags - 1).bit_length()
    share = np.maximum(0.2, 1 - np.arange(lags) / length)
    total = np.zeros(lags)
    for curve in curves:
        power = np.abs(np.fft.rfft(curve - curve.mean(), size)) ** 2
        correlation = np.fft.irfft(power, size)[:lags]
        total += correlation / (correlation[0] + 1e-9) / share
    total /= len(curves)
    return total - local_mean(total, int(2.5 * FPS))


def _score(repeats: Values, periods: Values) -> Values:
    """Return how well each period explains the repeats, in four or in three."""
    lags = np.arange(len(repeats))

    def at(lag: Values) -> Values:
        near: Values = np.array([np.interp(lag * part, lags, repeats, right=0) for part in NEAR]).max(axis=0)
        return near

    four, three = (
        sum(weight * at(periods * beats) for beats, weight in parts) / sum(weight for _, weight in parts)
        for parts in (METERS[4], METERS[3])
    )
    best = np.maximum(four, THREE_COUNTS * three)
    itself = np.clip(at(periods) / np.maximum(best, 1e-6), 0.0, 1.0)
    score: Values = best * (1 - BEAT_COUNTS + BEAT_COUNTS * itself)
    return score
