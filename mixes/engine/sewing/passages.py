"""Find what of a mix has to be encoded, though the frames of its songs are copied: joins, ramps, peaks.

In: a timeline, and the facts of its songs. Out: `Passage`s, frames of the mix to encode, in order, each with
the samples where the limiter may act. All the rest is the frames of one song. Nothing here reads a file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.codecs.mp3 import encoder_frames
from mixes.engine.mixing.limiter import LOOKAHEAD_S
from mixes.engine.mixing.ride import rides_of
from mixes.engine.mixing.transitions import RAMP_S
from mixes.engine.passthrough.facts import Mp3Facts
from mixes.engine.passthrough.grid import MERGED, OUR_DELAY, touched
from mixes.engine.passthrough.steps import COPIED_DBTP
from mixes.engine.timeline import MP3_FRAME as FRAME
from mixes.engine.timeline import Clip, Timeline

Part = tuple[int, int, str]  # first sample of the mix, the one behind the last, why
BEGIN_FRAMES = 2  # encoded where a mix cannot begin with a copied frame


@dataclass(frozen=True, slots=True)
class Passage:
    """Frames `first` to before `end` of the mix, which are encoded."""

    first: int
    end: int
    limited: tuple[int, int]  # samples of the mix where peaks may be lowered
    reasons: frozenset[str]


def find_passages(
    timeline: Timeline, tracks: Sequence[TrackAnalysis], *, keeps_peaks: bool
) -> tuple[Passage, ...]:
    """Return all passages of a mix, near ones as one; `keeps_peaks` leaves peaks of copied songs alone."""
    total, margin = encoder_frames(timeline.frames), 3 * round(LOOKAHEAD_S * timeline.rate)
    found: list[Passage] = []
    for first, end, why in sorted(changed_parts(timeline, tracks, keeps_peaks=keeps_peaks)):
        if end <= first:
            continue
        frames = touched(first - margin, end + margin)
        new = Passage(max(0, frames[0]), min(total, frames[1]), (first, end), frozenset((why,)))
        if found and new.first - found[-1].end < MERGED:
            old = found.pop()
            limited = old.limited[0], max(old.limited[1], end)
            new = Passage(old.first, max(old.end, new.end), limited, old.reasons | new.reasons)
        found.append(new)
    if found and total - found[-1].end < MERGED:
        last = found.pop()
        found.append(Passage(last.first, total, last.limited, last.reasons))
    return tuple(found)


def changed_parts(
    timeline: Timeline, tracks: Sequence[TrackAnalysis], *, keeps_peaks: bool
) -> Iterator[Part]:
    """Yield the parts of a mix that are not just the sound of one copied song at its gain."""
    ramp = round(RAMP_S * timeline.rate)
    for clip, track in zip(timeline.clips, tracks, strict=True):
        if not clip.is_copied or not track.mp3:
            yield clip.start, clip.end, "song"
            continue
        yield clip.start, clip.start + clip.ramp_in, "ramp"
        yield clip.end - clip.ramp_out, clip.end, "ramp"
        yield from early_part(clip, track.mp3)
        if not (keeps_peaks and (clip.gain_step or 0) <= 0):
            yield from peak_parts(clip, track.mp3)
    for before, after, join in timeline.joins():
        if join.overlap:
            yield min(after.start, before.end), max(after.start, before.end), "join"
        else:
            yield after.start - ramp, after.start + ramp, "join"
    for placed in rides_of(timeline):
        first, last = placed.bounds(timeline.rate)
        yield max(0, int(first)), min(timeline.frames, int(last) + 1), "ride"
    yield from fade_parts(timeline)


def fade_parts(timeline: Timeline) -> Iterator[Part]:
    """Yield where the whole mix is faded."""
    edges = (
        [(0, timeline.fades[0][1]), *timeline.fades, (timeline.frames, timeline.fades[-1][1])]
        if timeline.fades
        else []
    )
    for (first, before), (last, after) in pairwise(edges):
        if min(before, after) < 1.0:
            yield first, last, "fade"


def shift_of(clip: Clip, facts: Mp3Facts) -> int:
    """Return how many frames later in the mix the frames of a copied song are."""
    return (clip.start - clip.cue_in - facts.delay + OUR_DELAY) // FRAME


def early_part(clip: Clip, facts: Mp3Facts) -> Iterator[Part]:
    """Yield the beginning of a clip whose frames cannot be copied, if there is one."""
    shift = shift_of(clip, facts)
    needed = 0 if clip.start else BEGIN_FRAMES if shift or facts.first else 0
    end = max((facts.first + shift + 1) * FRAME if facts.first else 0, needed * FRAME)
    yield clip.start, min(clip.end, end), "begin"


def peak_parts(clip: Clip, facts: Mp3Facts) -> Iterator[Part]:
    """Yield where a copied song is louder than copied frames may be."""
    origin = clip.start - clip.cue_in - facts.delay
    for frame in np.flatnonzero(facts.is_hot(clip.gain_step or 0, COPIED_DBTP)).tolist():
        first = max(clip.start, origin + frame * FRAME)
        last = min(clip.end, origin + (frame + 1) * FRAME)
        if first < last:
            yield first, last, "peak"
