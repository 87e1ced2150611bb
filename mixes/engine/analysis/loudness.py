"""Loudness by ITU-R BS.1770-4 and EBU R 128 (Tech 3341, 3342), in one pass over blocks of any size.

In: float32 stereo frames at any rate from 4 to 768 kHz. Out: momentary and short-term loudness every 100 ms,
integrated loudness, loudness range, true peak. Powers are mean squares of the K-weighted channels, summed
over both channels: a full-scale sine in one channel has 0.5 before weighting.
"""

from array import array
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixes.engine.analysis.true_peak import CONTEXT, CONTEXT_AFTER, largest_magnitude, peaks_above
from mixes.engine.samples import Samples

Powers = NDArray[np.float64]

HOP_S = 0.1  # distance between windows
MOMENTARY_HOPS = 4  # 400 ms
SHORT_TERM_HOPS = 30  # 3 s
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0  # integrated loudness, BS.1770-4
RANGE_GATE_LU = -20.0  # loudness range, EBU Tech 3342
RANGE_PERCENTILES = (0.10, 0.95)  # EBU Tech 3342
LUFS_OFFSET = -0.691  # cancels the K-weighting's gain at 997 Hz
DENORMAL_FLOOR = 1e-30  # smaller filter states are set to 0: denormal numbers slow processors down
PIECE_FRAMES = 16_384  # per step: the memory of larger arrays returns to the system each time
SILENT_POWER = 1e-20  # -200 LUFS, far below the rounding error of any file


def power_to_lufs(power: ArrayLike) -> NDArray[np.float64]:
    """Return the loudness in LUFS of K-weighted powers, of the same shape; -inf for silence."""
    with np.errstate(divide="ignore"):
        return LUFS_OFFSET + 10 * np.log10(np.asarray(power, dtype=np.float64))


def lufs_to_power(lufs: ArrayLike) -> Powers:
    """Return the K-weighted powers of loudness values in LUFS, of the same shape; 0 for -inf."""
    return 10 ** ((np.asarray(lufs, dtype=np.float64) - LUFS_OFFSET) / 10)


def gate_integrated(power: Powers) -> float:
    """Return the integrated loudness in LUFS of 400 ms powers every 100 ms, shape (n,), gated by BS.1770-4.

    Returns -inf when no window exceeds the absolute gate of -70 LUFS.
    """
    heard = power[power > lufs_to_power(ABSOLUTE_GATE_LUFS)]
    if not heard.size:
        return -np.inf
    loud = heard[heard > heard.mean() * 10 ** (RELATIVE_GATE_LU / 10)]
    return float(power_to_lufs(loud.mean()))


def gate_range(power: Powers) -> float:
    """Return the loudness range in LU (EBU Tech 3342) of 3 s powers every 100 ms, shape (n,); 0 if silent."""
    heard = power[power >= lufs_to_power(ABSOLUTE_GATE_LUFS)]
    if not heard.size:
        return 0.0
    loud = np.sort(heard[heard >= heard.mean() * 10 ** (RANGE_GATE_LU / 10)])
    quiet_end, loud_end = (loud[round((loud.size - 1) * share)] for share in RANGE_PERCENTILES)
    return float(power_to_lufs(loud_end) - power_to_lufs(quiet_end))


def k_weighting(rate: int) -> NDArray[np.float64]:
    """Return the two K-weighting filters at `rate` Hz as second-order sections, shape (2, 6).

    BS.1770 lists coefficients for 48 kHz only. This is the bilinear transform of their analogue prototypes (a
    shelf of +4 dB above 1.7 kHz, a high-pass at 38 Hz): at 48 kHz it gives the listed values to 9 digits.
    """
    shelf_gain = 10 ** (3.999843853973347 / 20)
    shelf_middle = shelf_gain**0.4996667741545416
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    norm = 1 + k / q + k * k
    ends, slope = (shelf_gain + k * k) / norm, shelf_middle * k / q / norm
    poles = (1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm)
    shelf = (ends + slope, 2 * (k * k - shelf_gain) / norm, ends - slope, *poles)
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1 + k / q + k * k
    high_pass = (1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm)
    return np.array([shelf, high_pass])


