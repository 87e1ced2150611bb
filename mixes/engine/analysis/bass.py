"""How much of a track's power is bass, second by second: for joins where two basses would meet.

In: blocks of float32 stereo. Out: the level of the band under 120 Hz relative to the whole, in dB.
"""

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.loudness import DENORMAL_FLOOR
from mixes.engine.samples import Samples

BASS_HZ = (20.0, 120.0)  # beneath is no sound, but what DC and rumble leave
REDUCED_HZ = 2_756.25  # about: frames are averaged before they are filtered
FILTER_ORDER = 4
SECONDS_AT_ONCE = 8  # filtered together: a call of the filter costs as much as a second of sound
EDGE_S = 20.0  # the part of the body that is judged, at its beginning and at its end
LOWEST_DB = -90.0


class BassMeter:
    """Collect the power of the bass and of the whole, second by second."""

    def __init__(self, rate: int) -> None:
        from scipy.signal import butter

        self._rate = rate
        self._averaged = 1 << max(0, round(np.log2(rate / REDUCED_HZ)))  # frames that become one value
        reduced = rate / self._averaged
        self._sections = butter(FILTER_ORDER, BASS_HZ, "bandpass", fs=reduced, output="sos")
        self._filter_state = np.zeros((len(self._sections), 2))
        self._mean = np.full(2 * self._averaged, 0.5 / self._averaged, dtype=np.float32)
        self._per_second = round(reduced)
        self._pending: Samples = np.zeros((0, 2), dtype=np.float32)
        self._mono: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)]
        self._power: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)]
        self._collected = 0
        self._bass: list[float] = []
        self._whole: list[float] = []

    def push(self, block: Samples) -> None:
        """Take the next frames, shape (n, 2), contiguous."""
        frames = np.concatenate((self._pending, block)) if len(self._pending) else block
        whole = len(frames) // self._averaged * self._averaged
        self._pending = frames[whole:].copy()
        if not whole:
            return
        rows = frames[:whole].reshape(-1, 2 * self._averaged)
        self._mono.append(rows @ self._mean)
        self._power.append(np.einsum("ij,ij->i", rows, rows) / rows.shape[1])
        self._collected += len(rows)
        if self._collected >= SECONDS_AT_ONCE * self._per_second:
            self._sum_up()

    def _sum_up(self) -> None:
        """Filter what was collected, and keep the means of the whole seconds in it."""
        from scipy.signal import sosfilt

        mono, power = np.concatenate(self._mono), np.concatenate(self._power)
        seconds = len(mono) // self._per_second
        used = seconds * self._per_second
        self._mono, self._power, self._collected = [mono[used:]], [power[used:]], len(mono) - used
        if not seconds:
            return
        bass, state = sosfilt(self._sections, mono[:used].astype(np.float64), zi=self._filter_state)
        state[np.abs(state) < DENORMAL_FLOOR] = 0.0
        self._filter_state = state
        for kept, values in ((self._bass, np.square(bass)), (self._whole, power[:used])):
            kept += values.reshape(seconds, -1).mean(axis=1).tolist()

    def curve_db(self) -> tuple[float, ...]:
        """Return the mean square of the bass in dB, one value a second."""
        self._sum_up()
        powers = np.maximum(np.array(self._bass), 10 ** (LOWEST_DB / 10))
        return tuple(np.round(10 * np.log10(powers), 1).tolist())

    def level_db(self, first: int, last: int) -> float | None:
        """Return the bass of the whole seconds between two frames; None for none, and for silence."""
        second = self._per_second * self._averaged
        part = slice(-(-first // second), last // second)
        whole = sum(self._whole[part])
        if not whole > 0.0:
            return None
        share = sum(self._bass[part]) / whole
        return round(max(LOWEST_DB, 10 * float(np.log10(max(share, 1e-9)))), 1)

    def edges_db(self, first: int, last: int) -> tuple[float | None, float | None]:
        """Return the bass of the first and of the last 20 s between two frames."""
        self._sum_up()
        length = min(last - first, round(EDGE_S * self._rate))
        return self.level_db(first, first + length), self.level_db(last - length, last)
