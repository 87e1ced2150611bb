"""What can be wrong in a finished mix beside clicks and joins: clipping, unplanned silence, a late start.

In: what was decoded and measured of it, and the `Timeline`. Out: places and sizes, in seconds and decibels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.loudness import HOP_S, MOMENTARY_HOPS
from mixes.engine.analysis.true_peak import largest_magnitude
from mixes.engine.mixing.mix_fades import envelope_gain
from mixes.engine.samples import Samples
from mixes.engine.timeline import Timeline

Loudness = NDArray[np.float64]  # LUFS, one value per HOP_S

FULL_SCALE = 32767 / 32768  # the highest sample a 16-bit player can give out
MIN_CLIPPED_SAMPLES = 3  # neighbours at full scale: two can be one honest peak, three are a flat top
GAP_LUFS = -50.0  # 30 LU under most music: heard as nothing
MIN_GAP_S = 0.5
NEAR_JOIN_S = 0.5  # silence that begins or ends this near to a join belongs to it
NEAR_BEST_CORRELATION = 0.95  # of the best: the overlap of a tone with itself shrinks by the shift
MAX_LAG_S = 0.06  # twice what an MP3 or AAC decoder can be late
MIN_OPENING_RMS = 1e-4  # RMS: of anything quieter an encoder leaves little to compare

MOMENTARY_S = MOMENTARY_HOPS * HOP_S


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence inside the mix; `title` is the clip it lies in or, at a join, the clip it leads into."""

    start_s: float  # within a HOP_S, like the length
    length_s: float
    at_join: bool
    title: str


class ClippingCounter:
    """Counts samples in runs of MIN_CLIPPED_SAMPLES or more at full scale, channel by channel."""

    def __init__(self, max_places: int = 10) -> None:
        self.samples = 0
        self.places: list[int] = []  # first frames of the first runs
        self._max_places = max_places
        self._seen = 0
        self._open_runs = [0, 0]  # length of the run that reaches the end of what was seen

    def push(self, block: Samples) -> None:
        """Take the next frames, shape (n, 2)."""
        if any(self._open_runs) or largest_magnitude(block) >= FULL_SCALE:
            for channel in (0, 1):
                self._count(np.abs(block[:, channel]) >= FULL_SCALE, channel)
        self._seen += len(block)

    def finish(self) -> None:
        """Count a run that lasts to the end."""
        for channel in (0, 1):
            self._close(self._seen, channel)

    def _count(self, high: NDArray[np.bool_], channel: int) -> None:
        if not high[:1].any():
            self._close(self._seen, channel)
        for first, last in find_runs(high):
            self._open_runs[channel] += last - first
            if last < len(high):
                self._close(self._seen + last, channel)

    def _close(self, end: int, channel: int) -> None:
        length, self._open_runs[channel] = self._open_runs[channel], 0
        if length >= MIN_CLIPPED_SAMPLES:
            self.samples += length
            if len(self.places) < self._max_places:
                self.places.append(end - length)


def find_runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (first, last exclusive) of every stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    for first, last in edges.reshape(-1, 2):
        yield int(first), int(last)


def find_gaps(momentary_lufs: Loudness, timeline: Timeline) -> tuple[Gap, ...]:
    """Return the silences inside the mix that its timeline does not plan, in order."""
    gaps = []
    with np.errstate(divide="ignore"):
        line = GAP_LUFS + 20 * np.log10(planned_gain(timeline, len(momentary_lufs)))
    for first, last in find_runs(momentary_lufs < line):
        if first == 0 or last == len(momentary_lufs):
            continue  # before the first sound, or after the last
        # Half a hop more on both sides: a window is loud as long as it touches sound
        start_s, end_s = (first - 0.5) * HOP_S, (last - 0.5) * HOP_S + MOMENTARY_S
        for piece in _without_planned(start_s, end_s, timeline):
            if piece[1] - piece[0] > MIN_GAP_S + HOP_S / 2:
                gaps.append(_describe_gap(*piece, timeline))
    return tuple(gaps)


def planned_gain(timeline: Timeline, count: int) -> NDArray[np.float64]:
    """Return the gain of the mix's own fades in the middle of each of `count` momentary windows."""
    return envelope_gain(timeline.fades, (np.arange(count) * HOP_S + MOMENTARY_S / 2) * timeline.rate)


def _without_planned(start_s: float, end_s: float, timeline: Timeline) -> Iterator[tuple[float, float]]:
    for before, after, transition in timeline.joins():
        planned_s = before.end / timeline.rate, after.start / timeline.rate
        if transition.overlap < 0 and start_s < planned_s[1] and planned_s[0] < end_s:
            yield start_s, planned_s[0]
            start_s = planned_s[1]
    yield start_s, end_s


def _describe_gap(start_s: float, end_s: float, timeline: Timeline) -> Gap:
    length_s = round(end_s - start_s, 2)
    for before, after, transition in timeline.joins():
        if transition.overlap < MIN_GAP_S * timeline.rate:
            continue  # played one after the other: the quiet is the songs' own
        first_s, last_s = sorted((after.start / timeline.rate, before.end / timeline.rate))
        if start_s < last_s + NEAR_JOIN_S and first_s - NEAR_JOIN_S < end_s:
            return Gap(round(start_s, 2), length_s, True, after.title)
    inside = [clip for clip in timeline.clips if clip.start <= start_s * timeline.rate]
    return Gap(round(start_s, 2), length_s, False, inside[-1].title)


def measure_lag(decoded: Samples, opening: Samples, rate: int) -> int | None:
    """Return how many frames later `decoded` begins than `opening`; None where one is too quiet to tell.

    More than MAX_LAG_S is not found.
    """
    if min(_rms(opening), _rms(decoded)) < MIN_OPENING_RMS:
        return None
    largest = round(MAX_LAG_S * rate)
    wanted, heard = (sound.mean(axis=1, dtype=np.float64) for sound in (opening, decoded))
    size = 1 << (len(wanted) + len(heard) + 2 * largest).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size)
    lags = np.concatenate((correlation[-largest:], correlation[: largest + 1]))
    # A steady tone is as like itself a period later: of equally good peaks the one nearest to 0 is meant.
    inner = lags[1:-1]
    peaks = np.flatnonzero(
        (inner >= lags[:-2]) & (inner >= lags[2:]) & (inner >= NEAR_BEST_CORRELATION * lags.max())
    )
    found = peaks + 1 - largest if len(peaks) else np.array([int(np.argmax(lags)) - largest])
    return int(found[np.argmin(np.abs(found))])


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0