class LoudnessMeter:
    """Measures a stream block by block. Properties are current after each block; blocks are not changed."""

    def __init__(self, rate: int) -> None:
        self.sample_peak = 0.0  # largest |sample|, 1.0 is full scale
        self._rate = rate
        self._sections = k_weighting(rate)
        self._filter_state = np.zeros((2, 2, 2))  # per filter section and channel, two values
        self._pending: Samples = np.zeros((0, 2), dtype=np.float32)  # less than one hop
        self._hop_powers = array("d")  # one a hop: an array for each block takes six times as much
        self._peak_context: Samples = np.zeros((CONTEXT, 2), dtype=np.float32)  # true peak context
        self._true_peak = 0.0

    def push(self, block: Samples) -> None:
        """Measure the next frames, float32 of shape (n, 2). NaN counts as 0, infinity as full scale."""
        for start in range(0, len(block), PIECE_FRAMES):
            self._push_piece(block[start : start + PIECE_FRAMES])

    def _push_piece(self, block: Samples) -> None:
        peak = largest_magnitude(block)
        if not np.isfinite(peak):
            block = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)
            peak = largest_magnitude(block)
        self.sample_peak = max(self.sample_peak, peak)
        self._measure_peaks(block)
        self._measure_power(block)

    @property
    def momentary_power(self) -> Powers:
        """Power of each complete 400 ms window, shape (n,); window k starts at k * 0.1 s."""
        return self._windows(MOMENTARY_HOPS)

    @property
    def momentary_lufs(self) -> NDArray[np.float64]:
        """Loudness in LUFS of each complete 400 ms window, shape (n,); window k starts at k * 0.1 s."""
        return power_to_lufs(self.momentary_power)

    @property
    def short_term_lufs(self) -> NDArray[np.float64]:
        """Loudness in LUFS of each complete 3 s window, shape (n,); window k starts at k * 0.1 s."""
        return power_to_lufs(self._windows(SHORT_TERM_HOPS))

    @property
    def integrated_lufs(self) -> float:
        """Gated loudness in LUFS of all frames so far; -inf for silence and for less than 400 ms."""
        return gate_integrated(self.momentary_power)

    @property
    def range_lu(self) -> float:
        """Loudness range in LU of all frames so far; 0.0 for silence and for less than 3 s."""
        return gate_range(self._windows(SHORT_TERM_HOPS))

    @property
    def true_peak_dbtp(self) -> float:
        """True peak in dBTP of all frames so far, as if silence followed; -inf for silence."""
        rest = np.concatenate((self._peak_context, np.zeros((CONTEXT_AFTER, 2), dtype=np.float32)))
        peak = self._highest(rest, self._true_peak)
        return 20 * float(np.log10(peak)) if peak > 0 else -np.inf

    def _measure_peaks(self, block: Samples) -> None:
        padded = np.concatenate((self._peak_context, block), dtype=np.float32)
        self._true_peak = self._highest(padded, self._true_peak)
        self._peak_context = padded[-CONTEXT:].copy()

    @staticmethod
    def _highest(padded: Samples, floor: float) -> float:
        return max([floor, *(float(peaks.max()) for _, peaks in peaks_above(padded, floor))])

    def _measure_power(self, block: Samples) -> None:
        """K-weight and square the complete hops received so far; keep the remaining frames."""
        frames = np.concatenate((self._pending, block), dtype=np.float32)
        measured = len(self._hop_powers)
        first = self._hop_start(measured)
        hops = (10 * (first + len(frames) + 1) - 1) // self._rate - measured
        starts = np.array([self._hop_start(measured + k) - first for k in range(hops + 1)])
        self._pending = frames[starts[-1] :].copy()
        if not hops:
            return
        squared = self._k_weight(frames[: starts[-1]])
        np.square(squared, out=squared)
        sums = np.add.reduceat(squared, starts[:-1], axis=1).sum(axis=0)
        self._hop_powers.frombytes((sums / np.diff(starts)).tobytes())

    def _hop_start(self, hop: int) -> int:
        # Integer arithmetic from the start avoids drift when a tenth of the rate is no integer (11,025 Hz)
        return hop * self._rate // 10

    def _k_weight(self, frames: Samples) -> NDArray[np.float64]:
        """Return the K-weighted frames, shape (2, n)."""
        from scipy.signal import sosfilt  # takes half a second; planning imports this module without it

        channels = frames.T.astype(np.float64, order="C")
        weighted, filter_state = sosfilt(self._sections, channels, axis=1, zi=self._filter_state)
        filter_state[np.abs(filter_state) < DENORMAL_FLOOR] = 0.0
        self._filter_state = filter_state
        return cast("NDArray[np.float64]", weighted)

    def _windows(self, hops: int) -> Powers:
        """Return the mean power of each window of `hops` consecutive hops, shape (n,)."""
        power = np.array(self._hop_powers)
        if power.size < hops:
            return np.zeros(0)
        means = np.lib.stride_tricks.sliding_window_view(power, hops).mean(axis=1)
        return np.where(means > SILENT_POWER, means, 0.0)
