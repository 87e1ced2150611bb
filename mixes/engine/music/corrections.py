"""What the owner of a track knows better than the measurement: its tempo, its key, where its bars begin."""

from dataclasses import dataclass, replace
from itertools import pairwise

from mixes.engine.music.measured import Harmony, Rhythm, Sections, TrustParts

TEMPOS = (40.0, 250.0)  # beats a minute that may be set
SAME_GRID = 0.04  # a tempo this close to the measured one, its half or its double, keeps the measured beats
LONGEST_BAR = 4  # beats
NO_TRUST = TrustParts(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is set by hand; None keeps what is measured."""

    tempo: float | None = None  # beats a minute
    key: int | None = None  # 0 to 11 major, 12 to 23 minor, from C on
    bar_shift: int | None = None  # beats by which bars begin later, 0 to LONGEST_BAR - 1; 0 confirms them


def correct_rhythm(rhythm: Rhythm | None, corrections: Corrections) -> Rhythm | None:
    """Return the rhythm as its owner set it.

    A tempo that no measured beats belong to comes without beats: an order uses it, no join is matched to it.
    """
    if corrections.tempo is not None:
        rhythm = _at_tempo(rhythm, corrections.tempo)
    if rhythm is None or corrections.bar_shift is None:
        return rhythm
    first = (rhythm.first_downbeat + corrections.bar_shift) % rhythm.meter
    return replace(rhythm, first_downbeat=first, bar_trust=1.0)


def correct_sections(
    sections: Sections | None, before: Rhythm | None, after: Rhythm | None
) -> Sections | None:
    """Return the sections where bars are counted as before; None where they are others."""
    return sections if before and after and before.downbeats == after.downbeats else None


def correct_harmony(harmony: Harmony | None, corrections: Corrections) -> Harmony | None:
    """Return the key as its owner set it, which is certain."""
    if corrections.key is None:
        return harmony
    if harmony is None:
        return Harmony(corrections.key, 1.0, 0.0, ())
    return replace(harmony, key=corrections.key, margin=1.0)


def _at_tempo(rhythm: Rhythm | None, tempo: float) -> Rhythm:
    if rhythm is not None:
        for fold, folded in ((1.0, lambda kept: kept), (0.5, _halved), (2.0, _doubled)):
            if abs(tempo / (rhythm.tempo * fold) - 1.0) <= SAME_GRID:
                return folded(rhythm)
    meter = rhythm.meter if rhythm else LONGEST_BAR
    return Rhythm(tempo, meter, (), 0, False, 0.0, 0.0, NO_TRUST)


def _halved(rhythm: Rhythm) -> Rhythm:
    """Return every second beat, from the first downbeat on."""
    odd = rhythm.first_downbeat % 2
    return replace(
        rhythm,
        tempo=rhythm.tempo / 2,
        beats=rhythm.beats[odd::2],
        first_downbeat=(rhythm.first_downbeat - odd) // 2,
    )


def _doubled(rhythm: Rhythm) -> Rhythm:
    """Return the beats with one more between every two."""
    beats = rhythm.beats
    between = [(first + second) // 2 for first, second in pairwise(beats)]
    mixed = [beat for pair in zip(beats, between, strict=False) for beat in pair]
    return replace(
        rhythm,
        tempo=rhythm.tempo * 2,
        beats=(*mixed, *beats[-1:]),
        first_downbeat=rhythm.first_downbeat * 2,
    )
