"""Onsets: where something begins in a track, in all of it and in parts of the spectrum.

In: mono sound at 16 kHz. Out: 100 values a second of how much rises over 30 ms, and the 24 bands themselves.
A vibrato that moves into the next band is no onset: each band is compared with its loudest neighbour before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.lowering import RATE, Mono
from mixes.engine.music.spectra import Spectra, Windows

Curve = NDArray[np.float32]  # shape (n,), FPS values a second

FPS = 100
HOP = RATE // FPS
WINDOW = 744  # 46 ms
FFT = 1024
LOW_HZ, HIGH_HZ, BANDS = 30.0, 7_900.0, 24
LOW_BANDS, KICK_BANDS = 7, 5  # up to 180 Hz for low onsets, up to 115 Hz for the kick
THIRDS = (0, 8, 16)  # first band of each third of the spectrum
AHEAD = 3  # windows over which a band rises
GAIN = np.float32(20 * 1024 / WINDOW)  # of a magnitude before its logarithm
CURVES = 6


@dataclass(frozen=True, slots=True)
class Onsets:
    """The curves of a track; value k belongs to k / FPS seconds."""

    full: Curve  # rise of all bands
    low: Curve  # of the low ones
    kick: Curve  # rise of the magnitude, not of its logarithm, under 115 Hz: a hi-hat is no kick
    thirds: tuple[Curve, Curve, Curve]
    bands: NDArray[np.float16]  # shape (n, BANDS): logarithms of the bands

    def cut(self, start: int, end: int) -> "Onsets":
        """Return the curves from one value to another, without copies."""
        first, second, third = (curve[start:end] for curve in self.thirds)
        part = slice(start, end)
        return Onsets(
            self.full[part], self.low[part], self.kick[part], (first, second, third), self.bands[part]
        )


class OnsetCollector:
    """Collects the curves of a stream, block by block."""

    def __init__(self) -> None:
        self._windows = Windows(WINDOW, HOP, FFT)
        self._bins, self._shares, self._starts = band_bins()
        self._before = np.zeros((AHEAD, BANDS), np.float32)  # of the blocks before
        self._curves, self._bands = bytearray(), bytearray()

    def push(self, sound: Mono) -> None:
        """Take the next samples."""
        for spectra in self._windows.push(sound):
            self._take(spectra)

    def finish(self) -> Onsets:
        """Return the curves of all that was pushed; call it once."""
        for spectra in self._windows.finish():
            self._take(spectra)
        curves = np.frombuffer(self._curves, np.float32).reshape(-1, CURVES).T.copy()
        self._curves = bytearray()
        full, low, kick, *thirds = curves
        bands = np.frombuffer(self._bands, np.float16).reshape(-1, BANDS)
        return Onsets(full, low, kick, (thirds[0], thirds[1], thirds[2]), bands)

    def _take(self, spectra: Spectra) -> None:
        weighted = spectra[:, self._bins] * self._shares
        bands = np.log1p(GAIN * np.add.reduceat(weighted, self._starts, axis=1))
        both = np.concatenate((self._before, bands))
        self._before = both[-AHEAD:]
        earlier = both[:-AHEAD]
        widest = earlier.copy()
        np.maximum(widest[:, 1:], earlier[:, :-1], out=widest[:, 1:])
        np.maximum(widest[:, :-1], earlier[:, 1:], out=widest[:, :-1])
        rise = np.maximum(0, bands - widest)
        step = np.maximum(0, np.diff(both[AHEAD - 1 :], axis=0))
        kick = np.expm1(both[:, :KICK_BANDS]).sum(axis=1)
        kick_rise = np.maximum(0, kick[AHEAD:] - kick[:-AHEAD])
        curves = [rise.mean(axis=1), rise[:, :LOW_BANDS].mean(axis=1), kick_rise]
        curves += [step[:, first : first + 8].mean(axis=1) for first in THIRDS]
        self._curves += np.stack(curves, axis=1).astype(np.float32).tobytes()
        self._bands += bands.astype(np.float16).tobytes()


def band_bins() -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return the bins of all bands one after another, their shares, and where each band starts among them.

    The bands are triangles of equal musical width. Sums in this order are the same on every machine, those of
    a product of matrices are not.
    """
    hertz = np.arange(FFT // 2 + 1) * RATE / FFT
    edges = np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 2)
    bins: list[NDArray[np.int64]] = []
    shares, starts = [], []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        weights = np.interp(hertz, (low, middle, high), (0, 1, 0), left=0, right=0)
        weights[np.abs(hertz - middle).argmin()] = 1.0
        used = np.flatnonzero(weights)
        starts.append(sum(len(part) for part in bins))
        bins.append(used)
        shares.append(weights[used] / weights.sum())
    return np.concatenate(bins), np.concatenate(shares).astype(np.float32), np.array(starts)
