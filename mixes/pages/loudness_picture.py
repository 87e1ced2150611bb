"""The loudness of a finished mix over time: an SVG curve, the joins, and what was found at them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from mixes.engine.analysis.loudness import HOP_S, SHORT_TERM_HOPS
from mixes.pages.check_report import JoinReport, join_reports
from mixes.services.drawing.mix_waveform import WIDTH

HEIGHT = 100.0  # of the drawing, which is WIDTH wide
WINDOW_S = SHORT_TERM_HOPS * HOP_S
GRID_LU = 10
RANGE_LU = 20, 40  # least and most that the picture spans
MARKER_SHARE = 0.09  # of the width that a marker needs on a narrow screen


@dataclass(frozen=True, slots=True)
class Level:
    """A labelled line of the picture."""

    percent: float  # of the height, from the top
    label: str


@dataclass(frozen=True, slots=True)
class Marker:
    """A numbered place in the picture."""

    number: int
    percent: float  # of the width
    row: int  # markers that would overlap have their own rows
    report: JoinReport


@dataclass(frozen=True, slots=True)
class LoudnessPicture:
    """A curve with what was found along it."""

    line: str  # SVG path
    area: str  # the same down to the bottom
    levels: tuple[Level, ...]
    markers: tuple[Marker, ...]


def picture_of(sheet: Mapping[str, Any], duration_s: float) -> LoudnessPicture | None:
    """Return the picture of a check sheet; None when it was made before the curve was kept."""
    curve = sheet.get("curve_lufs", ())
    if len(curve) < 2:
        return None
    step_s = sheet["curve_step_s"]
    top, bottom = range_of(curve)
    points = [
        (
            min(WIDTH, WIDTH * ((place + 0.5) * step_s + WINDOW_S / 2) / duration_s),
            HEIGHT * (top - max(level, bottom)) / (top - bottom),
        )
        for place, level in enumerate(curve)
    ]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    area = f"{line}V{HEIGHT:.0f}H{points[0][0]:.1f}Z"
    levels = tuple(
        Level(round(100 * (top - level) / (top - bottom), 1), f"\u2212{-level}" if level else "0")
        for level in range(top - GRID_LU, bottom, -GRID_LU)
    )
    return LoudnessPicture(line, area, levels, markers_of(join_reports(sheet), duration_s))


def range_of(curve: Sequence[float]) -> tuple[int, int]:
    """Return the highest and the lowest level of the picture, in LUFS, multiples of GRID_LU."""
    least, most = RANGE_LU
    top = GRID_LU * ceil(max(curve) / GRID_LU)
    bottom = GRID_LU * floor(min(curve) / GRID_LU)
    return top, min(max(bottom, top - most), top - least)


def markers_of(reports: Sequence[JoinReport], duration_s: float) -> tuple[Marker, ...]:
    """Return a marker per report, in rows so that none covers another."""
    markers: list[Marker] = []
    row_ends: list[float] = []
    for number, report in enumerate(reports, 1):
        share = min(1.0, report.at_s / duration_s)
        free = (row for row, end in enumerate(row_ends) if end <= share)
        row = next(free, len(row_ends))
        row_ends[row:] = [share + MARKER_SHARE, *row_ends[row + 1 :]]
        markers.append(Marker(number, round(100 * share, 2), row, report))
    return tuple(markers)
