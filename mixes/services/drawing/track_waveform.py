"""A track's waveform as SVG paths, compact enough for one per row."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from django.db.models import TextField
from django.db.models.functions import MD5, Cast

from mixes.engine.analysis.peaks import FULL_SCALE
from mixes.engine.analysis.track import TrackAnalysis

COLUMNS = 150
WIDTH, MIDDLE = 400, 50  # of the drawing, 100 high: the viewBox of `.wave`
BODY_GAIN = 1.5  # draws a sine at 0 LUFS about as tall as its peaks

STORED_HASH = MD5(Cast("waveform", TextField()))  # of a track's stored waveform: its name in addresses

Value = TypeVar("Value")
Heights = Sequence[tuple[float, float]]  # lowest and highest sample of each column, full scale at 1.0


def draw_waveform(analysis: TrackAnalysis) -> dict[str, str]:
    """Return SVG path data: `peaks` is the outline of the samples, `body` the momentary loudness."""
    outline = column_peaks(analysis.peaks)
    loudness = column_loudness(analysis.momentary)
    body = [(max(low, -size), min(high, size)) for (low, high), size in zip(outline, loudness, strict=True)]
    return {"peaks": draw_outline(outline), "body": draw_outline(body)}


def column_peaks(peaks: Sequence[tuple[int, int]], columns: int = COLUMNS) -> list[tuple[float, float]]:
    """Return the lowest and highest sample of each column, full scale at 1.0."""
    return [
        (min(low for low, _ in part) / FULL_SCALE, max(high for _, high in part) / FULL_SCALE)
        for part in _parts(peaks or ((0, 0),), columns)
    ]


def column_loudness(momentary: Sequence[float], columns: int = COLUMNS) -> list[float]:
    """Return the height of each column's loudest moment from LUFS values, full scale at 1.0."""
    return [min(1.0, BODY_GAIN * 10 ** (max(part) / 20)) for part in _parts(momentary or (-120.0,), columns)]


def draw_outline(heights: Heights, *, first: float = 0.0, last: float = WIDTH) -> str:
    """Return the path around `heights`, spaced evenly from `first` to `last`, in whole units."""
    count = len(heights)
    places = [round(first + (last - first) * (column + 0.5) / count) for column in range(count)]
    upper = [(x, _height(high)) for x, (_, high) in zip(places, heights, strict=True)]
    lower = [(x, _height(low)) for x, (low, _) in zip(places, heights, strict=True)]
    points = [(round(first), MIDDLE), *upper, (round(last), MIDDLE), *reversed(lower)]
    steps = "".join(_number(b[0] - a[0]) + _number(b[1] - a[1]) for a, b in pairwise(points))
    return f"M{points[0][0]} {points[0][1]}l{steps.strip()}z"


def _parts(values: Sequence[Value], columns: int) -> list[Sequence[Value]]:
    """Split `values` into `columns` parts of at least one value each."""
    size = len(values) / columns
    return [
        values[math.floor(size * k) : max(math.floor(size * k) + 1, math.ceil(size * (k + 1)))]
        for k in range(columns)
    ]


def _height(value: float) -> int:
    return round(MIDDLE - MIDDLE * value)


def _number(value: int) -> str:
    """Format a number for path data; a minus sign needs no space before it."""
    return f" {value}" if value >= 0 else f"{value}"
