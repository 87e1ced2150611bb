"""Pitches: how strong each pitch class is, ten times a second, from the tops of partials alone.

In: mono sound at 16 kHz. Out: 12 classes a value, after the tuning of the whole track was found. Until then
an octave has 60 places, so that an hour needs no spectra.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.lowering import RATE, Mono
from mixes.engine.music.spectra import Spectra, Windows

Classes = NDArray[np.float32]  # shape (n, 12), PITCHES_PER_S values a second

PITCHES_PER_S = 10
WINDOW = 6144  # 0.38 s
LOWEST_HZ, HIGHEST_HZ, BASS_HZ = 55.0, 2_000.0, 200.0
PLACES = 60  # an octave
POWER = 0.7  # of a magnitude: loud partials count less than in proportion
CENTRE_HZ, CENTRE_OCTAVES = 350.0, 1.4  # the range that counts most
CLASS_WIDTH = 0.35  # of a class, in semitones
A4, A4_HZ = 69, 440.0


@dataclass(frozen=True, slots=True)
class Pitches:
    """The pitch classes of a track; value k belongs to k / PITCHES_PER_S seconds."""

    chords: Classes
    bass: Classes
    tuning: float  # semitones above A = 440 Hz, -0.5 to 0.5


class PitchCollector:
    """Collects the pitch classes of a stream, block by block."""

    def __init__(self) -> None:
        self._windows = Windows(WINDOW, RATE // PITCHES_PER_S, WINDOW)
        self._first = int(LOWEST_HZ * WINDOW / RATE) + 1
        self._last = int(HIGHEST_HZ * WINDOW / RATE)
        self._tuning = 0j
        self._places = bytearray()

    def push(self, sound: Mono) -> None:
        """Take the next samples."""
        for spectra in self._windows.push(sound):
            self._take(spectra)

    def finish(self) -> Pitches:
        """Return the pitch classes of all that was pushed; call it once."""
        for spectra in self._windows.finish():
            self._take(spectra)
        tuning = float(np.angle(self._tuning) / (2 * np.pi))
        places = np.frombuffer(self._places, np.float16).reshape(-1, 2, PLACES)
        self._places = bytearray()  # what follows needs the memory
        middle = np.arange(PLACES) * 12 / PLACES - tuning
        away = (middle[:, None] - np.arange(12)[None, :] + 6) % 12 - 6
        shares = np.exp(-0.5 * (away / CLASS_WIDTH) ** 2).astype(np.float32)
        chords, bass = (np.einsum("np,pc->nc", places[:, k].astype(np.float32), shares) for k in (0, 1))
        return Pitches(chords, bass, tuning)

    def _take(self, spectra: Spectra) -> None:
        part = spectra[:, self._first - 1 : self._last + 1]
        before, here, after = part[:, :-2], part[:, 1:-1], part[:, 2:]
        row, column = np.nonzero((here > before) & (here >= after))
        left, top, right = (np.log(side[row, column] + 1e-9) for side in (before, here, after))
        bend = left - 2 * top + right
        aside = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
        hertz = (column + self._first + np.clip(aside, -0.5, 0.5)) * RATE / WINDOW
        pitch = A4 + 12 * np.log2(hertz / A4_HZ)
        strength = here[row, column] ** POWER
        self._tuning += complex((strength * np.exp(2j * np.pi * pitch)).sum())
        fade = np.exp(-0.5 * (np.log2(hertz / CENTRE_HZ) / CENTRE_OCTAVES) ** 2)
        chords = _place(row, pitch, strength * fade, len(spectra))
        in_bass = hertz < BASS_HZ
        bass = _place(row[in_bass], pitch[in_bass], strength[in_bass], len(spectra))
        self._places += np.stack((chords, bass), axis=1).astype(np.float16).tobytes()


def _place(
    row: NDArray[np.int64], pitch: NDArray[np.float64], strength: NDArray[np.float64], rows: int
) -> NDArray[np.float64]:
    """Return the strengths summed at their places, shape (rows, PLACES), shared by the two nearest."""
    place = pitch * PLACES / 12
    below = np.floor(place).astype(np.int64)
    share = place - below
    total = np.zeros(rows * PLACES)
    for at, part in ((below, 1 - share), (below + 1, share)):
        total += np.bincount(row * PLACES + at % PLACES, strength * part, rows * PLACES)
    return total.reshape(rows, PLACES)
