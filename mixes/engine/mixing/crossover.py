"""Find the moment in a transition from which the incoming clip is the louder one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.gains import WINDOW_S, Power, fade_power, gain_to_power, known_curve, power_at
from mixes.engine.timeline import Clip, Timeline

STEP_S = 0.01
KNOWN_MAX = 20_000  # places kept in this process, about 300 bytes each

_known: dict[tuple[object, ...], int] = {}


def known_crossover(timeline: Timeline, tracks: Sequence[TrackAnalysis], index: int) -> int:
    """Return `find_crossover`, from the cache if both songs were joined like this before.

    A change of one join moves all clips behind it and leaves the other joins as they are.
    """
    pair = timeline.clips[index : index + 2]
    curves = [known_curve(track.momentary).number for track in tracks[index : index + 2]]
    parts = (
        (clip.cue_in, clip.length, clip.start - pair[1].start, clip.head_source, clip.head_frames)
        for clip in pair
    )
    transition = replace(timeline.transitions[index], crossover=0, reason="", ride=())
    louder_db = round(pair[0].gain_db - pair[1].gain_db, 2)
    key = (*curves, *parts, louder_db, transition, timeline.rate)
    known = _known.get(key)
    if known is None:
        if len(_known) >= KNOWN_MAX:
            _known.clear()
        known = _known[key] = find_crossover(timeline, tracks, index)
    return known


def find_crossover(timeline: Timeline, tracks: Sequence[TrackAnalysis], index: int) -> int:
    """Return after how many frames the incoming clip of transition `index` is the louder one for good."""
    transition, rate = timeline.transitions[index], timeline.rate
    if transition.overlap <= 0:
        return 0
    steps = max(1, round(transition.overlap / rate / STEP_S))
    offsets = (np.arange(steps) + 0.5) * transition.overlap / steps
    places = timeline.clips[index + 1].start + offsets
    falling, rising = fade_power(timeline, index, places)
    outgoing = heard_power(timeline.clips[index], tracks[index], places, rate) * falling
    incoming = heard_power(timeline.clips[index + 1], tracks[index + 1], places, rate) * rising
    louder = np.flatnonzero(outgoing > incoming)
    return int((louder[-1] + 1) * transition.overlap / steps) if len(louder) else 0


def heard_power(clip: Clip, track: TrackAnalysis, places: NDArray[np.float64], rate: int) -> Power:
    """Return the power of a clip around each place of the mix, with its gain and without its fades."""
    into_s = (places - clip.start + clip.cue_in + clip.drift(places - clip.start)) / rate
    first_s = clip.cue_in / rate
    last_s = max(clip.cue_in, clip.cue_in + clip.source_length - WINDOW_S * rate) / rate
    window_starts_s = np.clip(into_s - WINDOW_S / 2, first_s, last_s)  # windows that lie within the clip
    return power_at(track, window_starts_s) * gain_to_power(clip.gain_db)
