"""Gains that bring a mix to its target."""

import numpy as np
import pytest

from mixes.engine.analysis.loudness import gate_integrated
from mixes.engine.mixing.gains import LoudnessTarget, place_curves, plan_gains, predict_power
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track


def plan(tracks, **settings):
    return plan_mix(tracks, MixSettings(**settings))


def gains(tracks, **settings):
    return [clip.gain_db for clip in plan(tracks, **settings).timeline.clips]


def predicted_lufs(timeline, tracks):
    curves = place_curves(timeline, tracks)
    return gate_integrated(predict_power(timeline, curves, np.array([c.gain_db for c in timeline.clips])))


def test_every_track_is_brought_to_the_target():
    tracks = [make_track(60, lufs=-20, peak_dbtp=-9), make_track(60, lufs=-8, peak_dbtp=0)]
    assert gains(tracks) == pytest.approx([6.0, -6.0], abs=0.1)


def test_the_whole_mix_reaches_the_target_by_prediction():
    tracks = [make_track(30, lufs=level, peak_dbtp=level + 10) for level in (-18, -11, -15, -9)]
    timeline = plan(tracks, target_lufs=-16.0).timeline
    assert predicted_lufs(timeline, tracks) == pytest.approx(-16.0, abs=0.05)


def test_album_dynamics_use_one_gain_and_still_reach_the_target():
    tracks = [make_track(60, lufs=-20, peak_dbtp=-9), make_track(60, lufs=-12, peak_dbtp=-4)]
    timeline = plan(tracks, album_dynamics=True).timeline
    assert len({clip.gain_db for clip in timeline.clips}) == 1
    assert predicted_lufs(timeline, tracks) == pytest.approx(-14.0, abs=0.05)


def test_parts_of_one_recording_share_their_gain():
    parts = [
        make_track(60, lufs=lufs, peak_dbtp=-6, tags=Tags("Part", "Band", "Live", number), to_the_end=True)
        for number, lufs in ((1, -18), (2, -12))
    ]
    first, second, other = gains([*parts, make_track(60, lufs=-16, peak_dbtp=-6)])
    assert first == second != other


def test_without_a_target_nothing_is_changed():
    assert gains([make_track(60, lufs=-20), make_track(60, lufs=-8)], target_lufs=None) == [0.0, 0.0]


def test_a_boost_stops_where_the_limiter_would_squash_and_the_plan_says_so():
    tracks = [make_track(60, lufs=-20, peak_dbtp=0.0)]
    planned = plan(tracks)
    assert planned.timeline.clips[0].gain_db == 1.3  # -1.7 dBTP and 3 dB of limiting
    assert "4.7 LU below -14 LUFS" in planned.notes[0]


@pytest.mark.parametrize(("lufs", "gain_db"), [(-40, 6.0), (10, -12.0)])
def test_gains_stay_within_their_bounds(lufs, gain_db):
    planned = plan([make_track(60, lufs=lufs, peak_dbtp=-30.0)])
    assert planned.timeline.clips[0].gain_db == gain_db
    assert len(planned.notes) == 1


def test_a_track_too_short_to_measure_keeps_its_level():
    track = make_track(0.3, lufs=None, momentary=())
    assert plan_gains(plan([track]).timeline, [track], LoudnessTarget(-14.0)).gains_db == (0.0,)
