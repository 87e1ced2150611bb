"""A track's outline as SVG paths, small enough to stand in a page once for every row."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from mixes.engine.analysis.peaks import FULL_SCALE
from mixes.engine.analysis.track import TrackAnalysis

COLUMNS = 150
WIDTH, MIDDLE = 400, 50  # of the drawing, 100 high: the viewBox of `.wave`
BODY_GAIN = 1.5  # a sine of K-weighted 0 LUFS would be as tall as its peaks, as one would expect

Value = TypeVar("Value")
Heights = Sequence[tuple[float, float]]  # lowest and highest of each column, full scale at 1.0


def draw_waveform(analysis: TrackAnalysis) -> dict[str, str]:
    """Return path data: `peaks` is the outline of the samples, `body` how loud they are to the ear."""
    outline = column_peaks(analysis.peaks)
    loudness = column_loudness(analysis.momentary)
    body = [(max(low, -size), min(high, size)) for (low, high), size in zip(outline, loudness, strict=True)]
    return {"peaks": draw_outline(outline), "body": draw_outline(body)}


def column_peaks(peaks: Sequence[tuple[int, int]], columns: int = COLUMNS) -> list[tuple[float, float]]:
    """Return the lowest and highest sample of each column."""
    return [
        (min(low for low, _ in part) / FULL_SCALE, max(high for _, high in part) / FULL_SCALE)
        for part in _parts(peaks or ((0, 0),), columns)
    ]


def column_loudness(momentary: Sequence[float], columns: int = COLUMNS) -> list[float]:
    """Return how tall each column's loudest moment is drawn, full scale at 1.0."""
    return [min(1.0, BODY_GAIN * 10 ** (max(part) / 20)) for part in _parts(momentary or (-120.0,), columns)]


def draw_outline(heights: Heights, *, first: float = 0.0, last: float = WIDTH) -> str:
    """Return the path around `heights`, spread evenly from `first` to `last`, in whole units."""
    count = len(heights)
    places = [round(first + (last - first) * (column + 0.5) / count) for column in range(count)]
    upper = [(x, _height(high)) for x, (_, high) in zip(places, heights, strict=True)]
    lower = [(x, _height(low)) for x, (low, _) in zip(places, heights, strict=True)]
    points = [(round(first), MIDDLE), *upper, (round(last), MIDDLE), *reversed(lower)]
    steps = "".join(_number(b[0] - a[0]) + _number(b[1] - a[1]) for a, b in pairwise(points))
    return f"M{points[0][0]} {points[0][1]}l{steps.strip()}z"


def _parts(values: Sequence[Value], columns: int) -> list[Sequence[Value]]:
    """Cut `values` into so many runs of at least one."""
    size = len(values) / columns
    return [
        values[math.floor(size * k) : max(math.floor(size * k) + 1, math.ceil(size * (k + 1)))]
        for k in range(columns)
    ]


def _height(value: float) -> int:
    return round(MIDDLE - MIDDLE * value)


def _number(value: int) -> str:
    """Write a number so that it can be told from the one before it: a minus sign is enough for that."""
    return f" {value}" if value >= 0 else f"{value}"
