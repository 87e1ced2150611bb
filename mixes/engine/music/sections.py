"""Sections of a track: where its bars change, in groups of eight, and in which of them the kick plays.

In: the bars of a trusted rhythm, bands and pitch classes. Out: `Sections`. Phrases are claimed only where the
changes agree on where the eights begin.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.curves import Values
from mixes.engine.music.measured import Rhythm, Sections
from mixes.engine.music.onsets import FPS, KICK_BANDS, Onsets
from mixes.engine.music.pitches import PITCHES_PER_S, Pitches

PHRASE_BARS = 8
AROUND_BARS = 4  # compared before and after a bar
LEAST_BARS = 2 * PHRASE_BARS
LEAST_LEAD = 1.5  # of the phrases' phase over the next one, in standard errors
NEAR_BARS = 2  # a change is the highest novelty within these
CHANGE = 1.5  # a change stands out of the novelty by this many standard deviations


def find_sections(rhythm: Rhythm | None, onsets: Onsets, pitches: Pitches, rate: int) -> Sections | None:
    """Return the sections; None without trusted bars, or with few of them."""
    if rhythm is None or not rhythm.has_bars or len(rhythm.downbeats) < LEAST_BARS + 1:
        return None
    edges = np.array(rhythm.downbeats) / rate
    bands = _means(onsets.bands, edges * FPS)
    chords = _means(pitches.chords, edges * PITCHES_PER_S)
    chords /= chords.sum(axis=1, keepdims=True) + 1e-9
    novelty = _novelty(_scaled(bands)) + _novelty(_scaled(chords))
    kick = _means(np.expm1(onsets.bands[:, :KICK_BANDS].astype(np.float32)).sum(axis=1)[:, None], edges * FPS)
    usual = float(np.percentile(kick, 75)) + 1e-9  # a track's kick plays in most bars, not in all
    low = tuple(round(float(share), 2) for share in np.minimum(kick[:, 0] / usual, 9.99))
    return Sections(_phrases(novelty), _changes(novelty), low)


def _means(values: NDArray[np.floating], edges: Values) -> Values:
    """Return the mean of the rows between neighbouring edges, shape (bars, columns)."""
    places = np.clip(np.rint(edges).astype(np.int64), 0, len(values) - 1)
    return np.array(
        [
            values[first : max(last, first + 1)].mean(axis=0, dtype=np.float64)
            for first, last in pairwise(places)
        ]
    )


def _scaled(rows: Values) -> Values:
    scaled: Values = (rows - rows.mean(axis=0)) / (rows.std() + 1e-9)
    return scaled


def _novelty(rows: Values) -> Values:
    """Return how far the bars before and after the beginning of each bar are apart, shape (bars,)."""
    sums = np.concatenate((np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)))
    bars = np.arange(len(rows))
    first, last = np.maximum(bars - AROUND_BARS, 0), np.minimum(bars + AROUND_BARS, len(rows))
    before = (sums[bars] - sums[first]) / np.maximum(1, bars - first)[:, None]
    after = (sums[last] - sums[bars]) / np.maximum(1, last - bars)[:, None]
    apart: Values = np.linalg.norm(after - before, axis=1)
    apart[[0, -1]] = 0.0
    return apart


def _changes(novelty: Values) -> tuple[int, ...]:
    """Return the bars whose novelty stands out of their neighbours' and of the whole."""
    least = novelty.mean() + CHANGE * novelty.std()
    return tuple(
        bar
        for bar in range(1, len(novelty) - 1)
        if novelty[bar] >= least
        and novelty[bar] == novelty[max(0, bar - NEAR_BARS) : bar + NEAR_BARS + 1].max()
    )


def _phrases(novelty: Values) -> tuple[int, ...]:
    """Return the bars that begin groups of eight; none where the changes do not agree."""
    near = np.lib.stride_tricks.sliding_window_view(np.pad(novelty, NEAR_BARS), 2 * NEAR_BARS + 1)
    peaks = np.where(novelty == near.max(axis=1), novelty, 0.0)
    means = np.array([peaks[phase::PHRASE_BARS].mean() for phase in range(PHRASE_BARS)])
    error = peaks.std() / np.sqrt(len(peaks) / PHRASE_BARS) + 1e-9
    order = np.sort(means)[::-1]
    if (order[0] - order[1]) / error < LEAST_LEAD:
        return ()
    return tuple(range(int(means.argmax()), len(novelty), PHRASE_BARS))
