"""What a track sounds like at its two ends: whether it is noise alone there, and how loud it is.

In: blocks of float32 stereo. Out: how far steady noise (tape hiss, surface noise of a record, hum) reaches
into the file from either end, and the level of the first and the last 200 ms. Neighbours on an album run on
only where sound, not noise, crosses their border; cue points leave noise out.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.cues import AUDIBLE_LU
from mixes.engine.analysis.loudness import LUFS_OFFSET, k_weighting
from mixes.engine.samples import Samples

SEGMENT_S = 0.2  # about; a segment is a power of 2 long
EDGE_S = 0.2
EXAMINED_RMS = 10 ** (-33 / 20)  # full scale is 1.0; a louder segment is taken for music unseen
SILENT_RMS = 10 ** (-66 / 20)  # beneath, it is digital silence with dither
NOISE_MAX_LU = -22.0  # relative to the track's loudness: what is louder is part of the music
NOISE_MAX_S = 12.0  # noise that lasts longer is rain, applause or the sea, and stays
STEADY_SEGMENTS = 5  # noise is steady for a second before it counts as the floor
STEADY_SPREAD_DB = 3.0
FLOOR_MARGIN_DB = 2.5  # up to so much above the noise floor there is nothing but noise
PEAK_RATIO = 32.0  # of the spectrum's local median; the highest of 4,096 bins of noise reaches 20
PEAK_SPREAD_BINS = 32  # neighbours that make the local median
TONAL_SHARE = 0.1  # of the power in such peaks: less is noise
HUM_HZ, HUM_HARMONICS, HUM_WIDTH_BINS = (50.0, 60.0), 8, 2


@dataclass(frozen=True, slots=True)
class Edges:
    """Frames from the file's start; levels in dB above the noise floor of that end, None where unknown."""

    noise_until: int  # steady noise or silence fills the file up to here
    noise_from: int  # and from here on
    start_above_floor_db: float | None
    end_above_floor_db: float | None


