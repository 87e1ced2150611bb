"""What an order knows of an analysed track."""

from dataclasses import replace

import pytest

from mixes.engine.mixing.settings import Use
from mixes.engine.music.measured import Harmony, Rhythm, TrustParts
from mixes.engine.ordering.songs import order_song
from mixes.engine.tests.tracks import make_track

PARTS = TrustParts(1, 1, 1, 1, 1, 1)
RHYTHM = Rhythm(124.0, 4, tuple(range(0, 44_100 * 60, 21_339)), 0, True, 0.8, 0.8, PARTS)


def test_edges_are_told_by_the_loudness_around_them():
    loud, quiet = [-14.0] * 200, [-34.0] * 200
    track = make_track(60, momentary=(*quiet, *loud, *loud), lufs=-14.0)
    song = order_song(track)
    assert song.head == 0.0
    assert song.tail == pytest.approx(20 / 23, abs=0.01)
    assert order_song(track, Use(cue_in_s=20.0)).head == pytest.approx(20 / 23, abs=0.01)
    assert order_song(track, Use(cue_out_s=19.0)).tail == 0.0


def test_only_a_steady_beat_has_a_tempo():
    track = make_track(60)
    assert order_song(track).tempo is None
    assert order_song(replace(track, rhythm=RHYTHM)).tempo == 124.0
    assert order_song(replace(track, rhythm=replace(RHYTHM, trust=0.2))).tempo is None


def test_a_key_counts_by_its_lead():
    track = replace(make_track(60), harmony=Harmony(9, 0.05, 4.0, (1 / 12,) * 12))
    song = order_song(track)
    assert (song.key, song.key_trust, song.tuning_cents) == (9, pytest.approx(0.5), 4.0)


def test_silence_has_no_edges():
    track = make_track(60, lufs=None, momentary=(-70.0,) * 600)
    assert (order_song(track).head, order_song(track).tail) == (None, None)
