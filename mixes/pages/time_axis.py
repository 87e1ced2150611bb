"""The time axis under the drawing of a whole mix, and the marks of its joins on it."""

from dataclasses import dataclass

from mixes.engine.timeline import Timeline
from mixes.services.drawing.mix_waveform import WIDTH

PARTS = 6
NARROWEST = 3.0  # of a mark, in units of the drawing


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of a join in the drawing, in its units."""

    x: float
    width: float


def marks_of(timeline: Timeline) -> tuple[Mark, ...]:
    """Return a mark per join."""
    scale = WIDTH / timeline.frames
    return tuple(
        Mark(round(after.start * scale, 1), round(max(NARROWEST, join.overlap * scale), 1))
        for _before, after, join in timeline.joins()
    )


def axis_times(duration_s: float) -> tuple[float, ...]:
    """Return the times written under the drawing, in seconds, evenly spaced from 0 to its end."""
    return tuple(duration_s * part / PARTS for part in range(PARTS + 1))
