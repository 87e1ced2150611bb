"""The time axis under the drawing of a whole mix, and the marks of its joins."""

from dataclasses import dataclass

from mixes.engine.timeline import Timeline
from mixes.services.drawing.mix_waveform import WIDTH

PARTS = 6
NARROWEST = 3.0  # width of a mark, in units of the drawing


@dataclass(frozen=True, slots=True)
class Mark:
    """The position of a join, in units of the drawing."""

    x: float
    width: float


def marks_of(timeline: Timeline) -> tuple[Mark, ...]:
    """Return one mark per join."""
    scale = WIDTH / timeline.frames
    return tuple(
        Mark(round(after.start * scale, 1), round(max(NARROWEST, join.overlap * scale), 1))
        for _before, after, join in timeline.joins()
    )


def axis_times(duration_s: float) -> tuple[float, ...]:
    """Return the labelled times of the axis, in seconds, evenly spaced from 0 to the end."""
    return tuple(duration_s * part / PARTS for part in range(PARTS + 1))
