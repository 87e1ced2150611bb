"""The frame grid: where a song has to start so that its frames fall on the frames of the mix.

Frame m of the mix is heard in its samples from 1152 m - 1105 on, frame k of a song in those from
1152 k - delay on. So `start - cue_in` must be `grid_of(delay)`, but for whole frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.engine.passthrough.frames import DECODER_DELAY
from mixes.engine.timeline import MP3_FRAME as FRAME
from mixes.engine.timeline import Transition

OUR_DELAY = 576 + DECODER_DELAY  # decoded samples before the first of a mix
LAST_HEARD = 1103  # sample of the mix at which frame 0 is heard for the last time
RUN_UP, RUN_OUT = 16, 10  # frames encoded beside a stretch: the encoder settles, and a seam is sought
MERGED = 2 * (RUN_UP + RUN_OUT)  # frames between two stretches that are encoded in one
# Styles whose joins stay: their songs meet at a sample, at a whole number of milliseconds, on beats
FIXED_STYLES = ("gapless", "classic", "club")


def grid_of(delay: int) -> int:
    """Return what `start - cue_in` of a song is, modulo FRAME."""
    return (delay - OUR_DELAY) % FRAME


def touched(first: int, end: int) -> tuple[int, int]:
    """Return the frames that are heard in samples `first` to before `end` of the mix, the last exclusive."""
    return -(-(first - LAST_HEARD) // FRAME), (end - 1 + OUR_DELAY) // FRAME + 1


def nearest(place: int, lowest: int, highest: int) -> int | None:
    """Return the number nearest to 0 that is `place` modulo FRAME, within bounds; None without one."""
    around = (place + FRAME // 2) % FRAME - FRAME // 2
    fitting = [move for move in (around, around - FRAME, around + FRAME) if lowest <= move <= highest]
    return min(fitting, key=abs, default=None)


@dataclass(frozen=True, slots=True)
class Placed:
    """The songs of a mix on the frame grid. `grids` has None where a song cannot be moved to it."""

    cue_ins: tuple[int, ...]
    lengths: tuple[int, ...]
    transitions: tuple[Transition, ...]
    grids: tuple[int | None, ...]


def place_on_grid(
    cue_ins: Sequence[int],
    lengths: Sequence[int],
    transitions: Sequence[Transition],
    delays: Sequence[int | None],
    rate: int,
) -> Placed:
    """Move songs to the grid by as little as possible: the first by its cue, others by their overlap.

    `delays` has None for songs that stay where they are. A join of FIXED_STYLES does not move.
    """
    cues, sizes, joins = list(cue_ins), list(lengths), list(transitions)
    grids: list[int | None] = [None] * len(cues)
    end = 0
    for index, delay in enumerate(delays):
        start = end - joins[index - 1].overlap if index else 0
        grid = None if delay is None else grid_of(delay)
        off = 0 if grid is None else grid + cues[index] - start
        if grid is None:
            pass
        elif not index:  # it starts at 0: its cue moves
            move = nearest(-off, -min(cues[0], FRAME // 2), min(sizes[0] - 1, FRAME // 2))
            if move is not None:
                cues[0], sizes[0], grids[0] = cues[0] + move, sizes[0] - move, grid
        else:
            lowest, highest = _room(joins, index, sizes, end)
            move = nearest(off, lowest, highest)
            if move is not None:
                joins[index - 1] = move_start(joins[index - 1], move, rate)
                grids[index], start = grid, start + move
        end = start + sizes[index]
    return Placed(tuple(cues), tuple(sizes), tuple(joins), tuple(grids))


def _room(joins: Sequence[Transition], index: int, sizes: Sequence[int], end: int) -> tuple[int, int]:
    """Return by how much the start of a clip may move: an overlap keeps half of it, a gap stays one."""
    join = joins[index - 1]
    if join.style in FIXED_STYLES or not join.overlap:
        return 0, 0
    if join.overlap < 0:
        return join.overlap + 1, FRAME
    taken = max(0, joins[index - 2].overlap) if index > 1 else 0
    longest = min(sizes[index], sizes[index - 1] - taken, end)
    shortest = join.overlap if join.bass_swap_s is not None else (join.overlap + 1) // 2
    return join.overlap - longest, join.overlap - shortest


def move_start(join: Transition, move: int, rate: int) -> Transition:
    """Return the transition whose incoming clip starts `move` frames later; what happens in it stays."""
    if not move or join.overlap < 0:
        return replace(join, overlap=join.overlap - move)
    overlap, earlier_s = join.overlap - move, -move / rate
    before_s, after_s = join.overlap / rate, overlap / rate
    fades_s = [
        after_s if abs(fade_s - before_s) < 1 / rate else min(fade_s, after_s)
        for fade_s in (join.fade_out_s, join.fade_in_s)
    ]
    return replace(
        join,
        overlap=overlap,
        fade_out_s=fades_s[0],
        fade_in_s=fades_s[1],
        bass_swap_s=None if join.bass_swap_s is None else join.bass_swap_s + earlier_s,
        ride=tuple((round(at_s + earlier_s, 3), level_db) for at_s, level_db in join.ride),
    )


def encoded_share(hot: NDArray[np.bool_]) -> float:
    """Return about which part of a song is encoded when these of its frames have to be."""
    places = np.flatnonzero(hot)
    if not len(places):
        return 0.0
    gaps = np.diff(places)
    beside = 3  # frames that a peak touches besides its own
    return float((len(places) + beside + np.where(gaps < MERGED, gaps - 1, beside).sum()) / len(hot))
