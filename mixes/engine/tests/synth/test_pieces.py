"""Tests of the pieces with a known beat: what is said of them is true, and the halves share nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.synth.pieces import FREE, STEADY, Piece, make_half, make_piece

RATE = 16_000
HOUSE = Piece("house", 4)


def make(piece, seconds=12.0):
    return make_piece(piece, RATE, seconds)


def test_the_same_piece_gives_the_same_samples():
    np.testing.assert_array_equal(make(HOUSE)[0], make(HOUSE)[0])


@pytest.mark.parametrize("style", STEADY)
def test_steady_pieces_say_where_their_beats_and_bars_are(style):
    sound, truth = make(Piece(style, 2))
    steps = np.diff(truth.beats)
    assert np.median(60 / steps) == pytest.approx(truth.tempo, rel=0.02)
    assert set(truth.downbeats) <= set(truth.beats)
    assert len(truth.beats) == pytest.approx(truth.meter * len(truth.downbeats), abs=truth.meter)
    assert sound.shape[1] == 2 and 0.1 < np.abs(sound).max() <= 1.0


@pytest.mark.parametrize("style", FREE)
def test_pieces_without_a_steady_beat_claim_none(style):
    truth = make(Piece(style, 2))[1]
    assert truth.tempo is None and truth.beats == ()


def test_energy_rises_on_the_beats_of_house():
    sound, truth = make(HOUSE, 30.0)
    level = np.abs(sound[:, 0])
    beats = [round(beat * RATE) for beat in truth.beats[20:50]]  # with the kick
    after = np.mean([level[beat : beat + 400].mean() for beat in beats])
    before = np.mean([level[beat - 400 : beat].mean() for beat in beats])
    assert after > 2 * before


def test_a_piece_is_moved_raised_and_played_faster():
    truth = make(HOUSE)[1]
    assert make(replace(HOUSE, late_frames=801))[1].beats[0] == pytest.approx(truth.beats[0] + 801 / RATE)
    assert (make(replace(HOUSE, semitones=2))[1].key - truth.key) % 12 == 2
    assert make(replace(HOUSE, speed=1.06))[1].tempo == pytest.approx(1.06 * truth.tempo)


def test_speech_lies_over_the_piece_where_it_says():
    sound, truth = make(replace(HOUSE, speech=True))
    assert truth.voices and all(0 <= start < end <= len(sound) / RATE for start, end in truth.voices)
    assert make(HOUSE)[1].voices == ()


def test_the_halves_share_no_piece():
    one, two = ({(piece.style, piece.seed) for piece in make_half(half)} for half in (0, 1))
    assert not one & two and len(one) == len(two)
