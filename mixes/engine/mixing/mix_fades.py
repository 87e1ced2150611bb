"""Fade a whole mix in and out.

In: the length of a mix and of both fades. Out: an `Envelope`, which the timeline of the mix keeps; and the
blocks of a mix with it applied.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.engine.mixing.curves import Gains, raised_cosine
from mixes.engine.samples import Samples
from mixes.engine.timeline import Envelope

FADE_POINTS = 33  # of a fade: straight lines between them follow the curve to 0.2 %


def plan_fades(
    frames: int, rate: int, *, fade_in_s: float, fade_out_s: float
) -> tuple[Envelope, tuple[str, ...]]:
    """Return the envelope of a mix of so many frames, and a note where it is too short for its fades."""
    wanted = round(fade_in_s * rate), round(fade_out_s * rate)
    fade_in, fade_out = (min(length, frames // 2) for length in wanted)
    falling = [(frames - frame, gain) for frame, gain in reversed(_rise(fade_out))]
    envelope = tuple(sorted({*_rise(fade_in), *falling}))
    if (fade_in, fade_out) == wanted:
        return envelope, ()
    note = f"The mix is too short for its fades: none takes more than half of it, {frames / 2 / rate:.1f} s."
    return envelope, (note,)


def _rise(frames: int) -> Envelope:
    """Return the points of a fade over so many frames, from gain 0 to 1; none for 0 frames."""
    share = np.linspace(0.0, 1.0, min(FADE_POINTS, frames + 1))
    places, gains = np.round(share * frames).astype(int), np.round(1.0 - raised_cosine(share), 5)
    return tuple(zip(places.tolist(), gains.tolist(), strict=True)) if frames else ()


def envelope_gain(fades: Envelope, frames: NDArray[np.floating[Any]]) -> Gains:
    """Return the gain of the whole mix at these frames."""
    if not fades:
        return np.ones(len(frames))
    places, gains = zip(*fades, strict=True)
    return np.asarray(np.interp(frames, places, gains))


def cut_fades(fades: Envelope, start: int, end: int) -> Envelope:
    """Return the part of an envelope that fades frames `start` to `end`, counted from `start`."""
    lines = [
        line
        for line in pairwise(fades)
        if line[0][0] < end and line[1][0] > start and min(line[0][1], line[1][1]) < 1.0
    ]
    points = sorted({point for line in lines for point in line})
    return tuple((frame - start, gain) for frame, gain in points)


def fade_blocks(blocks: Iterable[Samples], fades: Envelope) -> Iterator[Samples]:
    """Yield the blocks of a mix, from its first frame on, with an envelope applied."""
    at = 0
    for block in blocks:
        end = at + len(block)
        if cut_fades(fades, at, end):
            gain = envelope_gain(fades, np.arange(at, end, dtype=np.float64))
            block = block * gain.astype(np.float32)[:, np.newaxis]
        yield block
        at = end
