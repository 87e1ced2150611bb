"""The key of a track: the correlation of its pitch classes with the profiles of all keys.

In: pitch classes, ten times a second. Out: a `Harmony`, or None for a track that is too short or has no key.
Relative keys are mixed up often, so a key may colour an order and must never refuse a join.
"""

import numpy as np

from mixes.engine.music.measured import Harmony
from mixes.engine.music.pitches import PITCHES_PER_S, Pitches

LEAST_S = 10.0  # of sound
QUIET = 0.1  # of the median level: quieter moments do not count
LEAST_LIKENESS = 0.35  # a key that fits less is none
# Krumhansl and Kessler 1982: how well each pitch class fits after a major and a minor context
PROFILES = np.array(
    (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    )
)


def find_harmony(pitches: Pitches) -> Harmony | None:
    """Return the key; each moment counts alike, so that a loud chorus does not decide alone."""
    level = pitches.chords.sum(axis=1)
    heard = pitches.chords[level > QUIET * np.median(level)] if len(level) else pitches.chords
    if len(heard) < LEAST_S * PITCHES_PER_S:
        return None
    mean = (heard / (heard.sum(axis=1, keepdims=True) + 1e-9)).mean(axis=0, dtype=np.float64)
    scores = np.array(
        [np.corrcoef(np.roll(profile, key), mean)[0, 1] for profile in PROFILES for key in range(12)]
    )
    order = np.sort(scores)[::-1]
    if not order[0] >= LEAST_LIKENESS:
        return None
    return Harmony(
        int(scores.argmax()),
        round(float(order[0] - order[1]), 2),
        round(100 * pitches.tuning, 0),
        tuple(round(float(share), 3) for share in mean),
    )
