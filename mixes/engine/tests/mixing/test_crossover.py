"""The moment one song takes over from another."""

import pytest

from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.tests.tracks import make_track


def plan(tracks, **settings):
    return plan_mix(tracks, MixSettings(**settings))


@pytest.mark.parametrize(
    ("style", "fraction"),
    [("smooth", 0.5), ("classic", 0.5), ("radio", 0.0)],
)
def test_equally_loud_songs_cross_where_their_gains_do(style, fraction):
    tracks = [make_track(60), make_track(60)]
    (join,) = plan(tracks, style=style, transition_s=8.0).timeline.transitions
    assert join.crossover / join.overlap == pytest.approx(fraction, abs=0.02)


def test_a_louder_incoming_song_takes_over_earlier():
    tracks = [make_track(60), make_track(60, momentary=[-14.0 + 6.0] * 600)]
    (join,) = plan(tracks, target_lufs=None, style="classic", transition_s=8.0).timeline.transitions
    gain = 10 ** (6 / 20)
    assert join.crossover / join.overlap == pytest.approx(1 / (1 + gain), abs=0.01)  # 1 - x = gain * x


def test_an_outgoing_song_that_stays_louder_to_its_end_hands_over_there():
    quiet_start = [-60.0] * 100 + [-14.0] * 500
    (join,) = plan(
        [make_track(60, outro_s=8, self_fading=True), make_track(60, momentary=quiet_start)], transition_s=8.0
    ).timeline.transitions
    assert join.crossover == join.overlap
