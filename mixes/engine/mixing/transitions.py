"""What a join sounds like: one function per style, all in the table `STYLES`.

In: the window in which both clips sound, shape (frames, 2) each. Out: the mixed window. A style is its gain
law (read by planning too, to predict loudness and the crossover) and the function that mixes by it.
"""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.engine.mixing.curves import (
    Fades,
    Gains,
    equal_power,
    fall,
    hann,
    linear,
    positions,
    raised_cosine,
    rise,
)
from mixes.engine.samples import Samples

PRIME_S = 0.2  # sound before the window that a filter hears first, so that it does not start from silence
RAMP_S = 0.005  # shortest time in which a gain or a filter may come or go without a click
CUT_S = 0.010  # overlap of a `cut`: short enough to be heard as one, long enough not to click
CORRELATION_STEP_S = 0.4  # window of the correlation: that of momentary loudness, so the ear's own
MAX_CORRECTION_DB = 3.0
MAX_STEP_RATIO = 2.0  # a step so many times the largest beside it is no music
MIN_JUMP = 2 / 32768  # the step between two samples that a 16-bit player can just make
BASS_HZ = 120
BASS_ORDER = 2  # 24 dB an octave, since it is used twice
BASS_EDGE_S = 0.05  # of mirrored sound at both ends, so that the filter does not start from silence
BASS_PIECE_S = 4.0  # filtered at a time
BASS_SWAP_S = 1.0  # in which the bass changes hands
LOW_PASS_HZ = 8_000
LOW_PASS_ORDER = 5
PYDUB_HEADROOM = (
    8.0  # pydub saturates at full scale and a float mix may pass it: scaled down before, up after
)


EQUAL_POWER = Fades()


@dataclass(frozen=True, slots=True)
class Window:
    """What a style gets: both sounds over the overlap, and what was heard before it."""

    outgoing: Samples
    incoming: Samples
    before: Samples  # the mix just before the window, up to PRIME_S of it
    rate: int
    fades: Fades = EQUAL_POWER
    soften: bool = False
    bass_swap_s: float | None = None  # when the bass changes hands, in seconds of the window ...
    bass_swap_length_s: float = BASS_SWAP_S  # ... and within how long


GainLaw = Callable[[Gains, Fades], tuple[Gains, Gains]]


@dataclass(frozen=True, slots=True)
class Style:
    """One way to join two clips."""

    gains: GainLaw  # (positions 0..1 in the overlap, fades) -> gains of outgoing and incoming
    mix: Callable[[Window], Samples]


def smooth_gains(position: Gains, fades: Fades) -> tuple[Gains, Gains]:
    """Sine fades: equal power where both last as long as the overlap."""
    return fall(fades.out_progress(position)), rise(fades.in_progress(position))


def radio_gains(position: Gains, fades: Fades) -> tuple[Gains, Gains]:
    return raised_cosine(fades.out_progress(position)), 1.0 - raised_cosine(fades.in_progress(position))


def classic_gains(position: Gains, fades: Fades) -> tuple[Gains, Gains]:
    return linear(position)


def mix_smooth(window: Window) -> Samples:
    """Equal power, corrected where the two sounds are alike or cancel, and softened if asked."""
    if window.bass_swap_s is not None:
        window = swap_bass(window, window.bass_swap_s)
    position = positions(len(window.incoming))
    falling, rising = smooth_gains(position, window.fades)
    correction = compensate_correlation(window, falling, rising)
    mixed = apply_gain(window.outgoing, falling * correction) + apply_gain(
        window.incoming, rising * correction
    )
    return soften(mixed, window) if window.soften else mixed


def mix_radio(window: Window) -> Samples:
    """The incoming song enters at full level while the outgoing one fades away under it."""
    falling, rising = radio_gains(positions(len(window.incoming)), window.fades)
    mixed = apply_gain(window.outgoing, falling) + apply_gain(window.incoming, rising)
    return soften(mixed, window) if window.soften else mixed


def mix_cut(window: Window) -> Samples:
    """Equal power over a few milliseconds."""
    falling, rising = equal_power(positions(len(window.incoming)))
    return apply_gain(window.outgoing, falling) + apply_gain(window.incoming, rising)


