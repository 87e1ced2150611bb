"""Clipping, gaps and lags of a known size and place."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.checks.faults import ClippingCounter, find_gaps, find_runs, measure_lag
from mixes.engine.mixing.mix_fades import fade_blocks, plan_fades
from mixes.engine.tests.signals import RATE, pink_noise, silence, sine
from mixes.engine.timeline import Clip, Timeline, Transition


def lay_out(lengths_s, overlaps_s):
    """A timeline of clips A, B, C ... of these lengths."""
    clips, transitions = [], []
    for index, length_s in enumerate(lengths_s):
        overlap = round(overlaps_s[index - 1] * RATE) if index else 0
        start = clips[-1].end - overlap if clips else 0
        clips.append(Clip("ABCDEF"[index], "", 0, round(length_s * RATE), start, 0.0))
        if index:
            transitions.append(Transition("smooth" if overlap > 0 else "gap", overlap, ""))
    return Timeline(RATE, tuple(clips), tuple(transitions))


def measure(sound):
    meter = LoudnessMeter(RATE)
    meter.push(sound)
    return meter


def gaps_in(sound, timeline):
    return find_gaps(measure(sound).momentary_lufs, timeline)


def test_runs_are_found_at_both_ends_too():
    mask = np.array([True, True, False, True, False, False, True])
    assert list(find_runs(mask)) == [(0, 2), (3, 4), (6, 7)]
    assert list(find_runs(np.zeros(3, bool))) == []


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1000])
def test_flat_tops_of_three_and_more_are_counted_across_blocks(block):
    sound = np.zeros((1000, 2), np.float32)
    sound[10:13, 0] = 1.0  # three
    sound[50:52, 0] = 1.2  # two: an honest peak
    sound[100:110, 1] = -1.0  # ten, the other side
    sound[105:109, 0] = 32767 / 32768  # four: full scale in 16 bits
    sound[200:203, 0] = 0.999
    sound[996:, 1] = 1.0  # four, up to the end
    counter = ClippingCounter()
    for start in range(0, 1000, block):
        counter.push(sound[start : start + block])
    counter.finish()
    assert counter.samples == 3 + 10 + 4 + 4
    assert sorted(counter.places) == [10, 100, 105, 996]


def test_a_pause_at_a_join_is_a_gap_with_its_place_and_length():
    timeline = lay_out([10, 10], [2])
    sound = pink_noise(18)
    sound[round(8.5 * RATE) : round(9.7 * RATE)] = 0
    (gap,) = gaps_in(sound, timeline)
    assert gap.start_s == pytest.approx(8.5, abs=0.11)
    assert gap.length_s == pytest.approx(1.2, abs=0.11)
    assert (gap.at_join, gap.title) == (True, "B")


def test_a_pause_inside_a_song_is_told_apart():
    timeline = lay_out([10, 10], [2])
    sound = pink_noise(18)
    sound[13 * RATE : 14 * RATE] = 0
    (gap,) = gaps_in(sound, timeline)
    assert (gap.at_join, gap.title) == (False, "B")
    assert gap.start_s == pytest.approx(13, abs=0.11)


@pytest.mark.parametrize(
    ("length_s", "level_db", "count"), [(0.45, -120, 0), (0.7, -120, 1), (2.0, -45, 0), (2.0, -90, 1)]
)
def test_only_long_and_deep_pauses_are_gaps(length_s, level_db, count):
    sound = pink_noise(18)
    pause = slice(5 * RATE, round((5 + length_s) * RATE))
    sound[pause] *= np.float32(10 ** ((level_db + 20) / 20))
    assert len(gaps_in(sound, lay_out([10, 10], [2]))) == count


def test_silence_before_the_first_sound_and_after_the_last_is_no_gap():
    sound = np.concatenate([silence(2), pink_noise(14), silence(2)])
    assert gaps_in(sound, lay_out([10, 10], [2])) == ()
    assert gaps_in(silence(18), lay_out([10, 10], [2])) == ()


def test_a_planned_gap_is_none_and_what_exceeds_it_is_one():
    timeline = lay_out([8, 8], [-2])
    planned = np.concatenate([pink_noise(8), silence(2), pink_noise(8, seed=1)])
    assert gaps_in(planned, timeline) == ()
    planned[round(6.8 * RATE) : 8 * RATE] = 0
    (gap,) = gaps_in(planned, timeline)
    assert gap.start_s == pytest.approx(6.8, abs=0.11)
    assert gap.length_s == pytest.approx(1.2, abs=0.11)
    assert not gap.at_join  # the song itself ends in silence


@pytest.mark.parametrize(("depth_db", "count"), [(-20, 0), (-60, 1)])
def test_a_planned_fade_is_no_gap_and_a_hole_in_it_is_one(depth_db, count):
    timeline = lay_out([30], [])
    fades, _ = plan_fades(timeline.frames, RATE, fade_in_s=0.0, fade_out_s=10.0)
    timeline = replace(timeline, fades=fades)
    sound = pink_noise(30)
    sound[26 * RATE : 27 * RATE] *= np.float32(10 ** (depth_db / 20))  # faded by 18 to 27 dB there
    sound[-5:] = 0.5
    (faded,) = fade_blocks([sound], timeline.fades)
    faded[-RATE // 10 :] = 0.1  # so that the fade's end is not the end of the sound
    assert len(gaps_in(faded, replace(timeline, fades=()))) >= 1
    assert len(gaps_in(faded, timeline)) == count


@pytest.mark.parametrize("late", [0, 1, 1105, -7, 2257])
def test_a_lag_is_found_to_the_sample(late, rng):
    opening = pink_noise(1.5)[RATE // 4 : RATE]
    padded = np.concatenate([np.zeros((max(0, late), 2), np.float32), opening[max(0, -late) :], silence(0.1)])
    noisy = padded + rng.standard_normal(padded.shape) * 0.001
    assert measure_lag(noisy.astype(np.float32), opening, RATE) == late


def test_a_lag_of_bass_is_found_to_the_sample(rng):
    bass = sine(55, 1.0) * np.linspace(0, 1, RATE, dtype=np.float32)[:, None]
    late = np.concatenate([silence(1 / RATE), bass]) + rng.standard_normal((RATE + 1, 2)) * 1e-4
    assert measure_lag(bass, bass, RATE) == 0
    assert measure_lag(late.astype(np.float32), bass, RATE) == 1


def test_silence_has_no_lag():
    assert measure_lag(silence(1), silence(1), RATE) is None
    assert measure_lag(silence(1), silence(0), RATE) is None
