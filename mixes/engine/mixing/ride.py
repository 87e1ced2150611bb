"""Lift the quiet moments between two songs: a slow gain over the join, shared by both clips.

In: what the search predicts of one join. Out: a curve of gain in dB; and the blocks of a mix with all curves
of its timeline applied. A ride raises, never lowers, and leaves noise alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.engine.mixing.join_search import SECOND_HOPS, JoinChoice, Prediction
from mixes.engine.mixing.song_levels import HOP_S, Levels, SongLevels, running_mean, to_db
from mixes.engine.samples import Samples
from mixes.engine.timeline import Timeline

MAX_RIDE_DB = 6.0  # more was tried up to 9 dB and brought next to nothing
UNDER_LINE_LU = 0.5  # the level between the bodies that is left as it is
BEFORE_S, AFTER_S = 4.0, 3.0  # of A's body end, of B's body start
SMOOTHING_HOPS = 20  # 2 s
MAX_SLOPE_DB_PER_S = 1.5
NOISE_LU, MUSIC_LU = -30.0, -24.0  # below a song's loudness: not lifted at all, lifted as wanted
POINT_HOPS = 5  # a point of the curve every 0.5 s
SMALLEST_RIDE_DB = 0.5

Ride = tuple[tuple[float, float], ...]  # (seconds from the incoming clip's start, dB)


def plan_ride(a: SongLevels, b: SongLevels, choice: JoinChoice) -> Ride:
    """Return the curve that brings the sum of both songs up to the line between their bodies."""
    if not choice.overlap_s:
        return ()
    law = (choice.fade_out_s / choice.overlap_s, choice.fade_in_s / choice.overlap_s)
    heard = Prediction.of(a, b, choice.end_s, np.array([choice.overlap_s]), [law])
    times = heard.times
    start_b, body_b = float(heard.start_b.item()), float(heard.body_start_b.item())
    wanted = np.clip(heard.line.reshape(-1) - UNDER_LINE_LU - heard.second_db.reshape(-1), 0.0, MAX_RIDE_DB)
    wanted[(times < heard.body_end_a - BEFORE_S) | (times > body_b + AFTER_S)] = 0.0
    music = np.maximum(
        above_noise(heard.heard_a.reshape(-1), a.loudness_db),
        above_noise(heard.heard_b.reshape(-1), b.loudness_db),
    )
    slow = running_mean(wanted * music, SMOOTHING_HOPS)
    curve = limit_slope(np.minimum(slow, MAX_RIDE_DB * music))
    if curve.max(initial=0.0) < SMALLEST_RIDE_DB:
        return ()
    return to_points(times - start_b, curve)


def above_noise(power: NDArray[np.float64], loudness_db: float) -> Levels:
    """Return how far moments of this power may be lifted, 0 for noise to 1 for music."""
    above = to_db(running_mean(power, SECOND_HOPS)) - loudness_db
    return np.clip((above - NOISE_LU) / (MUSIC_LU - NOISE_LU), 0.0, 1.0)


def limit_slope(curve: Levels) -> Levels:
    """Return the highest curve under this one that never changes faster than MAX_SLOPE_DB_PER_S."""
    step, limited = MAX_SLOPE_DB_PER_S * HOP_S, curve.copy()
    limited[0] = limited[-1] = 0.0
    for at in range(1, len(limited)):
        limited[at] = min(limited[at], limited[at - 1] + step)
    for at in range(len(limited) - 2, -1, -1):
        limited[at] = min(limited[at], limited[at + 1] + step)
    return limited


def to_points(times: NDArray[np.float64], curve: Levels) -> Ride:
    """Return the curve as points POINT_HOPS apart, from the last 0 dB before it to the first after it."""
    kept = np.unique(np.append(np.arange(0, len(curve), POINT_HOPS), len(curve) - 1))
    times, curve = times[kept], curve[kept]
    raised = np.flatnonzero(curve > 0.0)
    first, last = max(0, int(raised[0]) - 1), min(len(curve) - 1, int(raised[-1]) + 1)
    places = range(first, last + 1)
    return tuple((round(float(times[at]), 2), round(float(curve[at]), 2)) for at in places)


@dataclass(frozen=True, slots=True)
class PlacedRide:
    """A ride, and the frame of the mix that its seconds are counted from."""

    origin: int
    ride: Ride

    def bounds(self, rate: int) -> tuple[float, float]:
        """Return its first and last frame in a mix at `rate` Hz."""
        return self.origin + self.ride[0][0] * rate, self.origin + self.ride[-1][0] * rate


def rides_of(timeline: Timeline) -> tuple[PlacedRide, ...]:
    """Return all rides of a timeline."""
    return tuple(PlacedRide(after.start, join.ride) for _, after, join in timeline.joins() if join.ride)


def ride_db(rides: Sequence[PlacedRide], rate: int, frames: NDArray[np.floating[Any]]) -> Levels:
    """Return the gain in dB of rides at these ascending frames of a mix; the highest counts."""
    gain = np.zeros(len(frames))
    for placed in rides:
        first, last = placed.bounds(rate)
        if not len(frames) or frames[-1] < first or last < frames[0]:
            continue
        seconds, levels = (np.array(column) for column in zip(*placed.ride, strict=True))
        inside = slice(*np.searchsorted(frames, (first, last)))
        at = (frames[inside] - placed.origin) / rate
        gain[inside] = np.maximum(gain[inside], np.interp(at, seconds, levels))
    return gain


def ride_blocks(blocks: Iterable[Samples], rides: Sequence[PlacedRide], rate: int) -> Iterator[Samples]:
    """Yield the blocks of a mix, from its first frame on, with rides applied."""
    spans = [placed.bounds(rate) for placed in rides]
    at = 0
    for block in blocks:
        end = at + len(block)
        if any(first < end and at < last for first, last in spans):
            gain = 10.0 ** (ride_db(rides, rate, np.arange(at, end, dtype=np.float64)) / 20.0)
            block = block * gain.astype(np.float32)[:, np.newaxis]
        yield block
        at = end
