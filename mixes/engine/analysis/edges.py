"""What a track sounds like at its two ends: whether it is noise alone there, and how loud it is.

In: blocks of float32 stereo. Out: how far steady noise (tape hiss, surface noise of a record, hum) reaches
into the file from either end, and the level of the first and the last 200 ms. Neighbours on an album run on
only where sound, not noise, crosses their border; cue points leave noise out.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.cues import AUDIBLE_LU
from mixes.engine.analysis.loudness import LUFS_OFFSET, k_weighting
from mixes.engine.samples import Samples

SEGMENT_S = 0.2  # about; a segment is a power of 2 long
EDGE_S = 0.2
EXAMINED_S = 14.0  # at each end; noise that fills it is rain, applause or the sea, and stays
EXAMINED_DB = -33.0  # dBFS; a louder segment is taken for music unseen
SILENT_DB = -66.0  # dBFS; at most digital silence with dither
NOISE_MAX_LU = -22.0  # relative to the track's loudness: what is louder is part of the music
STEADY_SEGMENTS = 5  # noise is steady for a second before it counts as the floor
STEADY_SPREAD_DB = 3.0
CRACKLE_SEGMENTS = 2  # that the noise of a record may be interrupted by
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
    """Keep the quiet sound at both ends, in segments, until the track's loudness is known."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._segment = 1 << round(np.log2(rate * SEGMENT_S))
        self._most = round(EXAMINED_S * rate / self._segment)  # segments at each end
        self._pending: Samples = np.zeros((0, 2), dtype=np.float32)
        self._first: list[_Segment] = []
        self._last: deque[_Segment] = deque(maxlen=self._most)
        self._segments = 0
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
            segment = _make_segment(frames[start : start + self._segment])
            if self._segments < self._most:
                self._first.append(segment)
            self._last.append(segment)
            self._segments += 1
        self._pending = frames[whole:].copy()

    def edges(self, integrated_lufs: float | None) -> Edges:
        """Return what was found, for a track of this loudness."""
        frames = self._segments * self._segment + len(self._pending)
        if integrated_lufs is None or not isfinite(integrated_lufs):
            return Edges(0, frames, None, None)
        highest_db = integrated_lufs + NOISE_MAX_LU
        leading, start_floor = _count_noise(self._first, highest_db, self._rate)
        trailing, end_floor = _count_noise(list(self._last)[::-1], highest_db, self._rate)
        audible = integrated_lufs + AUDIBLE_LU
        return Edges(
            noise_until=leading * self._segment,
            noise_from=(self._segments - trailing) * self._segment if trailing else frames,
            start_above_floor_db=_above(self._head, self._rate, audible, start_floor),
            end_above_floor_db=_above(self._tail, self._rate, audible, end_floor),
        )


@dataclass(frozen=True, slots=True)
class _Segment:
    level_db: float  # dBFS, without DC
    mono: NDArray[np.float32] | None  # None where it is too loud to be noise alone, or silent

    def is_noise(self, rate: int) -> bool:
        return self.level_db <= SILENT_DB or (self.mono is not None and is_noise(self.mono, rate))


def _make_segment(frames: Samples) -> _Segment:
    flat = frames.reshape(-1)
    power = float(np.dot(flat, flat)) / flat.size
    mean = np.ones(len(frames), dtype=np.float32) @ frames / len(frames)  # of each side: its DC
    level_db = _decibels(power - float(np.dot(mean, mean)) / 2)
    mono = None
    if SILENT_DB < level_db < EXAMINED_DB:
        mono = frames @ np.full(2, 0.5, dtype=np.float32) - mean.mean()
    return _Segment(level_db, mono)


def _decibels(power: float) -> float:
    return 10 * float(np.log10(max(power, 1e-18)))


def _count_noise(segments: Sequence[_Segment], highest_db: float, rate: int) -> tuple[int, float | None]:
    """Return how many segments from the start are silence or steady noise, and the noise's level in dBFS.

    0 and None where there is no steady noise, 0 and the level where it lasts too long to be left out.
    """
    first = next((i for i, segment in enumerate(segments) if segment.level_db > SILENT_DB), len(segments))
    # the first segment of noise may have begun with silence
    for start in (first, first + 1):
        steady = segments[start : start + STEADY_SEGMENTS]
        levels = sorted(segment.level_db for segment in steady)
        if len(levels) < STEADY_SEGMENTS or levels[-2] - levels[0] > STEADY_SPREAD_DB:
            continue
        floor_db = levels[STEADY_SEGMENTS // 2]
        noisy = sum(segment.is_noise(rate) for segment in steady)
        if floor_db <= highest_db and noisy >= STEADY_SEGMENTS - 1:
            break
    else:
        return 0, None

    def is_floor(segment: _Segment) -> bool:
        return segment.level_db <= floor_db + FLOOR_MARGIN_DB and segment.is_noise(rate)

    count = start
    for index in range(start, len(segments)):
        if is_floor(segments[index]):
            count = index + 1
        elif index - count >= CRACKLE_SEGMENTS:
            break
    return (0 if count >= len(segments) else count), floor_db


def _above(edge: Samples, rate: int, audible_lufs: float, floor_db: float | None) -> float:
    """Return the level of a first or last part above the noise floor there, or else above what is audible."""
    centred = edge - np.median(edge, axis=0)
    if floor_db is not None:
        return round(_decibels(float(np.mean(np.square(centred)))) - floor_db, 1)
    return round(_loudness(centred, rate) - audible_lufs, 1)


def _loudness(frames: NDArray[np.floating], rate: int) -> float:
    """Return the loudness of a short part, in LUFS, at least -120."""
    from scipy.signal import sosfilt

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