def mix_classic(window: Window) -> Samples:
    """Linear fades and a low-pass on both sounds, by pydub's own operations.

    The filter is primed with the sound before the window, and dry and filtered sound pass into each other
    over RAMP_S at both ends; otherwise the window would begin and end with a step.
    """
    outgoing = fade_and_low_pass(window.outgoing, window.before, window.rate, incoming=False)
    incoming = fade_and_low_pass(window.incoming, window.before[:0], window.rate, incoming=True)
    return outgoing + incoming


STYLES: Mapping[str, Style] = {
    "smooth": Style(smooth_gains, mix_smooth),
    "classic": Style(classic_gains, mix_classic),
    "radio": Style(radio_gains, mix_radio),
    # Like smooth, with both songs at one tempo, beat on beat
    "club": Style(smooth_gains, mix_smooth),
    "cut": Style(smooth_gains, mix_cut),
    # Without overlap there is nothing to mix: the clips follow each other at once, or after silence.
    "gapless": Style(smooth_gains, mix_cut),
    "gap": Style(smooth_gains, mix_cut),
}


def declick(outgoing: Samples, incoming: Samples) -> tuple[Samples, Samples]:
    """Return the ends of two sounds that follow each other, with ramps where they do not run into each other.

    Parts of one recording go on from sample to sample. Files that merely stop and start jump, which clicks.
    """
    whole = np.concatenate([outgoing, incoming]).astype(np.float64)
    steps = np.abs(np.diff(whole, axis=0)).max(axis=1)
    seam = len(outgoing) - 1
    usual_step = max(np.delete(steps, seam).max(initial=0.0), MIN_JUMP)
    if not 0 <= seam < len(steps) or steps[seam] <= MAX_STEP_RATIO * usual_step:
        return outgoing, incoming
    falling = positions(len(outgoing))[::-1]
    return apply_gain(outgoing, falling), apply_gain(incoming, positions(len(incoming)))


def apply_gain(samples: Samples, gains: Gains) -> Samples:
    """Return `samples` with one gain per frame applied."""
    return samples * gains.astype(np.float32)[:, np.newaxis]


def compensate_correlation(window: Window, falling: Gains, rising: Gains) -> Gains:
    """Return the factor per frame that keeps the energy of the join at `falling^2 E_A + rising^2 E_B`.

    Two sounds add by power only when they are unrelated. The cross term of the sum is measured in steps of
    CORRELATION_STEP_S; it matters for two versions of one song and is close to nothing otherwise.
    """
    frames = len(falling)
    steps = max(1, round(frames / (CORRELATION_STEP_S * window.rate)))
    edges = np.linspace(0, frames, steps + 1).astype(int)
    factors = [1.0]
    for first, last in pairwise(edges):
        a = apply_gain(window.outgoing[first:last], falling[first:last]).astype(np.float64)
        b = apply_gain(window.incoming[first:last], rising[first:last]).astype(np.float64)
        wanted = float(np.sum(a * a) + np.sum(b * b))
        actual = wanted + 2.0 * float(np.sum(a * b))
        largest = 10.0 ** (MAX_CORRECTION_DB / 20.0)
        ratio = math.sqrt(wanted / actual) if actual > 0.0 else largest if wanted > 0.0 else 1.0
        factors.append(min(max(ratio, 1.0 / largest), largest))
    middles = (edges[:-1] + edges[1:]) / 2.0
    return np.interp(np.arange(frames), [0, *middles, frames], [*factors, 1.0])


def swap_bass(window: Window, middle_s: float) -> Window:
    """Return the window with one bass at a time: A's lows leave as B's come.

    The low band is taken out without delay, so what stays is whole.
    """
    moments = (np.arange(len(window.incoming)) + 0.5) / window.rate
    leaving, coming = bass_gains(moments - middle_s, window.bass_swap_length_s)
    outgoing = window.outgoing - apply_gain(low_band(window.outgoing, window.rate), 1.0 - leaving)
    incoming = window.incoming - apply_gain(low_band(window.incoming, window.rate), 1.0 - coming)
    return replace(window, outgoing=outgoing, incoming=incoming)


def bass_gains(elapsed_s: Gains, length_s: float = BASS_SWAP_S) -> tuple[Gains, Gains]:
    """Return the gains of A's and B's bass, counted in seconds from the middle of the swap."""
    return equal_power(np.clip(elapsed_s / length_s + 0.5, 0.0, 1.0))


