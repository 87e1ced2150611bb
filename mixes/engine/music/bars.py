"""Bars of a track: in which meter, and on which beats, kick, chords and bass notes begin together.

In: what happens on each beat. Out: meter, the first beat that begins a bar, and how far to trust it.
"""

from dataclasses import dataclass

import numpy as np

from mixes.engine.music.accents import Accents
from mixes.engine.music.curves import Values, local_mean

KICK, ONSET, CHORDS, BASS = 0.7, 0.3, 1.6, 0.8  # how much each counts
MOST = 4.0  # an accent counts at most this many times the usual spread
AROUND_BEATS = 25  # an accent is one against these beats
THREE_COUNTS = 0.85
TRUST_LEAD = 5.0  # lead over the next phase, in standard errors, that is trusted 63 %


@dataclass(frozen=True, slots=True)
class Bars:
    """How the beats of a track make bars."""

    meter: int
    first_downbeat: int  # index of a beat
    trust: float


def find_bars(accents: Accents) -> Bars:
    """Return the meter and the phase with the strongest accents."""
    accent = KICK * _standard(accents.kick) + ONSET * _standard(accents.onset)
    accent += CHORDS * _standard(accents.chords) + BASS * _standard(accents.bass)
    accent = np.clip(accent, -MOST, MOST)
    best = (-np.inf, Bars(4, 0, 0.0))
    for meter, counts in ((4, 1.0), (3, THREE_COUNTS)):
        means = np.array([accent[phase::meter].mean() for phase in range(meter)])
        error = accent.std() / np.sqrt(len(accent) / meter) + 1e-9
        order = np.sort(means)[::-1]
        trust = 1 - np.exp(-(order[0] - order[1]) / error / TRUST_LEAD)
        value = float(order[0] / error * counts)
        best = max(best, (value, Bars(meter, int(means.argmax()), float(trust))), key=lambda pair: pair[0])
    return best[1]


def _standard(values: Values) -> Values:
    standard: Values = (values - local_mean(values, AROUND_BEATS)) / (values.std() + 1e-9)
    return standard
