"""Cue points, on loudness curves drawn by hand and on sounds measured for real."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.analysis.cues import CuePoints, find_cues, find_silences
from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.tests.signals import RATE, fade, pink_noise, silence

LOUD = -14.0  # LUFS, of the body of every curve drawn here
BODY_S = 60.0


def level(seconds, start_lu, stop_lu=None):
    """A stretch of a curve, relative to the body's loudness."""
    stop_lu = start_lu if stop_lu is None else stop_lu
    return np.linspace(start_lu, stop_lu, round(seconds * 10)) + LOUD


def cues_of(*stretches, rate=1000, tail_s=0.3):
    """Cue points of a curve; windows are 0.4 s long, so the sound ends 0.3 s after the last one begins."""
    curve = np.concatenate(stretches)
    frames = round((len(curve) * 0.1 + tail_s) * rate)
    return find_cues(curve, LOUD, rate=rate, frames=frames, first_sound=0, last_sound=frames)


def outro_s(cues, rate=1000):
    return (cues.cue_out - cues.outro_start) / rate


BODY = level(BODY_S, 0.0)


def test_cold_end_at_full_level_has_no_outro():
    cues = cues_of(BODY)
    assert outro_s(cues) == 0.0
    assert cues.cue_out == 60_300 and cues.to_the_end
    assert not (cues.sustained or cues.long_tail or cues.self_fading)


def test_ring_out_of_three_seconds_is_the_outro_and_no_fade():
    cues = cues_of(BODY, level(3, -8, -42), level(1, -50))
    assert outro_s(cues) == pytest.approx(3.0, abs=0.15)
    assert not (cues.sustained or cues.long_tail or cues.self_fading)


def test_mastered_fade_of_twelve_seconds_has_an_outro_of_ten_and_fades_itself():
    cues = cues_of(BODY, level(12, 0, -42))
    assert outro_s(cues) == pytest.approx(10.0, abs=0.5)
    assert cues.self_fading
    assert not (cues.sustained or cues.long_tail)


def test_held_pad_has_its_outro_where_it_lets_go():
    cues = cues_of(BODY, level(19, -17, -18.5), level(1.4, -19, -45))
    assert outro_s(cues) == pytest.approx(1.0, abs=0.3)
    assert cues.sustained and not cues.self_fading


def test_quiet_tail_held_at_one_level_has_no_outro():
    cues = cues_of(BODY, level(40, -15))
    assert outro_s(cues) == 0.0
    assert cues.cue_out == 100_300
    assert cues.sustained and not (cues.long_tail or cues.self_fading)


@pytest.mark.parametrize("held_lu", [-9.0, -11.37, -13.3, -17.9])
def test_level_held_perfectly_still_reaches_its_own_mean(held_lu):
    assert outro_s(cues_of(BODY, level(12, held_lu))) == 0.0


def test_body_ends_with_the_last_window_above_8_lu_under_the_loudness():
    cues = cues_of(BODY, level(3, -7.5), level(3, -8.5, -42))
    assert cues.outro_start == 63_300


def test_sound_that_lasts_beyond_the_last_whole_window_is_kept():
    cues = cues_of(BODY, tail_s=0.38)
    assert cues.cue_out == cues.outro_start == 60_380


def test_tail_that_falls_evenly_for_forty_seconds_is_overlapped_late_and_played_to_its_end():
    cues = cues_of(BODY, level(40, -8, -42))
    end_s = 100.3
    assert end_s - cues.outro_start / 1000 == pytest.approx(26.0, abs=0.6)
    assert cues.cue_out == pytest.approx(100_300, abs=200)
    assert cues.long_tail and cues.self_fading


def test_track_of_five_seconds_keeps_its_order():
    cues = cues_of(level(4.7, 0.0))
    assert (cues.cue_in, cues.intro_end, cues.outro_start, cues.cue_out) == (0, 0, 5000, 5000)


def test_latest_of_the_candidates_counts():
    # Held at -12 for 20 s, and falling to -42 over 10 s: the mean of its second half is passed before -20 is
    cues = cues_of(BODY, level(20, -12), level(10, -12, -42))
    passed_tail_level_s = 80 + 10 * 8 / 30 + 0.4
    assert cues.outro_start / 1000 == pytest.approx(passed_tail_level_s, abs=0.2)


def test_slow_fade_is_played_to_its_end_and_fades_itself():
    cues = cues_of(BODY, level(30, 0, -42))
    assert cues.cue_out == pytest.approx(90_300, abs=200)
    assert cues.self_fading


@pytest.mark.parametrize("coda_lu", [-9, -15, -25, -33, -41])
def test_quiet_coda_of_any_level_is_used_to_its_end(coda_lu):
    cues = cues_of(BODY, level(40, coda_lu))
    assert cues.cue_out == 100_300


@pytest.mark.parametrize("pause_s", [2.0, 20.0, 180.0])
def test_what_follows_a_pause_is_used(pause_s):
    assert cues_of(BODY, level(pause_s, -100), level(20, -24)).cue_out / 1000 == pytest.approx(80.3 + pause_s)


def test_crescendo_from_nothing_begins_where_it_is_first_heard():
    cues = cues_of(level(30, -72, -12), BODY)
    assert cues.cue_in == pytest.approx(15_000, abs=200)


def test_noise_around_the_sound_is_left_out():
    curve = np.concatenate([level(3, -35), BODY, level(5, -35)])
    frames = 68_300
    bounds = {"first_sound": 0, "last_sound": frames, "noise_until": 2_900, "noise_from": 63_200}
    cues = find_cues(curve, LOUD, rate=1000, frames=frames, **bounds)
    assert (cues.cue_in, cues.cue_out) == (2_900, 63_200)


