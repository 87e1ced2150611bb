"""Tests of the measured values: their JSON, names of keys, tempos folded, runs of voice."""

import json
from dataclasses import replace

import pytest

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.music.measured import (
    Harmony,
    Rhythm,
    Sections,
    TrustParts,
    Voices,
    camelot,
    fold_tempo,
    key_name,
)
from mixes.engine.tests.tracks import make_track

RHYTHM = Rhythm(
    tempo=120.0,
    meter=4,
    beats=tuple(range(11_025, 44_100 * 60, 22_050)),
    first_downbeat=2,
    is_even=True,
    trust=0.8,
    bar_trust=0.7,
    parts=TrustParts(1.0, 1.0, 0.9, 0.8, 1.0, 0.85),
)
HARMONY = Harmony(21, 0.12, -8.5, (0.2, *(0.08,) * 10, 0.0))


def voices(*levels):
    return Voices(bytes(round(255 * level) for level in levels))


def test_an_analysis_keeps_its_music_through_json():
    sections = Sections((0, 8), (8,), (1.0, 0.0, 0.97))
    track = replace(
        make_track(60), rhythm=RHYTHM, harmony=HARMONY, voices=voices(0, 0.5, 1), sections=sections
    )
    assert TrackAnalysis.from_json(json.loads(json.dumps(track.to_json()))) == track


def test_an_analysis_of_an_older_version_knows_no_music():
    data = make_track(60).to_json() | {"version": 3}
    for name in ("rhythm", "harmony", "voices", "sections"):
        del data[name]
    old = TrackAnalysis.from_json(data)
    assert (old.rhythm, old.harmony, old.voices, old.sections) == (None,) * 4


def test_bars_begin_at_every_fourth_beat_from_the_first_downbeat_on():
    assert RHYTHM.downbeats[:3] == (55_125, 143_325, 231_525)


def test_a_grid_is_steady_from_the_trust_on_and_has_bars_only_where_it_is():
    assert RHYTHM.is_steady and RHYTHM.has_bars
    assert not replace(RHYTHM, trust=0.29).is_steady
    assert not replace(RHYTHM, trust=0.29).has_bars
    assert not replace(RHYTHM, bar_trust=0.49).has_bars


@pytest.mark.parametrize(
    ("key", "name", "wheel"),
    [
        (0, "C major", "8B"),
        (7, "G major", "9B"),
        (5, "F major", "7B"),
        (11, "B major", "1B"),
        (4, "E major", "12B"),
        (21, "A minor", "8A"),
        (20, "G sharp minor", "1A"),
        (13, "C sharp minor", "12A"),
    ],
)
def test_keys_have_their_names_and_places_on_the_wheel(key, name, wheel):
    assert (key_name(key), camelot(key)) == (name, wheel)


def test_a_fifth_up_is_one_step_on_the_wheel():
    for key in range(12):
        assert int(camelot((key + 7) % 12)[:-1]) % 12 == (int(camelot(key)[:-1]) + 1) % 12


@pytest.mark.parametrize(
    ("tempo", "beside", "folded"), [(174, 90, 87), (65, 128, 130), (120, 124, 120), (95, 128, 95)]
)
def test_tempos_fold_to_their_neighbour(tempo, beside, folded):
    assert fold_tempo(tempo, beside) == folded


def test_a_voice_opens_high_closes_low_and_bridges_gaps_under_a_beat():
    held = voices(0, 0.4, 0.9, 0.4, 0.35, 0.5, 0.2, 0.1, 0.6, 0.9, 0.9, 0)
    assert held.runs(beat_s=0.5) == ((0.2, 1.1),)
    assert held.runs(beat_s=0.2) == ((0.2, 0.6), (0.8, 1.1))
    assert held.share(0.0, 1.1, beat_s=0.2) == pytest.approx(0.7 / 1.1)


def test_short_or_unsure_runs_are_no_voice():
    assert voices(0, 0.95, 0.95, 0).runs() == (), "under 0.3 s"
    assert voices(0, 0.6, 0.6, 0.6, 0.6, 0).runs() == (), "no peak and a low mean"
    assert voices(0, 0.7, 0.7, 0.7, 0).runs() == ((0.1, 0.4),), "a mean above 0.65"


def test_the_kick_is_on_from_half_the_usual_low_band():
    sections = Sections((), (), (1.0, 0.49, 0.5))
    assert [sections.has_kick(bar) for bar in range(4)] == [True, False, True, False]
