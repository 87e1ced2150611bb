"""Tempo, bars and key as the owner of a track sets them."""

import pytest

from mixes.engine.music.corrections import (
    Corrections,
    correct_harmony,
    correct_rhythm,
    correct_sections,
)
from mixes.engine.music.measured import Harmony, Rhythm, Sections, TrustParts

TRUST = TrustParts(1, 1, 1, 1, 1, 1)
RHYTHM = Rhythm(120.0, 4, tuple(range(100, 1000, 20)), 1, True, 0.8, 0.4, TRUST)


def test_nothing_set_changes_nothing():
    assert correct_rhythm(RHYTHM, Corrections()) is RHYTHM
    assert correct_rhythm(None, Corrections()) is None
    assert correct_harmony(None, Corrections()) is None


def test_half_the_tempo_keeps_every_second_beat_and_the_first_bar():
    half = correct_rhythm(RHYTHM, Corrections(tempo=60.0))
    assert (half.tempo, half.trust) == (60.0, 0.8)
    assert half.beats == tuple(range(120, 1000, 40))
    assert half.downbeats[0] == RHYTHM.downbeats[0]


def test_double_the_tempo_has_a_beat_between_every_two():
    double = correct_rhythm(RHYTHM, Corrections(tempo=240.0))
    assert double.tempo == 240.0
    assert double.beats == tuple(range(100, 981, 10))
    assert double.downbeats[0] == RHYTHM.downbeats[0]


def test_a_tapped_tempo_close_by_keeps_the_exact_one():
    assert correct_rhythm(RHYTHM, Corrections(tempo=121.5)) is RHYTHM


@pytest.mark.parametrize("measured", [RHYTHM, None])
def test_another_tempo_has_no_beats_to_match(measured):
    other = correct_rhythm(measured, Corrections(tempo=90.0))
    assert (other.tempo, other.beats, other.is_steady) == (90.0, (), False)


@pytest.mark.parametrize(("shift", "first"), [(0, 120), (1, 140), (2, 160), (3, 100)])
def test_bars_begin_later_and_are_certain(shift, first):
    shifted = correct_rhythm(RHYTHM, Corrections(bar_shift=shift))
    assert shifted.downbeats[0] == first
    assert shifted.has_bars


def test_sections_count_only_the_bars_they_were_measured_on():
    sections = Sections((0,), (0,), (1.0,))
    assert correct_sections(sections, RHYTHM, correct_rhythm(RHYTHM, Corrections(bar_shift=0))) is sections
    assert correct_sections(sections, RHYTHM, correct_rhythm(RHYTHM, Corrections(bar_shift=1))) is None
    assert correct_sections(sections, RHYTHM, correct_rhythm(RHYTHM, Corrections(tempo=60.0))) is None


def test_a_key_that_is_set_is_certain():
    measured = Harmony(0, 0.02, 12.0, (1 / 12,) * 12)
    corrected = correct_harmony(measured, Corrections(key=21))
    assert (corrected.key, corrected.margin, corrected.tuning_cents) == (21, 1.0, 12.0)
    assert correct_harmony(None, Corrections(key=21)).camelot == "8A"
