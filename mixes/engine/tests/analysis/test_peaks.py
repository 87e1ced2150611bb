"""Tests of the waveform outline: bounded, exact, and the same for any block sizes."""

import numpy as np
import pytest

from mixes.engine.analysis.peaks import MAX_POINTS, PeakCollector, pack_pairs, unpack_pairs
from mixes.engine.tests.signals import RATE, pink_noise, silence, sine


def collect(sound, block=RATE):
    collector = PeakCollector()
    for start in range(0, len(sound), block):
        collector.push(sound[start : start + block])
    return collector


def test_each_pair_is_the_lowest_and_highest_sample_of_its_frames():
    sound = pink_noise(12.0, level_db=-12.0)
    collector = collect(sound)
    size = collector.frames_per_point
    pairs = collector.pairs()
    assert len(pairs) == -(-len(sound) // size)
    for index in (0, 17, len(pairs) - 1):
        part = sound[index * size : (index + 1) * size]
        expected = np.clip(np.rint(np.array([part.min(), part.max()]) * 127), -127, 127)
        assert pairs[index] == tuple(expected)


@pytest.mark.parametrize("frames", [0, 1, 64, 255_999, 256_000, 256_001, 600_000, 3_000_000])
def test_there_are_never_more_than_max_points(frames):
    collector = collect(np.zeros((frames, 2), dtype=np.float32))
    pairs = collector.pairs()
    assert len(pairs) == -(-frames // collector.frames_per_point) <= MAX_POINTS
    assert frames < 256_000 or len(pairs) >= MAX_POINTS // 2


@pytest.mark.parametrize("block", [1_000, 64, 300_000, 77_777])
def test_outline_is_the_same_for_any_blocks(block):
    sound = pink_noise(15.0, level_db=-12.0)
    assert collect(sound, block).pairs() == collect(sound).pairs()


def test_both_sides_are_in_the_outline():
    sound = silence(0.1)
    sound[:, 0], sound[:, 1] = 0.5, -0.25
    assert set(collect(sound).pairs()) == {(-32, 64)}


def test_louder_than_full_scale_is_drawn_at_full_scale():
    pairs = collect(sine(440, 1.0, level_db=6.0)).pairs()
    assert {min(low for low, _ in pairs), max(high for _, high in pairs)} == {-127, 127}


def test_reading_the_outline_early_does_not_change_it():
    sound = pink_noise(2.0)
    collector = PeakCollector()
    for start in range(0, len(sound), 10_007):
        collector.push(sound[start : start + 10_007])
        collector.pairs()
    assert collector.pairs() == collect(sound).pairs()
    assert all(type(value) is int for pair in collector.pairs() for value in pair)


def test_pairs_survive_a_text_round_trip_and_are_shared():
    every = tuple((low, high) for low in range(-127, 128) for high in range(-127, 128))
    assert unpack_pairs(pack_pairs(every)) == every
    assert unpack_pairs(pack_pairs(())) == ()
    first, second = (unpack_pairs(pack_pairs(((-90, 80),))) for _ in range(2))
    assert first[0] is second[0]
    for damage in ("0", "00", "xy", None, [[1, 2]]):
        with pytest.raises((ValueError, TypeError)):
            unpack_pairs(damage)
