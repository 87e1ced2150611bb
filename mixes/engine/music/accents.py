"""What happens on each beat: the kick, onsets, new chords and new bass notes, and in which bands.

In: places of beats, onset curves and pitch classes. Out: one value a beat of each kind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.curves import Values, tops
from mixes.engine.music.onsets import AHEAD, FPS, Onsets
from mixes.engine.music.pitches import PITCHES_PER_S, Classes, Pitches

CHORD_BEATS, BASS_BEATS = 1.2, 1.0  # compared before and after a beat
KICK_REACH = 3  # frames: a kick falls into its band slowly
SNARE_BANDS = slice(8, 22)  # 180 Hz to 5 kHz
ALTERNATES = 0.4  # logarithm: how much louder kicks and snares are on their own beats
SNARE_RANK = 4  # from the least: a few bands may stay


@dataclass(frozen=True, slots=True)
class Accents:
    """What happens on each beat, shape (beats,); `bands` has shape (beats, BANDS)."""

    kick: Values
    onset: Values
    chords: Values  # 0 to 1: how new the chord is
    bass: Values  # how new the bass note is
    bands: NDArray[np.float32]  # rise of each band


def find_accents(places: Values, onsets: Onsets, pitches: Pitches) -> Accents:
    """Return what happens on beats at `places`, in frames of 10 ms."""
    beat_s = float(np.median(np.diff(places))) / FPS
    index = np.rint(places).astype(np.int64)
    last = len(onsets.bands) - 1
    after = np.maximum.reduce([onsets.bands[np.clip(index + k, 0, last)] for k in (0, 1, 2)])
    before = onsets.bands[np.clip(index - AHEAD, 0, last)]
    return Accents(
        tops(onsets.kick, places, KICK_REACH),
        tops(onsets.full, places),
        novelty(pitches.chords, places, CHORD_BEATS * beat_s),
        novelty(pitches.bass, places, BASS_BEATS * beat_s),
        np.maximum(0, after.astype(np.float32) - before.astype(np.float32)),
    )


def novelty(classes: Classes, places: Values, span_s: float) -> Values:
    """Return 1 less the likeness of the pitch classes before and after each place; 0 at both ends."""
    width = max(2, int(span_s * PITCHES_PER_S))
    unit = classes / (np.linalg.norm(classes, axis=1, keepdims=True) + 1e-9)
    sums = np.concatenate((np.zeros((1, classes.shape[1])), np.cumsum(unit, axis=0, dtype=np.float64)))
    edge = np.clip(np.rint(places * (PITCHES_PER_S / FPS)).astype(np.int64), 0, len(classes) - 1)
    end = np.minimum(edge + 1, len(classes))
    before = sums[edge] - sums[np.maximum(edge - width, 0)]
    after = sums[np.minimum(end + width, len(classes))] - sums[end]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    likeness = np.where(lengths > 1e-6, (before * after).sum(axis=1) / np.maximum(lengths, 1e-6), 1.0)
    return np.maximum(0.0, 1.0 - likeness)


def variety(accents: Accents) -> float:
    """Return how much the bands differ between the places of a bar of four: off-beats are all alike."""
    places = np.array([accents.bands[phase::4].mean(axis=0) for phase in range(4)])
    return float(places.std(axis=0).mean())


def snare(accents: Accents) -> Values:
    """Return how much nearly all bands above 180 Hz rise on each beat: a snare is noise, a chord is not."""
    rises: Values = np.sort(accents.bands[:, SNARE_BANDS], axis=1)[:, SNARE_RANK].astype(np.float64)
    return rises


def has_backbeat(accents: Accents) -> bool:
    """Tell whether kicks lie on every other beat and snares on those between."""
    kick, hit = accents.kick, snare(accents)
    kicks = float(np.log((kick[::2].mean() + 1.0) / (kick[1::2].mean() + 1.0)))
    snares = float(np.log((hit[1::2].mean() + 0.01) / (hit[::2].mean() + 0.01)))
    return kicks * snares > 0 and min(abs(kicks), abs(snares)) >= ALTERNATES
