"""Where the beat is: on the found grid, or between it.

In: a grid of beats. Out: the grid that kick, bars and chords speak for, and how clearly. Half a beat off
sounds like a train wreck, and so does a shuffle taken on the swung note, a third of a beat off.
"""

from dataclasses import dataclass

import numpy as np

from mixes.engine.music.accents import find_accents, has_backbeat, snare, variety
from mixes.engine.music.bars import Bars, find_bars
from mixes.engine.music.beats import Beats
from mixes.engine.music.curves import Values
from mixes.engine.music.onsets import Onsets
from mixes.engine.music.pitches import Pitches

SHIFTS = (0.0, 0.5, 0.25, 0.75, 1 / 3, 2 / 3)  # of a beat
SLOW_SHIFTS = (0.125, 0.375, 0.625, 0.875)  # of a beat longer than SLOW_FRAMES too: it may be half the tempo
SLOW_FRAMES = 60.0
WEIGHTS = {"kick": 0.8, "onset": 0.8, "snare": 0.6, "variety": 0.1, "chords": 0.2, "bass": 0.1, "bars": 1.0}
FLOORS = {"kick": 20.0, "onset": 0.02, "snare": 0.02, "variety": 0.02, "chords": 0.01, "bass": 0.02}
MOST_OF_EACH = 2.0  # a log ratio counts at most this much
UNHEARD = 0.2  # a log ratio of kick or onsets that speaks against the grid by no more is no doubt


@dataclass(frozen=True, slots=True)
class Phase:
    """A grid of beats with its bars."""

    places: Values  # of the beats, in frames
    bars: Bars
    lead: float  # over the next possible grid, in the sum of log ratios
    has_backbeat: bool  # kick and snare alternate from beat to beat


@dataclass(frozen=True, slots=True)
class _Candidate:
    places: Values
    bars: Bars
    has_backbeat: bool
    speaks: dict[str, float]  # logarithms, but for the trust in bars


def find_phase(beats: Beats, onsets: Onsets, pitches: Pitches) -> Phase:
    """Return the grid among those of SHIFTS that most speaks for."""
    shifts = SHIFTS + SLOW_SHIFTS if beats.period > SLOW_FRAMES else SHIFTS
    tried = [_candidate(beats, shift, onsets, pitches) for shift in shifts]
    leads = [min(_sum(one, other) for other in tried if other is not one) for one in tried]
    best = tried[int(np.argmax(leads))]
    lead = min(_sum(best, other) - _doubt(best, other) for other in tried if other is not best)
    return Phase(best.places, best.bars, lead, best.has_backbeat)


def _candidate(beats: Beats, shift: float, onsets: Onsets, pitches: Pitches) -> _Candidate:
    steps = np.append(np.diff(beats.places), beats.period)
    places = beats.places + shift * steps
    accents = find_accents(places, onsets, pitches)
    bars = find_bars(accents)
    means = {
        "kick": accents.kick.mean(),
        "onset": accents.onset.mean(),
        "snare": snare(accents).mean(),
        "variety": variety(accents),
        "chords": accents.chords.mean(),
        "bass": accents.bass.mean(),
    }
    speaks = {name: float(np.log(mean + FLOORS[name])) for name, mean in means.items()}
    return _Candidate(places, bars, has_backbeat(accents), {**speaks, "bars": bars.trust})


def _sum(one: _Candidate, other: _Candidate) -> float:
    """Return the weighted sum of log ratios, positive where more speaks for the first grid."""
    return sum(weight * _ratio(one, other, name) for name, weight in WEIGHTS.items())


def _doubt(one: _Candidate, other: _Candidate) -> float:
    """Return how far kick and onsets speak against the first grid, each of them alone."""
    return sum(max(0.0, -_ratio(one, other, name) - UNHEARD) for name in ("kick", "onset"))


def _ratio(one: _Candidate, other: _Candidate, name: str) -> float:
    return float(np.clip(one.speaks[name] - other.speaks[name], -MOST_OF_EACH, MOST_OF_EACH))
