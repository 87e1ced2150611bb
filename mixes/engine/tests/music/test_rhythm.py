"""Tests of beats and bars on sounds with known ones, and on sounds that have none."""

import numpy as np
import pytest

from mixes.engine.music.bars import Bars
from mixes.engine.music.beats import Beats
from mixes.engine.music.onsets import FPS
from mixes.engine.music.phase import Phase
from mixes.engine.music.rhythm import Grid
from mixes.engine.music.tempo import Period, find_period
from mixes.engine.synth import drums
from mixes.engine.tests.music.pieces import RATE, drum_track, measure, place

SECONDS = 60


def away_from(times, beats):
    """Return the distance of each time from its nearest beat, in seconds."""
    return np.abs(np.asarray(times)[:, None] - beats[None, :]).min(axis=1)


@pytest.mark.parametrize(("tempo", "first_s"), [(96.0, 0.31), (124.0, 0.05), (140.3, 1.7)])
def test_drums_have_their_tempo_beats_and_bars(tempo, first_s):
    sound, beats = drum_track(SECONDS, tempo, first_s=first_s)
    rhythm = measure(sound).rhythm
    assert rhythm.tempo == pytest.approx(tempo, rel=0.0005)
    assert rhythm.is_even and rhythm.is_steady and rhythm.has_bars and rhythm.meter == 4
    found = np.array(rhythm.beats) / RATE
    inside = (found > beats[0] - 0.1) & (found < beats[-1] + 0.1)
    assert np.percentile(away_from(found[inside], beats), 90) < 0.012
    downs = np.array(rhythm.downbeats) / RATE
    assert away_from(downs[(downs > beats[0] - 0.1) & (downs < beats[-1] + 0.1)], beats[::4]).max() < 0.02


def test_a_waltz_counts_three():
    sound, beats = drum_track(SECONDS, 150, meter=3)
    rhythm = measure(sound).rhythm
    assert rhythm.meter == 3 and rhythm.tempo == pytest.approx(150, rel=0.001)
    downs = np.array(rhythm.downbeats) / RATE
    assert away_from(downs[downs < beats[-1]], beats[::3]).max() < 0.02


def test_a_shuffle_is_not_taken_on_its_swung_note():
    sound, beats = drum_track(SECONDS, 112, swing=0.667)
    rhythm = measure(sound).rhythm
    found = np.array(rhythm.beats) / RATE
    assert rhythm.is_steady
    assert away_from(found[found < beats[-1]], beats).max() < 0.02


def test_a_tempo_that_drifts_keeps_its_beats():
    beats = np.cumsum(0.5 * (1 + 0.015 * np.sin(np.arange(95) / 14)))
    kick, snare = 0.9 * drums.kick(RATE), 0.5 * drums.snare(RATE)
    hits = [(at_s, snare if number % 2 else kick) for number, at_s in enumerate(beats)]
    rhythm = measure(place(beats[-1] + 1, hits)).rhythm
    assert not rhythm.is_even
    found = np.array(rhythm.beats) / RATE
    assert np.percentile(away_from(found[(found > 1) & (found < beats[-1])], beats), 90) < 0.02


def test_beats_without_a_steady_step_are_not_trusted():
    rng = np.random.default_rng(5)
    beats = np.cumsum(0.6 * (1 + 0.15 * rng.standard_normal(80)).clip(0.5, 1.5))
    hits = [(at_s, 0.5 * drums.tone(48 + int(rng.integers(24)), 0.8, RATE)) for at_s in beats]
    assert not measure(place(beats[-1] + 1, hits)).rhythm.is_steady


def test_noise_has_no_steady_beat():
    rhythm = measure(0.1 * np.random.default_rng(1).standard_normal(SECONDS * RATE)).rhythm
    assert rhythm is None or not rhythm.is_steady


def test_halves_with_different_tempos_are_not_trusted():
    first, second = drum_track(40, 120)[0], drum_track(40, 127)[0]
    assert measure(np.concatenate((first, second))).rhythm.trust == 0.0


def test_a_short_or_silent_track_has_no_rhythm():
    assert measure(drum_track(8, 120)[0]).rhythm is None
    assert measure(np.zeros(RATE)).rhythm is None
    assert measure(np.zeros(60 * RATE)).rhythm is None


def test_beats_lie_inside_the_file_and_are_whole_frames():
    sound, _ = drum_track(SECONDS, 124)
    rhythm = measure(sound).rhythm
    assert all(type(beat) is int for beat in rhythm.beats)
    assert rhythm.beats[0] >= 0 and rhythm.beats[-1] < len(sound)
    assert list(rhythm.beats) == sorted(set(rhythm.beats))
    assert round(rhythm.trust, 2) == rhythm.trust


def test_the_period_is_that_of_which_bars_repeat():
    curve = np.zeros(60 * FPS)
    for bar in range(30):
        for beat, height in enumerate((1.0, 0.6, 0.8, 0.6)):
            curve[bar * 200 + beat * 50] = height
    assert find_period([curve]).frames == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize(
    ("tempo", "meter", "has_backbeat", "trust"),
    [(176, 4, False, 0.4), (176, 4, True, 0.9), (176, 3, False, 0.9), (120, 4, False, 0.9)],
)
def test_bars_that_may_be_halves_are_not_built_on(tempo, meter, has_backbeat, trust):
    places = np.arange(100) * 60 * FPS / tempo
    beats = Beats(places, is_even=True, jitter_s=0.0, wander=0.0, contrast=1.0, rival_share=0.5)
    phase = Phase(places, Bars(meter, 0, 0.9), lead=2.0, has_backbeat=has_backbeat)
    assert Grid(Period(60 * FPS / tempo, 0.5, 0.5), beats, phase).bar_trust == trust
