"""Tests of songs placed on the frame grid, and of gains in steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.engine.passthrough.facts import STEP_DB, Mp3Facts
from mixes.engine.passthrough.grid import encoded_share, grid_of, nearest, place_on_grid, touched
from mixes.engine.passthrough.steps import choose_steps
from mixes.engine.timeline import Transition

RATE = 44_100
FRAME = 1152


def join(overlap, style="smooth", **more):
    length_s = max(0, overlap) / RATE
    return Transition(style, overlap, "", fade_out_s=length_s, fade_in_s=length_s, **more)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_the_nearest_place_is_at_most_half_a_frame_away(place, bound):
    move = nearest(place, -FRAME, FRAME)
    assert (move - place) % FRAME == 0
    assert abs(move) <= FRAME // 2
    within = nearest(place, -bound, bound)
    assert within is None or (abs(within) <= bound and (within - place) % FRAME == 0)


def test_songs_of_lame_start_at_whole_frames():
    assert grid_of(1105) == 0
    assert grid_of(0) == FRAME - 1105


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.integers(400_000, 900_000)), min_size=1, max_size=6),
    st.lists(st.integers(-90_000, 190_000), min_size=5, max_size=5),
    st.lists(st.sampled_from([None, 0, 1105, 1633]), min_size=6, max_size=6),
)
def test_placed_songs_lie_on_the_grid_and_little_moves(spans, overlaps, delays):
    cues, lengths = zip(*spans, strict=True)
    joins = [join(overlap) for overlap in overlaps[: len(spans) - 1]]
    placed = place_on_grid(cues, lengths, joins, delays[: len(spans)], RATE)
    start = 0
    for index, grid in enumerate(placed.grids):
        if index:
            start += placed.lengths[index - 1] - placed.transitions[index - 1].overlap
            moved = placed.transitions[index - 1].overlap - joins[index - 1].overlap
            assert abs(moved) <= FRAME
            assert (moved == 0) or grid is not None
        if grid is not None:
            assert (start - placed.cue_ins[index] - grid) % FRAME == 0
        assert placed.cue_ins[index] + placed.lengths[index] == cues[index] + lengths[index]
        assert abs(placed.cue_ins[index] - cues[index]) <= FRAME // 2
    assert placed.cue_ins[1:] == cues[1:]


@pytest.mark.parametrize("style", ["gapless", "classic", "club"])
def test_a_join_that_must_not_move_stays(style):
    before = join(0 if style == "gapless" else 4410, style)
    placed = place_on_grid([0, 0], [500_000, 500_000], [before], [1105, 1105], RATE)
    assert placed.transitions == (before,)
    assert placed.grids == (0, None)


def test_what_happens_in_a_join_stays_where_it_is():
    before = join(100_000, bass_swap_s=1.0, ride=((0.5, 3.0), (1.5, 0.0)))
    after = place_on_grid([0, 0], [500_000, 500_000], [before], [1105, 1105], RATE).transitions[0]
    earlier_s = (after.overlap - before.overlap) / RATE
    assert 0 < earlier_s < FRAME / RATE
    assert after.bass_swap_s == pytest.approx(1.0 + earlier_s)
    assert after.ride[0][0] == pytest.approx(0.5 + earlier_s, abs=0.001)
    assert after.fade_out_s == pytest.approx(after.overlap / RATE)


def test_a_sample_is_heard_in_the_frames_around_it():
    assert touched(0, 1) == (0, 1)
    assert touched(10_000, 10_001) == (8, 10)


def test_peaks_near_each_other_are_encoded_together():
    hot = np.zeros(1_000, bool)
    assert encoded_share(hot) == 0
    hot[[100, 110]] = True
    assert encoded_share(hot) == pytest.approx(0.014, abs=0.002)


def songs(count, peak_dbtp=-6.0, frames=1_000):
    peaks = bytes([round((peak_dbtp + 20) * 10)]) * frames
    return [Mp3Facts(frames=frames, highest_step=60, peaks=peaks)] * count


def steps_of(wanted, facts, groups=None, highest=6.0):
    wanted = np.array(wanted, float)
    levels = -14.0 - wanted  # so every song is at -14 with the gain it wants

    def predict(gains):
        return float(10 * np.log10(np.mean(10 ** ((levels + gains) / 10))))

    def shares(gains):
        power = 10 ** ((levels + gains) / 10)
        return power / power.sum()

    gains, steps = choose_steps(
        wanted, np.full(len(wanted), highest), groups or range(len(wanted)), facts, predict, shares
    )
    return gains, steps, predict(gains) + 14.0


@given(st.lists(st.floats(-8, 3), min_size=1, max_size=14))
def test_the_mix_keeps_its_loudness_and_every_song_nearly(wanted):
    gains, steps, off = steps_of(wanted, songs(len(wanted)))
    assert abs(off) <= 0.2
    assert np.abs(gains - wanted).max() <= 1.0
    for gain, step in zip(gains, steps, strict=True):
        assert step is None or gain == pytest.approx(step * STEP_DB)


def test_most_songs_of_a_long_mix_get_steps():
    rng = np.random.default_rng(7)
    _, steps, _ = steps_of(rng.uniform(-8, 3, 12), songs(12))
    assert sum(step is not None for step in steps) >= 11


def test_one_song_between_two_steps_is_exact():
    gains, steps, off = steps_of([-0.75], songs(1))
    assert (steps, gains.tolist(), off) == ([None], [-0.75], 0.0)


def test_songs_that_are_no_mp3_keep_their_gains():
    gains, steps, _ = steps_of([-0.7, -3.01, 0.02], [None, *songs(2)])
    assert gains[0] == -0.7
    assert steps == [None, -2, 0]


def test_quiet_songs_that_are_raised_as_far_as_allowed_are_copied():
    """Four steps are 0.02 dB more than the 6 dB that a song may be raised by."""
    _, steps, off = steps_of([6.0, 1.55, 6.0, 1.5], songs(4, -12.0))
    assert steps == [4, 1, 4, 1]
    assert abs(off) <= 0.1


def test_songs_whose_peaks_stop_them_between_two_steps_take_the_nearest_one():
    """It is 0.3 dB over its cap then: the limiter takes so much more off its highest peak."""
    _, steps, _ = steps_of([1.2, -1.5, -3.0, 0.0, -4.5], songs(5, -9.0), highest=1.2)
    assert steps == [1, -1, -2, 0, -3]
    _, steps, _ = steps_of([0.5, -1.5, -3.0, 0.0, -4.5], songs(5, -9.0), highest=0.5)
    assert steps[0] == 0


def test_a_group_has_one_step():
    gains, steps, _ = steps_of([-1.5, -1.5, -3.0], songs(3), [0, 0, 1])
    assert steps == [-1, -1, -2]
    assert gains[0] == gains[1]


def test_a_song_full_of_peaks_is_lowered_or_encoded():
    loud = songs(1, -2.0)  # peaks over -1 dBTP from one step on
    assert steps_of([0.8, -1.5, -1.5, -1.5, -1.5, -1.5], [*loud, *songs(5)])[1][0] == 0
    assert steps_of([1.5, -1.5, -1.5, -1.5, -1.5, -1.5], [*loud, *songs(5)])[1][0] is None
