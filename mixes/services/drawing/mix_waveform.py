"""The waveform of a whole mix: SVG paths for each clip, and the bars of the generated cover."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.peaks import FULL_SCALE
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.curves import db_to_gain
from mixes.engine.mixing.gains import fade_power
from mixes.engine.mixing.mix_fades import envelope_gain
from mixes.engine.mixing.shortening import as_played
from mixes.engine.pictures.backdrop import bar_heights
from mixes.engine.timeline import Clip, Timeline
from mixes.services.drawing.track_waveform import BODY_GAIN, draw_outline

WIDTH = 1_200  # of the drawing, which is 100 high
LEAST = 0.01  # least height, so that silence shows as a line
FEWEST_COLUMNS = 3  # per clip, however short
BARS = 56
KEPT_SHAPES = 2_000  # cached shapes, 26 kB each

Heights = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Shape:
    """A track's peaks and loudness, float32 of shape (n,), full scale at 1.0, evenly over its file."""

    peaks: Heights
    body: Heights


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn mix: two SVG paths per clip in a box of WIDTH x 100, and bars in percent."""

    clips: tuple[tuple[str, str], ...]  # peaks, body
    bars: tuple[int, ...]


_shapes: dict[tuple[str, int], Shape] = {}


def draw_mix(timeline: Timeline, tracks: Sequence[TrackAnalysis]) -> Drawing:
    """Draw every clip at its position, with its gain and fades."""
    whole = np.zeros(WIDTH + 1)
    paths = []
    for index, track in enumerate(as_played(timeline, tracks)):
        clip, scale = timeline.clips[index], WIDTH / timeline.frames
        peaks, body = _columns(timeline, index, track)
        first, last = clip.start * scale, clip.end * scale
        paths.append((draw_mirrored(peaks, first, last), draw_mirrored(body, first, last)))
        xs = np.linspace(first, last, len(peaks)).astype(int)
        np.maximum.at(whole, xs, peaks)
    bars = bar_heights([(-height, height) for height in whole], BARS)
    return Drawing(tuple(paths), tuple(round(100 * height) for height in bars))


def draw_mirrored(heights: NDArray[np.floating], first: float, last: float) -> str:
    """Return the SVG path of heights, shape (n,), full scale at 1.0, mirrored at the middle line."""
    return draw_outline([(-h, h) for h in np.clip(heights, LEAST, 1.0).tolist()], first=first, last=last)


def shape_of(track: TrackAnalysis) -> Shape:
    """Return a track's shape, from the cache if it is there."""
    key = track.sha256, track.frames  # a shortened track has fewer
    shape = _shapes.get(key)
    if shape is None:
        if len(_shapes) >= KEPT_SHAPES:
            _shapes.pop(next(iter(_shapes)))
        shape = _shapes[key] = _measure_shape(track)
    return shape


def _measure_shape(track: TrackAnalysis) -> Shape:
    peaks = np.abs(np.array(track.peaks or ((0, 0),), np.float32)).max(axis=1) / FULL_SCALE
    body = BODY_GAIN * 10 ** (np.array(track.momentary or (-120.0,), np.float32) / 20)
    return Shape(peaks, body)


def _columns(
    timeline: Timeline, index: int, track: TrackAnalysis
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return peaks and body of a clip's columns: two arrays of shape (columns,), full scale at 1.0."""
    clip, shape = timeline.clips[index], shape_of(track)
    count = max(FEWEST_COLUMNS, round(WIDTH * clip.length / timeline.frames))
    edges = np.linspace(clip.start, clip.end, count + 1)
    gains = db_to_gain(clip.gain_db) * _fades(timeline, index, (edges[:-1] + edges[1:]) / 2)
    file_frames = track.frames * timeline.rate / track.rate
    peaks, body = (_used(heights, clip, file_frames) for heights in (shape.peaks, shape.body))
    return np.maximum.reduceat(peaks, _firsts(peaks, count)) * gains, _mean(body, count) * gains


def _fades(timeline: Timeline, index: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
    power = envelope_gain(timeline.fades, places) ** 2
    if index > 0:
        power = power * fade_power(timeline, index - 1, places)[1]
    if index < len(timeline.transitions):
        power = power * fade_power(timeline, index, places)[0]
    return np.sqrt(power)


def _used(heights: Heights, clip: Clip, file_frames: float) -> Heights:
    """Return the part of a file's heights, shape (n,), that the clip plays."""
    first = min(int(clip.cue_in / file_frames * len(heights)), len(heights) - 1)
    last = round((clip.cue_in + clip.source_length) / file_frames * len(heights))
    return heights[first : max(first + 1, last)]


def _firsts(heights: Heights, count: int) -> NDArray[np.int64]:
    return np.arange(count) * len(heights) // count


def _mean(heights: Heights, count: int) -> NDArray[np.float64]:
    firsts = _firsts(heights, count)
    sums = np.add.reduceat(heights, firsts)
    return np.asarray(sums / np.maximum(1, np.diff(np.append(firsts, len(heights)))), np.float64)
