"""Clicks at joins: one isolated spike at an instant where the mix changes what it plays, or how loud.

In: a `Timeline` for the instants, and the decoded mix, block by block. Out: where it clicks, and how far the
click stands out. Music is full of sharp edges of its own, and most of them last: a click is over at once.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.rendering.stretch import seam_of
from mixes.engine.samples import Samples
from mixes.engine.timeline import Timeline

Curve = NDArray[np.float64]

SEARCH_S = 0.0015  # either side of an instant: encoders smear a click, but hardly move it
CONTEXT_S = 0.5  # either side: the music a click is compared with
REFERENCE_PERCENTILE = 99.9
# What is left at least of a click of 6 dB over the usual where the music beneath it works against it:
# measured 1.23 at the worst of 19,000 places
MIN_PROMINENCE = 1.15
MIN_BEND = 2 / 32768  # the step between two samples that a 16-bit player can just make
SPIKE_S = 0.0007  # either side of the peak: the click itself, as an encoder gives it back
NEIGHBOURHOOD_S = 0.016  # either side: what a click towers over, and a sharp edge in music does not
# Measured on 43 minutes of music: all of 38,000 added clicks of 6 dB are above, and 1 of 10,000 clean places
MIN_ISOLATION = 2.1
PREDICTOR_ORDER = 16
PREDICTOR_GAP_S, PREDICTOR_REACH_S = 0.003, 0.033  # the music that trains it, either side, without the click
# A little white noise for the predictor: otherwise it listens only to where lossy files have nothing
PREDICTOR_NOISE = 1e-6


@dataclass(frozen=True, slots=True)
class Click:
    """A click, and its second difference against the 99.9 percentile of the music around it."""

    frame: int
    over_db: float


def change_instants(timeline: Timeline) -> tuple[int, ...]:
    """Return the frames at which a gain law begins or ends, without the first and the last of the mix."""
    instants: set[int] = set()
    for clip in timeline.clips:
        instants |= {clip.start + place for place, _ in clip.seams()}
        if clip.ramp_in:
            instants |= {clip.start, clip.start + clip.ramp_in}
        if clip.ramp_out:
            instants |= {clip.end - clip.ramp_out, clip.end}
    for before, after, join in timeline.joins():
        if join.style == "club":  # a beat is at both ends, where the songs are as good as silent
            instants -= {after.start, after.start + after.ramp_in, before.end, before.end - before.ramp_out}
            instants |= {after.start + place for place in seam_of(after, timeline.rate) if after.head_frames}
        else:
            instants |= {after.start, before.end}
    return tuple(sorted(frame for frame in instants if 0 < frame < timeline.frames))


class ClickFinder:
    """Listens around the given instants while the mix goes by, holding no more than one window."""

    def __init__(self, instants: Iterable[int], rate: int) -> None:
        self._pending = deque(sorted(set(instants)))
        self._rate = rate
        self._reach = round(CONTEXT_S * rate)
        self._buffer: Samples = np.zeros((0, 2), dtype=np.float32)
        self._end = 0  # frames of the mix seen
        self._found: dict[int, Click] = {}  # by frame: two instants can be near one click

    @property
    def clicks(self) -> tuple[Click, ...]:
        return tuple(self._found[frame] for frame in sorted(self._found))

    def push(self, block: Samples) -> None:
        """Take the next frames, shape (n, 2)."""
        self._end += len(block)
        if not self._pending or self._pending[0] - self._reach >= self._end:
            return
        self._buffer = np.concatenate((self._buffer, block))
        while self._pending and self._pending[0] + self._reach <= self._end:
            self._inspect(self._pending.popleft())
        self._discard()

    def finish(self) -> None:
        """Look at the instants too near to the end to have a whole window."""
        while self._pending and self._pending[0] < self._end:
            self._inspect(self._pending.popleft())

    def _inspect(self, instant: int) -> None:
        held_from = self._end - len(self._buffer)
        first = max(instant - self._reach, held_from)
        window = self._buffer[first - held_from : instant + self._reach - held_from]
        click = find_click(window, instant - first, self._rate)
        if click is not None:
            frame = first + click.frame
            self._found[frame] = Click(frame, click.over_db)

    def _discard(self) -> None:
        needed = self._end - (self._pending[0] - self._reach) if self._pending else 0
        self._buffer = self._buffer[max(0, len(self._buffer) - max(0, needed)) :].copy()


def find_click(window: Samples, centre: int, rate: int) -> Click | None:
    """Return the click within SEARCH_S of frame `centre`, or None; `window` has shape (frames, 2).

    The window should reach CONTEXT_S to both sides; the click's frame counts from its beginning.
    """
    channels = (window[:, channel].astype(np.float64) for channel in (0, 1))
    found = [click for channel in channels if (click := _click_in(channel, centre, rate))]
    return max(found, key=lambda click: click.over_db, default=None)


def _click_in(sound: Curve, centre: int, rate: int) -> Click | None:
    bend = second_difference(sound)
    threshold = max(MIN_PROMINENCE * float(np.percentile(bend, REFERENCE_PERCENTILE)), MIN_BEND)
    if bend[_peak_near(bend, centre, SEARCH_S * rate)] < threshold:
        return None
    # Either view may hide a click: the bend under bright music, the whitened one under an encoder's noise
    ratio, peak = max(isolation(bend, centre, rate), isolation(whiten(sound, centre, rate), centre, rate))
    frame = _peak_near(bend, peak, SPIKE_S * rate)
    if ratio < MIN_ISOLATION or bend[frame] < threshold:
        return None
    return Click(frame, round(20 * float(np.log10(MIN_PROMINENCE * bend[frame] / threshold)), 1))


def second_difference(sound: Curve) -> Curve:
    """Return how sharply the wave bends at every frame, as a magnitude; 0 at both ends."""
    bend = np.zeros(len(sound))
    bend[1:-1] = np.abs(sound[2:] - 2 * sound[1:-1] + sound[:-2])
    return bend


def isolation(curve: Curve, centre: int, rate: int) -> tuple[float, int]:
    """Return how many times higher the highest point near `centre` is than all around it, and its frame."""
    peak = _peak_near(curve, centre, SEARCH_S * rate)
    spike, near = round(SPIKE_S * rate), round(NEIGHBOURHOOD_S * rate)
    before = curve[max(0, peak - near) : max(0, peak - spike)]
    after = curve[peak + spike + 1 : peak + near + 1]
    around = max((float(part.max()) for part in (before, after) if len(part)), default=0.0)
    return float(curve[peak]) / max(around, np.finfo(np.float64).tiny), peak


def whiten(sound: Curve, centre: int, rate: int) -> Curve:
    """Return around `centre` what cannot be predicted from both sides, as a magnitude; 0 elsewhere.

    The prediction error run back through the mirrored predictor: the matched filter of a single spike.
    """
    reach = round((SEARCH_S + NEIGHBOURHOOD_S) * rate) + 2 * PREDICTOR_ORDER
    first, last = max(0, centre - reach), min(len(sound), centre + reach)
    predictor = _fit_predictor(sound, centre, rate)
    error = np.convolve(sound[first:last], np.convolve(predictor, predictor[::-1]), "same")
    error[:PREDICTOR_ORDER] = error[-PREDICTOR_ORDER:] = 0.0  # worked out with silence for what lies beyond
    return np.pad(np.abs(error), (first, len(sound) - last))


def _peak_near(curve: Curve, centre: int, reach: float) -> int:
    first = max(0, centre - round(reach))
    return first + int(np.argmax(curve[first : centre + round(reach) + 1]))


def _fit_predictor(sound: Curve, centre: int, rate: int) -> Curve:
    """Return the prediction-error filter of the music on both sides (autocorrelation method)."""
    from scipy.linalg import solve_toeplitz  # a quarter of a second to import: only where it is used

    gap, reach = round(PREDICTOR_GAP_S * rate), round(PREDICTOR_REACH_S * rate)
    sides = (sound[max(0, centre - reach) : max(0, centre - gap)], sound[centre + gap : centre + reach])
    autocorrelation = np.zeros(PREDICTOR_ORDER + 1)
    for side in sides:
        spectrum = np.fft.rfft(side * np.hanning(len(side)), 2 * reach)
        autocorrelation += np.fft.irfft(np.abs(spectrum) ** 2)[: PREDICTOR_ORDER + 1]
    autocorrelation[0] = autocorrelation[0] * (1 + PREDICTOR_NOISE) + np.finfo(np.float32).tiny
    return np.concatenate(([1.0], solve_toeplitz(autocorrelation[:-1], -autocorrelation[1:])))
