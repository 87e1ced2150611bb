"""Bring a track's sound to mono at 16 kHz, block by block: enough for beats, chords and voices.

In: float32 stereo at any rate. Out: float32 mono at RATE. Each piece of four seconds is resampled as a whole,
with a second of its neighbours on both sides, so that rates need no common factor.
"""

import numpy as np
from numpy.typing import NDArray

from mixes.engine.samples import Samples

Mono = NDArray[np.float32]  # shape (n,)

RATE = 16_000  # Hz: what the model of voices takes
PIECE_S = 4
CONTEXT_S = 1
WINDOW_S = PIECE_S + 2 * CONTEXT_S
TAPER_HZ = 700  # under half the rate: a steep edge would ring for long


class Lowering:
    """Resamples a stream. Sound k of what it gives out lies at k / RATE seconds."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window = WINDOW_S * rate
        self._pending: Mono = np.zeros(CONTEXT_S * rate, np.float32)
        self._frames = self._given = 0
        hertz = np.arange(WINDOW_S * RATE // 2 + 1) / WINDOW_S
        self._taper = np.clip((RATE / 2 - hertz) / TAPER_HZ, 0.0, 1.0).astype(np.float32)

    def push(self, block: Samples) -> Mono:
        """Return what the next frames, shape (n, 2), complete: whole pieces, or nothing."""
        self._frames += len(block)
        mono = np.float32(0.5) * (block[:, 0] + block[:, 1])
        self._pending = np.concatenate((self._pending, mono))
        pieces = [np.zeros(0, np.float32)]
        while len(self._pending) >= self._window:
            pieces.append(self._piece())
        return np.concatenate(pieces)

    def finish(self) -> Mono:
        """Return the rest, as if silence followed."""
        pieces = [np.zeros(0, np.float32)]
        while (left := -(-self._frames * RATE // self._rate) - self._given) > 0:
            self._pending = np.append(self._pending, np.zeros(self._window, np.float32))[: self._window]
            pieces.append(self._piece()[:left])
        return np.concatenate(pieces)

    def _piece(self) -> Mono:
        spectrum = np.fft.rfft(self._pending[: self._window])
        lowered = np.zeros(len(self._taper), np.complex64)
        shared = min(len(spectrum), len(lowered))
        lowered[:shared] = spectrum[:shared] * self._taper[:shared]
        sound = np.fft.irfft(lowered, WINDOW_S * RATE) * np.float32(RATE / self._rate)
        self._pending = self._pending[PIECE_S * self._rate :]
        self._given += PIECE_S * RATE
        first = CONTEXT_S * RATE
        return sound[first : first + PIECE_S * RATE].astype(np.float32, copy=False)
