"""Find the moment in a transition from which the incoming clip is the louder one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.gains import WINDOW_S, Power, fade_power, gain_to_power, power_at
from mixes.engine.timeline import Clip, Timeline

STEP_S = 0.01


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
    into_s = (places - clip.start + clip.cue_in) / rate
    first_s, last_s = clip.cue_in / rate, max(clip.cue_in, clip.cue_in + clip.length - WINDOW_S * rate) / rate
    window_starts_s = np.clip(into_s - WINDOW_S / 2, first_s, last_s)  # windows that lie within the clip
    return power_at(track, window_starts_s) * gain_to_power(clip.gain_db)
