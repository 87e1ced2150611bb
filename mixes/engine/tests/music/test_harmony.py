"""Tests of key and tuning on chords of known ones."""

import numpy as np
import pytest

from mixes.engine.synth import drums
from mixes.engine.tests.music.pieces import RATE, measure, place


def cadence(tonic, *, minor=False, cents=0):
    """Return I-IV-V-I over and over as held chords, `cents` above A = 440 Hz."""
    third = 3 if minor else 4
    roots = (0, 5, 7, 0)
    hits = []
    for number in range(12):
        root = 48 + tonic + roots[number % 4]
        thirds = (0, 4 if roots[number % 4] == 7 else third, 7)
        hits += [(number * 2.0, 0.2 * drums.held(root + k + cents / 100, 2.0, RATE, 0.05)) for k in thirds]
        hits.append((number * 2.0, 0.3 * drums.held(root - 12 + cents / 100, 2.0, RATE, 0.05)))
    return place(24, hits)


@pytest.mark.parametrize(
    ("tonic", "minor", "key"), [(0, False, 0), (7, False, 7), (9, True, 21), (1, True, 13)]
)
def test_a_cadence_has_its_key(tonic, minor, key):
    harmony = measure(cadence(tonic, minor=minor)).harmony
    assert harmony.key == key
    assert harmony.margin > 0.05
    assert sum(harmony.classes) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("cents", [-30, 0, 20])
def test_the_tuning_is_found_and_does_not_change_the_key(cents):
    harmony = measure(cadence(2, cents=cents)).harmony
    assert harmony.key == 2
    assert harmony.tuning_cents == pytest.approx(cents, abs=4)


def test_silence_and_a_short_sound_have_no_key():
    assert measure(np.zeros(30 * RATE)).harmony is None
    assert measure(cadence(0)[: 5 * RATE]).harmony is None
