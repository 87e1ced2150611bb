"""The waveform outline of a whole mix, composed from the outlines of its tracks."""

from collections.abc import Sequence

import numpy as np

from mixes.engine.analysis.peaks import FULL_SCALE
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.curves import db_to_gain
from mixes.engine.mixing.shortening import as_played
from mixes.engine.timeline import Timeline

POINTS = 2_000

Outline = tuple[tuple[float, float], ...]  # (lowest, highest), full scale at 1.0, evenly spaced


def mix_outline(timeline: Timeline, tracks: Sequence[TrackAnalysis], points: int = POINTS) -> Outline:
    """Return `points` (lowest, highest) pairs: each clip at its gain and position, the larger in overlaps."""
    outline = np.zeros((points, 2))
    for clip, track in zip(timeline.clips, as_played(timeline, tracks), strict=True):
        if not track.peaks:
            continue
        first = clip.start * points // timeline.frames
        last = max(first + 1, -(-clip.end * points // timeline.frames))
        into = (np.arange(first, last) + 0.5) / points * timeline.frames - clip.start
        places = into + clip.cue_in + clip.drift(into)
        peaks = np.array(track.peaks) / FULL_SCALE * db_to_gain(clip.gain_db)
        indices = places / timeline.rate * track.rate / track.frames * len(peaks)
        heard = peaks[np.clip(indices.astype(int), 0, len(peaks) - 1)]
        span = outline[first:last]
        heard = heard[: len(span)]
        span[:, 0] = np.minimum(span[:, 0], heard[:, 0])
        span[:, 1] = np.maximum(span[:, 1], heard[:, 1])
    return tuple((float(low), float(high)) for low, high in np.clip(outline, -1.0, 1.0))
