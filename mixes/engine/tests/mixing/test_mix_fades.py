"""A whole mix fades in and out: in its samples, in its loudness, and in any part of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.engine.mixing.gains import place_curves, predict_power
from mixes.engine.mixing.mix_fades import cut_fades, envelope_gain, fade_blocks, plan_fades
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Timeline

RATE = 44_100


def plan(*seconds, **settings):
    return plan_mix([make_track(length) for length in seconds], MixSettings(**settings))


def faded(timeline, pieces=7):
    """Return the envelope as the blocks of a mix of ones show it."""
    ones = np.ones((timeline.frames, 2), np.float32)
    return np.concatenate(list(fade_blocks(np.array_split(ones, pieces), timeline.fades)))[:, 0]


@pytest.mark.parametrize("pieces", [7, 600])
def test_a_mix_rises_over_its_fade_in_and_falls_over_its_fade_out(pieces):
    timeline = plan(90, fade_in_s=2.0, fade_out_s=30.0).timeline
    sound = faded(timeline, pieces)
    assert sound[0] == 0.0 and sound[-1] < 1e-6
    assert sound[RATE] == pytest.approx(0.5, abs=0.01)
    assert sound[-15 * RATE] == pytest.approx(0.5, abs=0.01)
    assert (sound[2 * RATE : -30 * RATE] == 1.0).all()
    assert np.abs(np.diff(sound)).max() < 1e-4
    assert Timeline.from_dict(timeline.to_dict()) == timeline


def test_a_mix_without_fades_is_not_touched():
    timeline = plan(60).timeline
    assert timeline.fades == ()
    assert (faded(timeline) == 1.0).all()


def test_a_timeline_of_an_earlier_format_has_no_fades():
    stored = {**plan(60).timeline.to_dict(), "format": 3}
    del stored["fades"]
    assert Timeline.from_dict(stored).fades == ()


def test_a_mix_too_short_for_its_fades_is_faded_over_its_halves_and_says_so():
    planned = plan(20, fade_in_s=15.0)
    assert planned.timeline.fades[-1] == (10 * RATE, 1.0)
    note = "The mix is too short for its fades: none takes more than half of it, 10.0 s."
    assert note in planned.notes


def test_fades_of_a_few_frames_have_one_gain_for_each_frame():
    fades, _ = plan_fades(1000, RATE, fade_in_s=4 / RATE, fade_out_s=0.0)
    assert [frame for frame, _ in fades] == [0, 1, 2, 3, 4]
    assert fades[-1] == (4, 1.0)


@given(st.integers(0, 30_000), st.integers(0, 30_000), st.integers(0, 99_999), st.integers(1, 40_000))
def test_any_part_of_an_envelope_has_the_gains_of_the_whole(fade_in, fade_out, start, length):
    fades, _ = plan_fades(100_000, RATE, fade_in_s=fade_in / RATE, fade_out_s=fade_out / RATE)
    frames = np.arange(start, min(start + length, 100_000), dtype=np.float64)
    part = cut_fades(fades, start, start + length)
    assert np.array_equal(envelope_gain(part, frames - start), envelope_gain(fades, frames))
    if fade_in <= start and start + length <= 100_000 - fade_out:
        assert part == ()


def test_a_part_keeps_its_envelope_when_the_other_end_of_the_mix_moves():
    one, other = (plan(60, last, fade_in_s=8.0, fade_out_s=8.0).timeline.fades for last in (60, 90))
    assert cut_fades(one, RATE, 9 * RATE) == cut_fades(other, RATE, 9 * RATE) != ()


def test_the_loudness_of_a_faded_mix_is_predicted_with_its_fades():
    tracks = [make_track(60)]
    whole, softer = (
        predict_power(timeline, place_curves(timeline, tracks), np.zeros(1))
        for timeline in (plan_mix(tracks, MixSettings(fade_out_s=fade_s)).timeline for fade_s in (0.0, 10.0))
    )
    assert softer[300] == whole[300]
    assert softer[548] / whole[548] == pytest.approx(
        0.25, rel=0.05
    )  # its window's middle is 5 s from the end


def test_chapters_and_joins_are_where_they_are_without_fades():
    plain, with_fades = (plan(60, 60, fade_in_s=fade, fade_out_s=fade).timeline for fade in (0.0, 30.0))
    assert with_fades.chapter_starts() == plain.chapter_starts()
    joins = [[(join.overlap, join.ride) for join in timeline.transitions] for timeline in (plain, with_fades)]
    assert joins[0] == joins[1]
