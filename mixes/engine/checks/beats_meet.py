"""Whether the beats of both songs meet where a join matches them, heard in the decoded mix.

In: the mix, block by block, its `Timeline`, the tracks' beats. Out: a `MatchedBeats` per such join. Each song
is listened to where it is the louder one: A's bars before the join and its first third, B's last third and
the bars after it. Beats are found again, up to half a beat from where they are planned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.samples import Samples
from mixes.engine.timeline import Clip, Timeline

HOP_S = 0.0058  # one value of the rise; also the length of the mean that leaves only lows
BEFORE_AND_AFTER_S = 16.0
SHARE_LISTENED = 1 / 3  # of the overlap, on either side
SPREAD_HOPS = 2  # to both sides of a beat: its rise lasts so long
RISE_HOPS = 3
FEWEST_BEATS = 8
CLEAR = 1.6  # how far the best place stands above the mean of all
AS_GOOD = 0.6  # of the best place: a bass between the beats may be louder than the kick on them
MOST_APART_S = 0.040

Rise = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MatchedBeats:
    """How far apart the beats of both songs are heard; None where a song has no clear low beat there."""

    at_s: float  # in the mix
    title: str  # of the incoming song
    apart_s: float | None

    @property
    def is_faulted(self) -> bool:
        return self.apart_s is not None and self.apart_s > MOST_APART_S


class BeatListener:
    """Listens to the lows around matched joins, holding one value per hop of these."""

    def __init__(self, timeline: Timeline, tracks: Sequence[TrackAnalysis]) -> None:
        """`tracks` are as the clips play them."""
        self._timeline, self._tracks = timeline, tracks
        self._hop = max(1, round(HOP_S * timeline.rate))
        self._seen = 0
        self._rest = np.zeros(0)
        self._lows: list[NDArray[np.float32]] = []
        around = round(BEFORE_AND_AFTER_S * timeline.rate)
        self._wanted = [
            (after.start - around, before.end + around)
            for before, after, join in timeline.joins()
            if join.style == "club"
        ]

    def push(self, block: Samples) -> None:
        """Take the next frames, shape (n, 2)."""
        if not self._wanted:
            return
        first, self._seen = self._seen, self._seen + len(block)
        if not any(low < self._seen and first < high for low, high in self._wanted):
            mono = np.zeros(len(block))  # far from all: keeps the count of hops
        else:
            mono = block.sum(axis=1, dtype=np.float64)
        mono = np.concatenate((self._rest, mono))
        whole = len(mono) // self._hop * self._hop
        self._rest = mono[whole:]
        self._lows.append(mono[:whole].reshape(-1, self._hop).mean(axis=1, dtype=np.float32))

    def finish(self) -> tuple[MatchedBeats, ...]:
        """Return what was heard at each matched join, in order."""
        if not self._wanted:
            return ()
        rise = rise_of(np.concatenate(self._lows).astype(np.float64))
        return tuple(
            self._measure(rise, index)
            for index, join in enumerate(self._timeline.transitions)
            if join.style == "club"
        )

    def _measure(self, rise: Rise, index: int) -> MatchedBeats:
        timeline, clips = self._timeline, self._timeline.clips
        before, after = clips[index], clips[index + 1]
        third, around = (
            round((before.end - after.start) * SHARE_LISTENED),
            round(BEFORE_AND_AFTER_S * timeline.rate),
        )
        late_a = self._lateness(rise, index, after.start - around, after.start + third)
        late_b = self._lateness(rise, index + 1, before.end - third, before.end + around)
        apart_s = None if late_a is None or late_b is None else round(abs(late_b - late_a), 3)
        return MatchedBeats(round(after.start / timeline.rate, 2), after.title, apart_s)

    def _lateness(self, rise: Rise, index: int, first: int, last: int) -> float | None:
        """Return by how many seconds the beats of a clip are heard later than planned; None if not clear."""
        rhythm = self._tracks[index].rhythm
        if rhythm is None:
            return None
        clip, rate = self._timeline.clips[index], self._timeline.rate
        inside = (max(first, clip.start), min(last, clip.end))
        places = beats_in_mix(clip, np.asarray(rhythm.beats) * (rate / self._tracks[index].rate))
        places = places[(places >= inside[0]) & (places < inside[1])]
        if len(places) < FEWEST_BEATS:
            return None
        half = int(np.median(np.diff(places)) / 2 / self._hop)
        return clearest_shift(rise, places / self._hop, half, self._hop / rate)


def beats_in_mix(clip: Clip, beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where in the mix beats of a file are heard, both in frames at the mix rate."""
    into = beats - clip.cue_in
    plain = into - clip.head_source + clip.head_frames
    return clip.start + np.where(into < clip.head_source, into / clip.stretch, plain)


def rise_of(lows: Rise) -> Rise:
    """Return how much the power of the lows rises from hop to hop, 0 where it falls."""
    power = np.convolve(lows**2, np.ones(RISE_HOPS), "same")
    rise = np.maximum(0.0, np.diff(power, prepend=power[:1]))
    loud = np.percentile(rise, 98) if len(rise) else 0.0
    return np.minimum(rise, loud)  # one loud beat is no more than any other


def clearest_shift(rise: Rise, places: NDArray[np.float64], half: int, hop_s: float) -> float | None:
    """Return the shift in seconds, up to `half` hops, at which most rises; None where no place stands out.

    Of several nearly as good ones the least.
    """
    spread = np.convolve(rise, np.ones(2 * SPREAD_HOPS + 1), "same")
    shifts = np.arange(-half, half + 1)
    at = np.round(places[:, np.newaxis] + shifts).astype(int)
    heard = spread[np.clip(at, 0, len(spread) - 1)].mean(axis=0)
    if heard.mean() <= 0 or heard.max() < CLEAR * heard.mean():
        return None
    beside = np.maximum(np.roll(heard, 1), np.roll(heard, -1))
    peaks = shifts[(heard >= beside) & (heard >= AS_GOOD * heard.max())]
    return float(min(peaks, key=abs) * hop_s)
