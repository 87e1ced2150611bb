"""The level ride: it lifts what is quiet between two songs, slowly, and never noise."""

import numpy as np
import pytest

from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.ride import MAX_RIDE_DB, MAX_SLOPE_DB_PER_S, ride_blocks, ride_db, rides_of
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.tests.mixing.test_joins import COLD, song
from mixes.engine.timeline import Clip, Timeline, Transition

RATE = 44_100
LONG_QUIET_INTRO = song((70, -12, -12), (120, 0, 0))
NOISY_INTRO = song((70, -33, -33), (120, 0, 0))


def timeline_of(before, after):
    return plan_mix([before, after], MixSettings()).timeline


def test_a_long_quiet_intro_is_raised_slowly_and_by_six_decibels_at_most():
    timeline = timeline_of(COLD, LONG_QUIET_INTRO)
    gain = ride_db(rides_of(timeline), RATE, np.arange(0, timeline.frames, RATE // 10))
    assert 3.0 < gain.max() <= MAX_RIDE_DB
    assert np.abs(np.diff(gain)).max() * 10 <= MAX_SLOPE_DB_PER_S + 0.1
    assert gain[0] == gain[-1] == 0.0
    body_s = timeline.clips[1].start / RATE + 70
    assert gain[round((body_s + 4) * 10) :].max() == 0.0


def test_noise_is_not_raised():
    timeline = timeline_of(COLD, NOISY_INTRO)
    first, last = timeline.clips[0].end + RATE, timeline.clips[1].start + 69 * RATE
    assert ride_db(rides_of(timeline), RATE, np.arange(first, last, RATE // 10)).max() == 0.0


def test_bodies_that_meet_need_no_ride():
    assert timeline_of(COLD, COLD).transitions[0].ride == ()


def test_blocks_of_any_size_get_the_same_gain():
    clips = (Clip("", "", 0, 8 * RATE, 0, 0.0), Clip("", "", 0, 8 * RATE, 6 * RATE, 0.0))
    ride = ((-2.0, 0.0), (0.0, 3.0), (2.0, 0.0))
    timeline = Timeline(RATE, clips, (Transition("smooth", 2 * RATE, "", ride=ride),))
    sound = np.ones((timeline.frames, 2), np.float32)
    whole = np.concatenate(list(ride_blocks([sound], rides_of(timeline), RATE)))
    pieces = np.concatenate(list(ride_blocks(np.array_split(sound, 37), rides_of(timeline), RATE)))
    assert np.array_equal(whole, pieces)
    assert 20 * np.log10(whole[6 * RATE, 0]) == pytest.approx(3.0, abs=0.01)
    assert np.all(whole[: 4 * RATE] == 1.0) and np.all(whole[8 * RATE :] == 1.0)
