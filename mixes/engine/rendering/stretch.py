"""The beginning of a clip at another tempo: so many frames of its file as exactly so many frames of the mix.

In: the sound around it. Out: stretched sound that goes on as the file does, without a click. ffmpeg's
rubberband stretches, in a child of its own that lives only for this.
"""

from pathlib import Path

import numpy as np

from mixes.engine.cancellation import ShouldStop
from mixes.engine.mixing.curves import positions
from mixes.engine.processes.ffmpeg import stretch_args
from mixes.engine.processes.sandbox import DECODE, run_child
from mixes.engine.samples import Samples
from mixes.engine.timeline import Clip

LEAD_S = 0.5  # of sound before it, so that the filter is warm
BEHIND_S = 1.0  # of sound after it, which the filter looks at
CROSSING_S = 0.010  # near its end, from stretched to plain sound ...
SEAM_EARLY_S = 0.015  # ... so long before it: a beat comes at the end, and its attack is not crossed
SHIFT_S = 0.005  # at most, so that both are alike there
ALIKE_S = 0.035, 0.015  # before and behind its end: compared for the shift


def lead_frames(clip: Clip, rate: int) -> int:
    """Return how many frames before a clip its stretching has to hear; 0 where nothing is stretched."""
    return min(round(LEAD_S * rate), clip.cue_in) if clip.head_frames else 0


def needed_frames(clip: Clip, rate: int) -> int:
    """Return how many frames of the file to read: the lead, what is stretched, and a little behind."""
    return lead_frames(clip, rate) + clip.head_source + round(BEHIND_S * rate)


def stretch_head(ffmpeg: Path, clip: Clip, sound: Samples, rate: int, *, should_stop: ShouldStop) -> Samples:
    """Return the first `head_frames` frames of a clip, of shape (head_frames, 2).

    `sound` is what `needed_frames` asks for, shorter only where the file ends. The last frames are plain
    sound: what follows is the file from `head_source` on. Raises FfmpegError, StalledError, Cancelled.
    """
    lead = lead_frames(clip, rate)
    argv = stretch_args(ffmpeg, rate, clip.stretch)
    # what the child may read is copied, since `sound` may be a part of something larger
    fed = np.ascontiguousarray(sound, dtype=np.float32)
    output = run_child(argv, limits=DECODE, feed=[fed.data.cast("B")], should_stop=should_stop)
    stretched = np.frombuffer(output.stdout, dtype=np.float32).reshape(-1, 2)
    first, last = round(lead / clip.stretch), lead + clip.head_source
    missing = first + clip.head_frames + round((SHIFT_S + ALIKE_S[1]) * rate) - len(stretched)
    stretched = np.pad(stretched, ((0, max(0, missing)), (0, 0)))
    first += find_shift(stretched, first + clip.head_frames, sound, last, rate)
    return cross_over(stretched[max(0, first) :][: clip.head_frames], sound[:last], rate)


def find_shift(stretched: Samples, end: int, sound: Samples, source_end: int, rate: int) -> int:
    """Return by how many frames the stretched sound around `end` is later than plain sound at its own end.

    At most SHIFT_S; 0 where both are silent.
    """
    reach = round(SHIFT_S * rate)
    before, behind = (round(seconds * rate) for seconds in ALIKE_S)
    before = min(before, end - reach, source_end)
    plain = sound[source_end - before : source_end + behind].astype(np.float64)
    if before < 1 or not plain.any():
        return 0
    around = stretched[end - before - reach :][: len(plain) + 2 * reach].astype(np.float64)
    likeness = sum(np.correlate(around[:, side], plain[:, side], "valid") for side in (0, 1))
    power = np.convolve((around**2).sum(axis=1), np.ones(len(plain)), "valid")
    likeness = likeness / np.sqrt(np.maximum(power, np.finfo(np.float32).tiny))
    shifts = np.arange(len(likeness)) - reach
    best = likeness >= likeness.max() - 1e-9 * abs(likeness.max())
    return int(min(shifts[best], key=abs))


def seam_of(clip: Clip, rate: int) -> tuple[int, int]:
    """Return where in a clip stretched sound begins and has ended to pass into plain sound, in frames."""
    end = clip.head_frames - round(SEAM_EARLY_S * rate)
    return end - round(CROSSING_S * rate), end


def cross_over(stretched: Samples, sound: Samples, rate: int) -> Samples:
    """Return the stretched sound, passing into plain sound near its end; both end at the same place."""
    plain = min(round(SEAM_EARLY_S * rate), len(stretched) // 2, len(sound) // 2)
    frames = min(round(CROSSING_S * rate), len(stretched) - plain, len(sound) - plain)
    rising = np.concatenate((positions(frames), np.ones(plain)))[:, np.newaxis].astype(np.float32)
    crossed = stretched.copy()
    crossed[len(crossed) - len(rising) :] *= 1 - rising
    crossed[len(crossed) - len(rising) :] += sound[len(sound) - len(rising) :] * rising
    return crossed
