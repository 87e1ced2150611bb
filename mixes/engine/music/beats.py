"""Beats of a track: the onsets that keep closest to one period, and one even grid where there is one.

In: an onset curve and the period of the beat. Out: places of the beats, in frames of 10 ms and parts of them.
Flexible beats slip where a song pauses, an even grid does not; most recorded dance music has one.
"""

from dataclasses import dataclass

import numpy as np

from mixes.engine.music.curves import Values, at_places, tops
from mixes.engine.music.onsets import FPS
from mixes.engine.music.tempo import RIVALS

LEAST_BEATS = 40
TIGHTNESS = 160.0  # how much a step that differs from the period costs
REACH = 3  # frames that a beat is moved to its onset at most
NEIGHBOURS = 16  # of each side, for the line that smooths a beat
FIRST_GRID_S = 180.0  # looked at for the first even grid; more makes its phase blur
PERIOD_STEPS = np.linspace(0.994, 1.006, 121)
PHASES = 48
RIVAL_PHASES = 24
EVEN_SHARE = 0.9  # of what flexible beats hit: an even grid that hits it is taken
BETWEEN = (0.15, 0.4, 0.6, 0.85)  # of a beat: where nothing should begin
HIT_FRAMES = 3.0  # an onset this near belongs to a beat


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a track and how they lie on its onsets."""

    places: Values  # in frames, ascending
    is_even: bool
    jitter_s: float  # median distance of onsets from their beats
    wander: float  # 90th percentile of the steps' difference from the usual one, as a share of it
    contrast: float  # -1 to 1: strength on beats against strength between them
    rival_share: float  # what the best grid of another tempo of RIVALS hits, as a share of what this one does

    @property
    def period(self) -> float:
        return float(np.median(np.diff(self.places)))


def find_beats(onset: Values, period: float) -> Beats | None:
    """Return the beats of an onset curve; None under LEAST_BEATS of them."""
    salience = np.convolve(onset, np.exp(-0.5 * (np.arange(-4, 5) / 1.6) ** 2), "same")
    salience /= salience.std() + 1e-9
    found = refine(follow(salience, period), salience)
    if len(found) < LEAST_BEATS:
        return None
    line, off = straighten(found)
    grid = even_grid(salience, float(np.median(np.diff(line))))
    is_even = at_places(salience, grid).mean() > EVEN_SHARE * at_places(salience, line).mean()
    if is_even:
        line = grid
        away = np.abs(refine(np.rint(grid), salience) - grid)
        near = away[away < HIT_FRAMES]
        off = near if len(near) > 0.3 * len(away) else away
    steps = np.diff(line)
    on = at_places(salience, line).mean()
    between = np.mean([at_places(salience, line[:-1] + steps * part).mean() for part in BETWEEN])
    return Beats(
        line,
        bool(is_even),
        float(np.median(off)) / FPS,
        float(np.percentile(np.abs(steps / np.median(steps) - 1), 90)),
        float((on - between) / (on + abs(between) + 1e-9)),
        rival_share(onset, line),
    )


def rival_share(onset: Values, places: Values) -> float:
    """Return the most that beats of 2/3, 3/4, 4/3 or 3/2 of the period hit, as a share of these beats."""
    frames = np.arange(np.ceil(places[0]), np.floor(places[-1]))
    beat = np.interp(frames, places, np.arange(len(places)))
    heard = at_places(onset, frames)

    def hits(ratio: float) -> float:
        bins = (beat / ratio % 1 * RIVAL_PHASES).astype(np.int64) % RIVAL_PHASES
        sums = np.bincount(bins, heard, RIVAL_PHASES)
        return float((sums / np.maximum(1, np.bincount(bins, minlength=RIVAL_PHASES))).max())

    return max(map(hits, RIVALS)) / (hits(1.0) + 1e-9)


def follow(salience: Values, period: float) -> Values:
    """Return the beats that dynamic programming finds (Ellis 2007), half a period of the curve at a time."""
    shortest, longest = max(1, int(np.ceil(0.5 * period))), max(2, int(2 * period))
    gaps = np.arange(shortest, longest + 1)
    cost = TIGHTNESS * np.log(gaps / period) ** 2
    frames = len(salience)
    score = np.concatenate((np.full(longest, -np.inf), salience))
    back = np.full(frames, -1)
    for start in range(0, frames, shortest):
        end = min(start + shortest, frames)
        before = np.arange(start, end)[:, None] - gaps[None, :]
        through = score[before + longest] - cost
        best = through.argmax(axis=1)
        gain = through[np.arange(end - start), best]
        joins = (gain > 0) | (np.arange(start, end) > 3 * period) & np.isfinite(gain)
        score[longest + start : longest + end][joins] += gain[joins]
        back[start:end][joins] = before[np.arange(end - start), best][joins]
    last = max(0, frames - longest)
    place = last + int(score[longest + last :].argmax())
    beats = []
    while place >= 0:
        beats.append(place)
        place = int(back[place])
    return np.array(beats[::-1], dtype=np.float64)


def refine(places: Values, salience: Values) -> Values:
    """Return each place moved to the top of its onset, with parts of a frame."""
    padded = np.pad(salience, REACH + 1, mode="edge")
    near = np.rint(places).astype(np.int64)[:, None] + np.arange(-REACH, REACH + 1) + REACH + 1
    near = np.clip(near, 1, len(padded) - 2)
    top = near[np.arange(len(near)), padded[near].argmax(axis=1)]
    left, middle, right = padded[top - 1], padded[top], padded[top + 1]
    bend = left - 2 * middle + right
    aside = np.where(bend < 0, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    moved: Values = top - REACH - 1 + np.clip(aside, -0.5, 0.5)
    return moved


def straighten(places: Values) -> tuple[Values, Values]:
    """Return each beat on a robust line through its neighbours, and their usual distance from that line."""
    count, width = len(places), 2 * NEIGHBOURS + 1
    first = np.clip(np.arange(count) - NEIGHBOURS, 0, count - width)
    index = first[:, None] + np.arange(width)
    away = (index - np.arange(count)[:, None]).astype(np.float64)
    near = places[index]
    weights = np.ones_like(near)
    for _ in range(4):
        level, slope = _fit(away, near, weights)
        error = np.abs(near - level[:, None] - slope[:, None] * away)
        weights = 1 / np.maximum(error, 0.4)
    return level, np.median(error, axis=1)


def even_grid(salience: Values, period: float) -> Values:
    """Return evenly spaced beats over the whole curve that hit most of it, for periods within 0.6 %."""
    part = int(min(len(salience), FIRST_GRID_S * FPS))
    start = (len(salience) - part) // 2
    period, phase = _fold(salience[start : start + part], period)
    phase += start
    reach = part / 2
    while True:
        middle = len(salience) / 2
        numbers = np.arange(
            np.ceil((max(0, middle - reach) - phase) / period),
            np.floor((min(len(salience) - 1, middle + reach) - phase) / period) + 1,
        )
        phase, period = _fit_grid(numbers, phase, period, salience)
        if reach >= len(salience) / 2:
            break
        reach *= 2
    numbers = np.arange(np.ceil(-phase / period), np.floor((len(salience) - 1 - phase) / period) + 1)
    grid: Values = phase + numbers * period
    return grid


def _fold(salience: Values, period: float) -> tuple[float, float]:
    """Return the period, and a place, whose multiples hit most of the curve."""
    best = (-1.0, period, 0.0)
    frames = np.arange(len(salience))
    for tried in period * PERIOD_STEPS:
        bins = (frames % tried * (PHASES / tried)).astype(np.int64) % PHASES
        heights = np.bincount(bins, salience, PHASES) / np.maximum(1, np.bincount(bins, minlength=PHASES))
        top = int(heights.argmax())
        if heights[top] > best[0]:
            best = (float(heights[top]), float(tried), (top + 0.5) / PHASES * float(tried))
    return best[1], best[2]


def _fit_grid(numbers: Values, phase: float, period: float, salience: Values) -> tuple[float, float]:
    """Return phase and period of the line through the onsets near the grid's beats."""
    for _ in range(3):
        grid = phase + numbers * period
        found = refine(grid, salience)
        error = np.abs(found - grid)
        weights = np.where(error < HIT_FRAMES, tops(salience, grid, REACH), 0.0) / np.maximum(error, 0.4)
        if weights.sum() <= 0:
            break
        centre = numbers.mean()
        level, slope = _fit((numbers - centre)[None], found[None], weights[None])
        period = float(slope[0])
        phase = float(level[0]) - centre * period
    return phase, period


def _fit(x: Values, y: Values, weights: Values) -> tuple[Values, Values]:
    """Return level at 0 and slope of the weighted lines through the rows, shapes (rows,)."""
    total = weights.sum(axis=1)
    mean_x, mean_y = (weights * x).sum(axis=1) / total, (weights * y).sum(axis=1) / total
    across = x - mean_x[:, None]
    slope = (weights * across * (y - mean_y[:, None])).sum(axis=1) / (
        (weights * across**2).sum(axis=1) + 1e-12
    )
    level: Values = mean_y - slope * mean_x
    return level, slope