class EdgeMeter:
    """Collect the levels of short segments, and which of the quiet ones are noise."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._segment = 1 << round(np.log2(rate * SEGMENT_S))
        self._pending: Samples = np.zeros((0, 2), dtype=np.float32)
        self._rms: list[float] = []
        self._is_noise: list[bool] = []
        self._edge_frames = round(rate * EDGE_S)
        self._head: Samples = np.zeros((0, 2), dtype=np.float32)
        self._tail: Samples = np.zeros((0, 2), dtype=np.float32)

    def push(self, block: Samples) -> None:
        """Take the next frames, shape (n, 2)."""
        if len(self._head) < self._edge_frames:
            self._head = np.concatenate((self._head, block[: self._edge_frames - len(self._head)]))
        if len(block) >= self._edge_frames:
            self._tail = block[-self._edge_frames :].copy()
        else:
            self._tail = np.concatenate((self._tail, block))[-self._edge_frames :]
        frames = np.concatenate((self._pending, block)) if len(self._pending) else block
        whole = len(frames) // self._segment * self._segment
        for start in range(0, whole, self._segment):
            self._measure(frames[start : start + self._segment])
        self._pending = frames[whole:].copy()

    def _measure(self, segment: Samples) -> None:
        flat = segment.reshape(-1)
        rms = float(np.sqrt(np.dot(flat, flat) / flat.size))
        is_quiet = rms < EXAMINED_RMS
        if is_quiet:
            centred = segment - segment.mean(axis=0)
            rms = float(np.sqrt(np.mean(np.square(centred))))
            self._is_noise.append(rms <= SILENT_RMS or is_noise(centred.mean(axis=1), self._rate))
        else:
            self._is_noise.append(False)
        self._rms.append(rms)

    def edges(self, integrated_lufs: float | None) -> Edges:
        """Return what was found, for a track of this loudness."""
        frames = len(self._rms) * self._segment + len(self._pending)
        if integrated_lufs is None or not isfinite(integrated_lufs):
            return Edges(0, frames, None, None)
        levels = 20 * np.log10(np.maximum(self._rms, 1e-9))
        noise = np.array(self._is_noise, dtype=np.bool_)
        highest_db = integrated_lufs + NOISE_MAX_LU
        leading, start_floor = _count_noise(levels, noise, highest_db)
        trailing, end_floor = _count_noise(levels[::-1], noise[::-1], highest_db)
        longest = round(NOISE_MAX_S * self._rate / self._segment)
        leading = leading if leading <= longest else 0
        trailing = trailing if trailing <= longest else 0
        audible = integrated_lufs + AUDIBLE_LU
        return Edges(
            noise_until=leading * self._segment,
            noise_from=(len(levels) - trailing) * self._segment if trailing else frames,
            start_above_floor_db=_above(self._head, self._rate, audible, start_floor),
            end_above_floor_db=_above(self._tail, self._rate, audible, end_floor),
        )


def _count_noise(
    levels_db: NDArray[np.float64], noise: NDArray[np.bool_], highest_db: float
) -> tuple[int, float | None]:
    """Return how many segments from the start are silence or steady noise, and the noise's level in dBFS.

    0 and None where there is no steady noise.
    """
    silent_db = 20 * np.log10(SILENT_RMS)
    audible = np.flatnonzero(levels_db > silent_db)
    first = int(audible[0]) if audible.size else len(levels_db)
    # the first segment of noise may have begun with silence
    for start in (first, first + 1):
        levels = np.sort(levels_db[start : start + STEADY_SEGMENTS])
        is_steady = levels.size == STEADY_SEGMENTS and levels[-2] - levels[0] <= STEADY_SPREAD_DB
        if is_steady and noise[start : start + STEADY_SEGMENTS].sum() >= STEADY_SEGMENTS - 1:
            floor_db = float(levels[STEADY_SEGMENTS // 2])
            if floor_db <= highest_db:
                break
    else:
        return 0, None
    is_floor = noise & (levels_db <= floor_db + FLOOR_MARGIN_DB)
    count = start
    while count < len(is_floor) and is_floor[count : count + 3].any():  # a crackle of a record passes
        count += 1
    while count and not is_floor[count - 1]:
        count -= 1
    return count, floor_db


def _above(edge: Samples, rate: int, audible_lufs: float, floor_db: float | None) -> float:
    """Return the level of a first or last part above the noise floor there, or else above what is audible."""
    centred = edge - np.median(edge, axis=0) if len(edge) else edge
    if floor_db is not None:
        rms = float(np.sqrt(np.mean(np.square(centred)))) if len(edge) else 0.0
        return round(20 * float(np.log10(max(rms, 1e-9))) - floor_db, 1)
    return round(_loudness(centred, rate) - audible_lufs, 1)


def _loudness(frames: NDArray[np.floating], rate: int) -> float:
    """Return the loudness of a short part, in LUFS, at least -120."""
    from scipy.signal import sosfilt

    if not len(frames):
        return -120.0
    power = np.mean(np.square(sosfilt(k_weighting(rate), frames.astype(np.float64), axis=0)), axis=0).sum()
    return LUFS_OFFSET + 10 * float(np.log10(max(power, 1e-12)))


def is_noise(mono: NDArray[np.float32], rate: int) -> bool:
    """Tell whether a segment is noise: nothing in its spectrum stands out but hum of the mains."""
    spectrum = np.square(np.abs(np.fft.rfft(mono * np.hanning(len(mono)))))
    bin_hz = rate / len(mono)
    spectrum[: max(2, round(25 / bin_hz))] = 0.0  # rumble
    if not spectrum.any():
        return True
    blocks = spectrum[: len(spectrum) // PEAK_SPREAD_BINS * PEAK_SPREAD_BINS].reshape(-1, PEAK_SPREAD_BINS)
    local = np.repeat(np.median(blocks, axis=1), PEAK_SPREAD_BINS)
    peaks = np.where(blocks.reshape(-1) > PEAK_RATIO * local, blocks.reshape(-1), 0.0)
    tonal = peaks.sum()
    if tonal <= TONAL_SHARE * spectrum.sum():
        return True
    return any(_without_hum(peaks, hz / bin_hz) <= TONAL_SHARE * tonal for hz in HUM_HZ)


def _without_hum(peaks: NDArray[np.float32], spacing: float) -> float:
    """Return the power of the peaks that are no harmonics of the mains, `spacing` bins apart."""
    rest = peaks.copy()
    for harmonic in range(1, HUM_HARMONICS + 1):
        middle = round(harmonic * spacing)
        rest[max(0, middle - HUM_WIDTH_BINS) : middle + HUM_WIDTH_BINS + 1] = 0.0
    return float(rest.sum())
