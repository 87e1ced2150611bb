"""Tempo, key and bars of a track: what is measured, what its owner sets instead, the way back."""

from dataclasses import replace

import pytest
from django.urls import reverse

from mixes.engine.music.measured import Harmony, Rhythm, TrustParts
from mixes.engine.tests.tracks import make_track
from mixes.jobs.analysis_job import accept
from mixes.models import Mix, Track
from mixes.services.analyses import analyses_of
from mixes.services.editing.plans import plan_of
from mixes.services.wording import track_music
from mixes.tests.factories import make_mix_row, make_track_row

TRUST = TrustParts(1, 1, 1, 1, 1, 1)
BEATS = tuple(range(0, 44_100 * 60, 22_050))
RHYTHM = Rhythm(120.0, 4, BEATS, 1, True, 0.9, 0.9, TRUST)
ANALYSIS = replace(make_track(60), rhythm=RHYTHM, harmony=Harmony(21, 0.2, 0.0, (1 / 12,) * 12))


@pytest.fixture
def track(alice):
    return make_track_row(alice, "Aria", 60, analysis=ANALYSIS, is_steady=True, tempo=120.0, key=21)


def page(client, track):
    return client.get(reverse("mixes:track_edit", args=(track.pk,))).content.decode()


def post(client, track, **fields):
    response = client.post(reverse("mixes:track_music", args=(track.pk,)), fields)
    track.refresh_from_db()
    return response


def test_an_analysis_gives_the_track_its_tempo_and_key(alice):
    track = make_track_row(alice, "Aria", 60, tags_edited=True)
    accept(track, replace(ANALYSIS, sha256="a" * 64))
    track.refresh_from_db()
    assert (track.is_steady, track.tempo, track.key) == (True, 120.0, 21)
    unsteady = replace(ANALYSIS, sha256="a" * 64, rhythm=replace(RHYTHM, trust=0.1), harmony=None)
    accept(track, unsteady)
    track.refresh_from_db()
    assert (track.is_steady, track.tempo, track.key) == (False, None, None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"is_steady": False}, "no steady beat"),
        ({"is_steady": False, "key": 21}, "no steady beat · 8A"),
        ({"is_steady": True, "tempo": 123.6, "key": 0}, "124 BPM · 8B"),
        ({"is_steady": True, "tempo": 120.0, "own_tempo": 60.0}, "60 BPM · set by you"),
        ({"is_steady": True, "tempo": 120.0, "key": 0, "own_key": 21}, "120 BPM · 8A · set by you"),
    ],
)
def test_tempo_and_key_in_words(fields, words):
    assert track_music(Track(**fields)) == words


def test_pages_show_tempo_and_key(as_alice, alice, track):
    assert "120 BPM · 8A" in page(as_alice, track)
    assert "steady beat, 120.0 beats a minute" in " ".join(page(as_alice, track).split())
    mix = make_mix_row(alice, tracks=[track])
    for address in (reverse("mixes:track_list"), reverse("mixes:mix_detail", args=(mix.pk,))):
        assert "120 BPM · 8A" in as_alice.get(address).content.decode()


def test_the_owner_halves_and_doubles_the_tempo(as_alice, track):
    post(as_alice, track, scale="half")
    assert track.own_tempo == 60.0
    assert "60 BPM · 8A · set by you" in page(as_alice, track)
    assert analyses_of([track])[track.pk].rhythm.beats == BEATS[1::2]
    for _ in range(3):
        post(as_alice, track, scale="double")
    assert track.own_tempo == 240.0


def test_the_owner_sets_all_and_goes_back(as_alice, track):
    post(as_alice, track, own_tempo="90", own_key="0", own_bar_shift="2")
    assert (track.own_tempo, track.own_key, track.own_bar_shift) == (90.0, 0, 2)
    known = analyses_of([track])[track.pk]
    assert (known.rhythm.tempo, known.rhythm.is_steady, known.harmony.key) == (90.0, False, 0)
    assert "set by you and used instead" in page(as_alice, track)
    post(as_alice, track, back="1")
    assert (track.own_tempo, track.own_key, track.own_bar_shift) == (None, None, None)
    assert analyses_of([track])[track.pk].rhythm == RHYTHM


@pytest.mark.parametrize(
    "fields", [{"own_tempo": "20"}, {"own_tempo": "x"}, {"own_key": "24"}, {"own_bar_shift": "4"}]
)
def test_what_makes_no_sense_is_refused_and_named(as_alice, track, fields):
    assert post(as_alice, track, **fields).status_code == 422
    assert (track.own_tempo, track.own_key, track.own_bar_shift) == (None, None, None)


def test_a_correction_plans_mixes_with_the_track_again(as_alice, alice, track):
    mix = make_mix_row(alice, tracks=[track, make_track_row(alice)])
    plan_of(mix)
    before = Mix.objects.get(pk=mix.pk).plan_key
    post(as_alice, track, own_bar_shift="1")
    plan_of(Mix.objects.get(pk=mix.pk))
    assert Mix.objects.get(pk=mix.pk).plan_key != before