def test_silences_inside_a_song_are_found_with_start_and_length():
    curve = np.concatenate([level(2, -80), BODY, level(180, -120), level(30, -5), level(2, -90), BODY])
    cues = find_cues(curve, LOUD, rate=1000, frames=334_300, first_sound=0, last_sound=334_300)
    assert find_silences(curve, LOUD, cues, rate=1000) == ((62.0, 180.3),)
    assert find_silences(curve, None, cues, rate=1000) == ()


def test_fade_with_beats_in_it_is_still_a_fade():
    beats = np.where(np.arange(120) % 7 == 0, 4.0, -1.0)
    assert cues_of(BODY, level(12, 0, -42) + beats).self_fading


def test_ending_that_swells_again_is_no_fade():
    cues = cues_of(BODY, level(5, -9, -30), level(3, -30, -22), level(4, -22, -42))
    assert not cues.self_fading


def test_silence_around_the_sound_is_left_out():
    cues = cues_of(level(5, -100), BODY, level(5, -100))
    assert cues.cue_in == 5_000
    assert cues.cue_out == pytest.approx(65_000, abs=300)
    assert cues.intro_end == 5_000


def test_quiet_sound_at_both_ends_is_left_out_below_42_lu_and_kept_above():
    assert cues_of(level(5, -43), BODY).cue_in == 5_000
    assert cues_of(level(5, -41), BODY).cue_in == 0
    assert cues_of(BODY, level(5, -43)).cue_out == 60_300
    assert cues_of(BODY, level(5, -41)).cue_out == 65_300


def test_start_within_one_window_is_played_from_the_first_sample():
    def cue_in(first_sound):
        curve = np.concatenate([level(60, 0.0)])
        return find_cues(
            curve, LOUD, rate=1000, frames=60_300, first_sound=first_sound, last_sound=60_300
        ).cue_in

    assert cue_in(399) == 0
    assert cue_in(400) == 400


def test_sound_bounds_are_never_passed():
    curve = level(60, 0.0)
    cues = find_cues(curve, LOUD, rate=1000, frames=60_300, first_sound=2_000, last_sound=50_000)
    assert (cues.cue_in, cues.cue_out) == (2_000, 50_000)
    assert not cues.to_the_end


def test_intro_ends_where_the_body_begins():
    cues = cues_of(level(20, -15), BODY)
    assert cues.cue_in == 0
    assert cues.intro_end == 20_000


def test_single_loud_hit_does_not_end_the_intro():
    cues = cues_of(level(0.2, 0.0), level(20, -15), BODY)
    assert cues.intro_end == pytest.approx(20_200, abs=100)


def test_levels_count_relative_to_the_track():
    fading = (BODY, level(12, 0, -42))
    quiet = find_cues(
        np.concatenate(fading) - 20, LOUD - 20, rate=1000, frames=72_300, first_sound=0, last_sound=72_300
    )
    assert quiet == cues_of(*fading)


@pytest.mark.parametrize("integrated", [None, -np.inf])
def test_without_loudness_the_sound_bounds_alone_hold(integrated):
    cues = find_cues([], integrated, rate=1000, frames=350, first_sound=20, last_sound=330)
    assert cues == CuePoints(20, 20, 330, 330, 20, 330)


def test_positions_are_exact_at_a_rate_no_tenth_of_which_is_whole():
    cues = cues_of(level(7, -60), BODY, rate=11_025)
    assert cues.cue_in == 77_175


def test_measured_fade_out_is_found():
    noise = pink_noise(30.0, level_db=-20.0)
    sound = np.concatenate([noise[: 18 * RATE], fade(noise[18 * RATE :], 0, -42), silence(2)])
    meter = LoudnessMeter(RATE)
    meter.push(sound)
    cues = find_cues(
        meter.momentary_lufs,
        meter.integrated_lufs,
        rate=RATE,
        frames=len(sound),
        first_sound=0,
        last_sound=30 * RATE,
    )
    assert cues.self_fading
    assert cues.outro_start / RATE == pytest.approx(18 + 8 / 42 * 12, abs=0.8)
    assert cues.cue_out / RATE == pytest.approx(30.0, abs=0.5)


@settings(max_examples=200, deadline=None)
@given(
    curve=st.lists(st.floats(-80, 0) | st.just(-np.inf), max_size=400),
    integrated=st.none() | st.floats(-70, 0),
    rate=st.sampled_from([4000, 11_025, 44_100, 768_000]),
    bounds=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_cue_points_keep_their_order_on_any_curve(curve, integrated, rate, bounds):
    frames = (len(curve) + 4) * rate // 10
    first, last = sorted(int(share * frames) for share in bounds)
    cues = find_cues(curve, integrated, rate=rate, frames=frames, first_sound=first, last_sound=last)
    assert 0 <= cues.cue_in <= cues.intro_end <= cues.outro_start <= cues.cue_out <= frames
    assert cues.cue_in == 0 or cues.cue_in >= first
    assert cues.cue_out <= max(last, 0)
    assert cues.cue_in < cues.cue_out or first == last
    assert all(type(value) in (int, bool) for value in asdict(cues).values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-60, 0), min_size=10, max_size=900))
def test_nothing_audible_lies_outside_the_cue_points(curve):
    levels = np.array(curve)
    sound = np.concatenate([levels + LOUD, BODY, levels[::-1] + LOUD])
    cues = cues_of(sound)
    last_window = max(np.flatnonzero(sound - LOUD > -42)) * 100
    first_window = min(np.flatnonzero(sound - LOUD > -42)) * 100
    assert cues.cue_in <= first_window
    assert cues.cue_out >= last_window + 400 or cues.cue_out >= cues.last_sound