def low_band(samples: Samples, rate: int) -> Samples:
    """Return the band below BASS_HZ, shape (frames, 2), in phase with the whole.

    It is multiplied in the frequency domain, piece by piece: each piece is heard BASS_EDGE_S further to both
    sides, where what the filter rings has died away to 1e-11.
    """
    edge, piece = round(BASS_EDGE_S * rate), round(BASS_PIECE_S * rate)
    whole = np.pad(samples, ((edge, edge), (0, 0)), mode="reflect", reflect_type="odd")
    low = np.empty_like(samples)
    for start in range(0, len(samples), piece):
        heard = whole[start : start + piece + 2 * edge].astype(np.float64)
        spectrum = np.fft.rfft(heard, axis=0) * low_band_gains(len(heard), rate)[:, np.newaxis]
        filtered = np.fft.irfft(spectrum, len(heard), axis=0)
        low[start : start + piece] = filtered[edge : len(heard) - edge]
    return low


def low_band_gains(frames: int, rate: int) -> Gains:
    """Return the gain of each frequency of `frames` frames: a digital Butterworth filter, used twice."""
    above = np.tan(np.pi * np.fft.rfftfreq(frames)) / np.tan(np.pi * BASS_HZ / rate)
    gains: Gains = 1.0 / (1.0 + above ** (2 * BASS_ORDER))
    return gains


def soften(mixed: Samples, window: Window) -> Samples:
    """Sweep a low-pass in and out over the window: nothing at its ends, all of it in the middle."""
    wet = hann(positions(len(mixed)))
    filtered_mix = low_pass(np.concatenate([window.before, mixed]), window.rate)[len(window.before) :]
    return apply_gain(mixed, 1.0 - wet) + apply_gain(filtered_mix, wet)


def low_pass(samples: Samples, rate: int) -> Samples:
    """Take away what lies above LOW_PASS_HZ."""
    import scipy.signal

    sos = scipy.signal.butter(LOW_PASS_ORDER, LOW_PASS_HZ, "lowpass", fs=rate, output="sos")
    filtered: Samples = scipy.signal.sosfilt(sos, samples.astype(np.float64), axis=0).astype(np.float32)
    return filtered


def fade_and_low_pass(samples: Samples, before: Samples, rate: int, *, incoming: bool) -> Samples:
    """Fade one of the two sounds and low-pass it, crossing between dry and filtered at the window's ends."""
    with suppress_warnings():
        from pydub.scipy_effects import low_pass_filter

    segment = to_segment(samples, rate)
    milliseconds = len(segment)
    faded = segment.fade_in(milliseconds) if incoming else segment.fade_out(milliseconds)
    dry = from_segment(faded)[: len(samples)]
    primed = to_segment(np.concatenate([before, dry]), rate)
    wet = from_segment(low_pass_filter(primed, LOW_PASS_HZ, order=LOW_PASS_ORDER))[len(before) :]
    ramp = min(round(RAMP_S * rate), len(samples) // 2)
    amount = np.ones(len(samples))
    amount[:ramp] = positions(ramp)
    amount[len(samples) - ramp :] = positions(ramp)[::-1]
    return apply_gain(dry, 1.0 - amount) + apply_gain(wet, amount)


@contextlib.contextmanager
def suppress_warnings() -> Iterator[None]:
    """Import pydub in silence: it misses an ffmpeg on PATH, which nothing here asks it for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def to_segment(samples: Samples, rate: int) -> Any:
    """Hand float samples to pydub as 32-bit integers with headroom."""
    with suppress_warnings():
        from pydub import AudioSegment

    full_scale = 2.0**31 / PYDUB_HEADROOM
    integers = np.clip(np.rint(samples.astype(np.float64) * full_scale), -(2.0**31), 2.0**31 - 1)
    data = integers.astype("<i4").tobytes()
    return AudioSegment(data, sample_width=4, frame_rate=rate, channels=2)


def from_segment(segment: Any) -> Samples:
    """Take float samples back from pydub, shape (frames, 2)."""
    integers: NDArray[np.int32] = np.frombuffer(segment.raw_data, dtype="<i4").reshape(-1, 2)
    return (integers * (PYDUB_HEADROOM / 2.0**31)).astype(np.float32)
