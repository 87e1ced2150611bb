"""Score a join by what a careful listener faults, from the mix and both sources alone.

In: two sources as `Song`, a `Placement`, and the mix; of the plan only the place of each clip is believed.
Out: `JoinPoints`. One point is about the least that a careful listener names; the weights are a judgement.

All arrays lie on a grid of 100 ms: hop k is centred on (k + 0.5) x 100 ms. Features are mean squares,
K-weighted and in 8 bands, of sound (`measure_features`), or added up where nothing is rendered.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import butter, resample_poly, sosfilt

from benchmarks.music import Samples

Features = NDArray[np.float64]  # shape (hops, 9): K-weighted power, then the power of 8 bands
Curve = NDArray[np.float64]  # one value per hop
Flags = NDArray[np.bool_]

HOP_S, WINDOW_S = 0.1, 0.2
BAND_EDGES_HZ = (0, 120, 250, 500, 1000, 2000, 4000, 8000, 1_000_000)
BASS_HZ = 150  # above it a source has one gain, and the bass another
BASS_RATE_HZ = 300  # of the band below about 120 Hz; divides the rates of mixes
LUFS_OFFSET = -0.691
MOMENTARY, SECOND, SHORT_TERM = 4, 10, 30  # hops: 400 ms, 1 s, 3 s
BLOCK_HOPS = 32

BODY_LU = -8.0  # below a song's loudness: what is louder belongs to its body
SIDE_HOPS = 200  # of body beside the join: its loudness is the one that is expected
HOLE_LU, PILE_LU, DEEPEST_LU = 3.0, 1.0, 20.0
AFTER_HOPS = 120  # after A is heard last: what is quiet later is B's own beginning
EDGE_HOPS = 300  # of A's end and B's beginning, searched for music lost
QUIETEST_MUSIC_LU, FULL_MUSIC_LU = -30.0, -10.0  # below a song's loudness: counts as no music, and as music
HEARD_GAIN = 10 ** (-12 / 10)
MASKED_LU, INAUDIBLE_LU, SILENT_LU = 15.0, 42.0, 35.0
CLASH_LU, CLASH_UNDER_LU = 6.0, 12.0
BASS_WEIGHT = 0.5  # of the K-weighting under 120 Hz, about
BASS_UNDER_DB, STRONG_BASS_DB = 10.0, 12.0
CLASH_FREE_S = 2.0  # two songs at once for so long are an ordinary crossfade
SLOWEST_CHANGE_DB, USUAL_CHANGE_DB = 3.0, 6.0
WORST_PART = 6.0
LOUDEST_GAIN = 2.0  # that a source can have in the mix
QUIET_POWER = 1e-6  # a quieter source has no gain that could be measured
ALIKE = 0.05  # of det / (aa bb): below it the two sources are too similar to separate


@dataclass(frozen=True, slots=True)
class JoinPoints:
    """What is wrong with one join. Areas are LU x s, the others seconds; `dip_lu` has no points."""

    hole: float
    pile: float
    lost: float
    clash: float
    bass: float
    silent: float
    jump: float  # fastest change of the bands, relative to the songs' own
    dip_lu: float  # deepest 3 s loudness under the line between the bodies

    @property
    def parts(self) -> dict[str, float]:
        """Return the points of each part, each at most WORST_PART."""
        points = {
            "hole": self.hole / 10,
            "pile": self.pile / 6,
            "lost": self.lost / 3,
            "clash": max(0.0, self.clash - CLASH_FREE_S) / 3,
            "bass": self.bass / 3,
            "silent": self.silent * 2,
            "jump": max(0.0, self.jump - 1),
        }
        return {name: min(WORST_PART, value) for name, value in points.items()}

    @property
    def points(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Side:
    """Mean levels of the body beside a join, in dB."""

    loudness: float
    bass: float
    all_bands: float

    @classmethod
    def of(cls, features: Features) -> "Side":
        mean = features.mean(axis=0)
        return cls(float(to_db(mean[0])), float(to_db(mean[1])), float(to_db(mean[1:].sum())))


class Song:
    """A whole source at its clip's gain, and what the evaluator knows of it."""

    def __init__(self, features: Features) -> None:
        self.features = features
        momentary = to_db(running_mean(features[:, 0], MOMENTARY))
        loudness = integrated_db(features[:, 0])
        self.body_start, self.body_end = find_body(features[:, 0], loudness)
        body = features[self.body_start : self.body_end]
        self.start, self.end = Side.of(body[:SIDE_HOPS]), Side.of(body[-SIDE_HOPS:])
        above = momentary - loudness - QUIETEST_MUSIC_LU
        self.music = np.clip(above / (FULL_MUSIC_LU - QUIETEST_MUSIC_LU), 0.0, 1.0)
        self.second_db = to_db(running_mean(features[:, 0], SECOND))
        changes = changes_db(body[:, 1:])
        is_long = len(body) > 2 * SHORT_TERM
        self.own_change_db = (
            max(float(np.percentile(changes, 99)), SLOWEST_CHANGE_DB) if is_long else USUAL_CHANGE_DB
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where two files lie on the hops of a join's time line, and the power gains at which they are heard."""

    first_a: int  # hop at which A's file begins, usually negative
    first_b: int
    gain_a: Curve
    gain_b: Curve
    bass_gain_a: Curve | None = None  # of the lowest band, where it has gains of its own
    bass_gain_b: Curve | None = None

    def lay(self, values: NDArray[np.float64], first: int, fill: float = 0.0) -> NDArray[np.float64]:
        """Return the values of one file on the time line, `fill` where it has none."""
        hops = len(self.gain_a)
        laid = np.full((hops, *values.shape[1:]), fill)
        low, high = max(0, first), min(hops, first + len(values))
        if low < high:
            laid[low:high] = values[low - first : high - first]
        return laid


def score_join(a: Song, b: Song, place: Placement, mix: Features | None = None) -> JoinPoints:
    """Score one join; without the features of a mix, the powers of both songs are added."""
    return _Heard(a, b, place, mix).score()


class _Heard:
    """Everything on the time line of one join."""

    def __init__(self, a: Song, b: Song, place: Placement, mix: Features | None) -> None:
        self.a, self.b, self.place = a, b, place
        self.own_a = place.lay(a.features, place.first_a)
        self.own_b = place.lay(b.features, place.first_b)
        self.heard_a = _apply(self.own_a, place.gain_a, place.bass_gain_a)
        self.heard_b = _apply(self.own_b, place.gain_b, place.bass_gain_b)
        self.mix = self.heard_a + self.heard_b if mix is None else mix
        self.times = np.arange(len(place.gain_a))
        self.level_a = to_db(running_mean(self.heard_a[:, 0], MOMENTARY))
        self.level_b = to_db(running_mean(self.heard_b[:, 0], MOMENTARY))
        self.loud = max(a.end.loudness, b.start.loudness)
        self.body_end = a.body_end + place.first_a
        self.body_start = b.body_start + place.first_b
        self.last_a = self._last_heard_a()
        self.first_b = self._first_heard_b()
        begins = min(self.body_end, self.first_b, self.body_start)
        ends = min(max(self.body_start, self.last_a), self.last_a + AFTER_HOPS)
        self.begins, self.ends = begins, ends
        self.inside = (self.times >= begins - 5) & (self.times <= max(ends, begins + 10) + 5)

    def _last_heard_a(self) -> int:
        """Return the hop at which A is heard last."""
        audible = (self.place.gain_a > HEARD_GAIN) & (self.level_a > self.a.end.loudness - INAUDIBLE_LU)
        return int(np.flatnonzero(audible)[-1]) if audible.any() else self.body_end

    def _first_heard_b(self) -> int:
        audible = (self.place.gain_b > HEARD_GAIN) & (self.level_b > self.b.start.loudness - INAUDIBLE_LU)
        return int(np.flatnonzero(audible)[0]) if audible.any() else self.body_start

    def score(self) -> JoinPoints:
        line, power = self.body_line(), self.mix[:, 0]
        second = to_db(running_mean(power, SECOND))
        short_term = to_db(running_mean(power, SHORT_TERM))
        quiet = min(self.a.end.loudness, self.b.start.loudness) - SILENT_LU
        is_silent = to_db(running_mean(power, MOMENTARY)) < quiet
        return JoinPoints(
            hole=_seconds(np.clip(line - second - HOLE_LU, 0.0, DEEPEST_LU)[self.inside]),
            pile=self.pile_lu_s(second),
            lost=self.lost_s(),
            clash=self.clash_s(),
            bass=self.bass_clash_s(),
            silent=_seconds(is_silent[self.inside]),
            jump=self.jump(),
            dip_lu=float((line - short_term)[self.inside].max()),
        )

    def body_line(self) -> Curve:
        """Return the level expected at each hop: A's until its body ends, B's from its body's start on."""
        end, start = self.body_end, self.body_start
        levels = (self.a.end.loudness, self.b.start.loudness)
        if start > end:
            return np.asarray(np.interp(self.times, (end, start), levels))
        return np.where(self.times < (end + start) / 2, *levels)

    def pile_lu_s(self, second: Curve) -> float:
        """Return LU x s by which the mix is louder than either song anywhere near the join."""
        near = (self.times >= min(self.first_b, self.body_end) - 10) & (
            self.times <= max(self.last_a, self.body_start) + 10
        )
        own_a = self.place.lay(self.a.second_db, self.place.first_a, fill=-99.0)
        own_b = self.place.lay(self.b.second_db, self.place.first_b, fill=-99.0)
        own_a = np.where(self.times <= self.last_a + 5, own_a, -99.0)
        top = np.maximum(self.loud, np.maximum(own_a, own_b))
        return _seconds(np.clip(second - top - PILE_LU, 0.0, DEEPEST_LU)[near])

    def lost_s(self) -> float:
        """Return weighted seconds of A's end and B's beginning that are never heard."""
        a, b, place, hops = self.a, self.b, self.place, len(self.times)
        unheard_a = (place.gain_a < HEARD_GAIN) | (self.level_a < self.level_b - MASKED_LU)
        unheard_b = (place.gain_b < HEARD_GAIN) | (self.level_b < self.level_a - MASKED_LU)
        unheard_a &= self.times >= min(self.body_end - EDGE_HOPS, self.begins)
        unheard_b &= self.times <= max(self.body_start + EDGE_HOPS, self.ends)
        lost = place.lay(a.music, place.first_a) * unheard_a + place.lay(b.music, place.first_b) * unheard_b
        outside = a.music[max(0, hops - place.first_a) :], b.music[: max(0, -place.first_b)]
        return _seconds(lost) + sum(_seconds(part) for part in outside)

    def clash_s(self) -> float:
        """Return seconds in which both songs are equally loud, and near full level."""
        high = self.loud - CLASH_UNDER_LU
        is_equal = np.abs(self.level_a - self.level_b) < CLASH_LU
        return _seconds(is_equal & (self.level_a > high) & (self.level_b > high))

    def bass_clash_s(self) -> float:
        """Return the same for the band under 120 Hz, where it is a large part of both songs."""
        end, start = self.a.end, self.b.start
        if any(side.bass <= side.all_bands - STRONG_BASS_DB for side in (end, start)):
            return 0.0
        bass_a = to_db(running_mean(self.heard_a[:, 1], MOMENTARY))
        bass_b = to_db(running_mean(self.heard_b[:, 1], MOMENTARY))
        are_strong = (bass_a > end.bass - BASS_UNDER_DB) & (bass_b > start.bass - BASS_UNDER_DB)
        return _seconds(are_strong & (np.abs(bass_a - bass_b) < CLASH_LU))

    def jump(self) -> float:
        """Return the fastest change of the bands, relative to those of both songs by themselves."""
        last = max(self.last_a, min(self.body_start, self.last_a + 80)) + 8
        near = (self.times >= min(self.first_b, self.body_end) - 8) & (self.times <= last)
        if not near.any():
            return 0.0
        own = max(self.a.own_change_db, self.b.own_change_db)
        return float(changes_db(self.mix[:, 1:])[near].max()) / own


def _apply(own: Features, gain: Curve, bass_gain: Curve | None) -> Features:
    heard = own * gain[:, None]
    if bass_gain is not None:
        heard[:, 1] = own[:, 1] * bass_gain
        heard[:, 0] += BASS_WEIGHT * own[:, 1] * (bass_gain - gain)
        np.maximum(heard[:, 0], 0.0, out=heard[:, 0])
    return heard


def _seconds(values: NDArray[np.generic]) -> float:
    return float(np.sum(values) * HOP_S)


def to_db(power: NDArray[np.float64] | float) -> Curve:
    return 10 * np.log10(np.maximum(power, 1e-12))


def running_mean(values: NDArray[np.float64], hops: int) -> NDArray[np.float64]:
    """Return the centred mean of `hops` neighbouring powers along the first axis, of fewer at its ends."""
    return np.maximum(_mean(values, hops), 0.0)  # sums of sums may round to less than nothing


def _mean(values: NDArray[np.float64], hops: int) -> NDArray[np.float64]:
    sums = np.concatenate((np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)))
    index = np.arange(len(values))
    low, high = np.maximum(0, index - hops // 2), np.minimum(len(values), index - hops // 2 + hops)
    counts = (high - low).reshape(-1, *(1,) * (values.ndim - 1))
    return np.asarray((sums[high] - sums[low]) / counts)


def integrated_db(power: Curve) -> float:
    """Return the gated loudness (BS.1770) on the scale of `to_db`; the mean where all is gated out."""
    momentary = running_mean(power, MOMENTARY)
    heard = momentary[to_db(momentary) > -70 - LUFS_OFFSET]
    loud = heard[heard > heard.mean() / 10] if len(heard) else momentary
    return float(to_db(loud.mean()))


def find_body(power: Curve, loudness: float) -> tuple[int, int]:
    """Return the first hop of the body and one past its last.

    It begins with a loud window at the start of 3 s that are as loud together.
    """
    loud = to_db(running_mean(power, MOMENTARY)) > loudness + BODY_LU
    if not loud.any():
        return 0, len(power)
    three_s = to_db(running_mean(power, SHORT_TERM))
    ahead = np.pad(three_s, (0, 13), mode="edge")[13:]  # the 3 s that begin with the window
    lasting = loud & (ahead > loudness + BODY_LU)
    first = int(np.argmax(lasting if lasting.any() else loud))
    return first, int(np.flatnonzero(loud)[-1]) + 1


def changes_db(bands: Features) -> Curve:
    """Return how much the 8 bands change within 1 s around each hop, root mean square in dB."""
    levels = to_db(running_mean(bands, 5) + 1e-9)
    changes = np.zeros(len(levels))
    if len(levels) > 2 * SECOND:
        steps = np.clip(levels[SECOND:] - levels[:-SECOND], -DEEPEST_LU, DEEPEST_LU)
        changes[SECOND // 2 : -SECOND // 2] = np.sqrt(np.mean(steps**2, axis=1))
    return changes


def measure_features(samples: Samples, rate: int) -> Features:
    """Return the features of stereo sound, by FFT over Hann windows of 200 ms."""
    size, step = round(WINDOW_S * rate), rate * HOP_S
    hops = int(len(samples) / step)
    weights = _bin_weights(size, rate)
    window = np.hanning(size + 1)[:size, None].astype(np.float32)
    padded = np.pad(samples, ((size, 2 * size), (0, 0)))
    starts = np.rint((np.arange(hops) + 0.5) * step).astype(int) - size // 2 + size
    features = np.zeros((hops, weights.shape[1]))
    for first in range(0, hops, BLOCK_HOPS):
        block = starts[first : first + BLOCK_HOPS]
        spectra = rfft(np.stack([padded[at : at + size] for at in block]) * window, axis=1)
        features[first : first + len(block)] = (spectra.real**2 + spectra.imag**2).sum(axis=2) @ weights
    return features


def _bin_weights(size: int, rate: int) -> NDArray[np.float64]:
    """Return the weight of each bin's squared magnitude in each feature, shape (bins, 9)."""
    hertz = np.fft.rfftfreq(size, 1 / rate)
    bands = [(hertz >= low) & (hertz < high) for low, high in pairwise(BAND_EDGES_HZ)]
    weights = np.stack([k_weighting_power(hertz), *bands], axis=1).astype(np.float64)
    weights *= 2 / (size * np.sum(np.hanning(size + 1)[:size] ** 2))
    weights[0] /= 2  # only the others stand for two bins
    return weights


def k_weighting_power(hertz: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the power response of the two filters of BS.1770, by their analogue prototypes."""
    s = 2j * np.pi * np.maximum(hertz, 1e-3)
    shelf_w, shelf_q, shelf_gain = (
        2 * np.pi * 1681.974450955533,
        0.7071752369554196,
        10 ** (3.999843853973347 / 20),
    )
    middle = shelf_gain**0.4996667741545416 * shelf_w / shelf_q
    shelf = (shelf_gain * s**2 + middle * s + shelf_w**2) / (s**2 + shelf_w / shelf_q * s + shelf_w**2)
    pass_w, pass_q = 2 * np.pi * 38.13547087602444, 0.5003270373238773
    high_pass = s**2 / (s**2 + pass_w / pass_q * s + pass_w**2)
    return np.asarray(np.abs(shelf * high_pass) ** 2)


def measure_gains(mix: Samples, a: Samples, b: Samples, rate: int) -> tuple[Curve, Curve]:
    """Return the power gains per hop at which two sources are heard in a mix of the same length.

    Least squares over 400 ms, which needs no idea of how the mix was made.
    """
    step = round(rate * HOP_S)
    hops = len(mix) // step

    def products(x: Samples, y: Samples) -> Curve:
        frames = np.einsum("ij,ij->i", x[: hops * step], y[: hops * step])
        return _mean(frames.reshape(hops, step).sum(axis=1, dtype=np.float64), MOMENTARY)

    aa, bb, ab, ma, mb = products(a, a), products(b, b), products(a, b), products(mix, a), products(mix, b)
    quiet = QUIET_POWER * step
    det = np.maximum(aa * bb - ab * ab, 1e-12)
    separable = (aa > quiet) & (bb > quiet) & (det > ALIKE * aa * bb)
    gain_a = np.where(separable, (ma * bb - mb * ab) / det, ma / np.maximum(aa, quiet))
    gain_b = np.where(separable, (mb * aa - ma * ab) / det, mb / np.maximum(bb, quiet))
    return _power_gain(gain_a, aa > quiet), _power_gain(gain_b, bb > quiet)


def measure_placement(
    mix: Samples, sources: tuple[Samples, Samples], rate: int, first_a: int, first_b: int
) -> Placement:
    """Return where two sources lie in a mix and at which gains they are heard, the bass by itself."""
    sections = butter(2, BASS_HZ, "highpass", fs=rate, output="sos")
    high = [sosfilt(sections, x, axis=0).astype(np.float32) for x in (mix, *sources)]
    gains = measure_gains(high[0], high[1], high[2], rate)
    low = [resample_poly(x, 1, rate // BASS_RATE_HZ).astype(np.float32) for x in (mix, *sources)]
    bass_gains = (_fit(gain, len(gains[0])) for gain in measure_gains(low[0], low[1], low[2], BASS_RATE_HZ))
    return Placement(first_a, first_b, *gains, *bass_gains)


def _fit(curve: Curve, hops: int) -> Curve:
    return np.pad(curve[:hops], (0, max(0, hops - len(curve))), mode="edge")


def _power_gain(gain: Curve, is_audible: Flags) -> Curve:
    return np.asarray(np.clip(np.where(is_audible, gain, 0.0), 0.0, LOUDEST_GAIN) ** 2)
