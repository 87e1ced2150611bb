"""Tests of the detailed outline: 10 ms a point, exact, and the same for any block sizes and rates."""

import numpy as np
import pytest

from mixes.engine.analysis.detail import DetailCollector
from mixes.engine.tests.signals import RATE, pink_noise, silence, sine


def collect(sound, rate=RATE, block=16_384):
    collector = DetailCollector(rate)
    for start in range(0, len(sound), block):
        collector.push(sound[start : start + block])
    return np.frombuffer(collector.to_bytes(), dtype=np.int8).reshape(-1, 2)


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050, 11_025, 8_000])
def test_each_pair_is_the_lowest_and_highest_sample_of_its_10_ms(rate):
    sound = pink_noise(2.0, level_db=-12.0)
    points = collect(sound, rate)
    assert len(points) == -(-len(sound) * 100 // rate)
    for index in (0, 1, 57, len(points) - 1):
        part = sound[index * rate // 100 : (index + 1) * rate // 100]
        expected = np.clip(np.rint(np.array([part.min(), part.max()]) * 127), -127, 127)
        assert points[index].tolist() == expected.tolist()


@pytest.mark.parametrize("block", [1, 440, 441, 442, 50_000])
def test_detail_is_the_same_for_any_blocks(block):
    sound = pink_noise(0.5, level_db=-12.0)
    assert collect(sound, 22_050, block).tolist() == collect(sound, 22_050).tolist()


def test_a_minute_is_12_kb():
    assert len(collect(silence(60.0)).tobytes()) == 12_000


def test_louder_than_full_scale_is_at_full_scale_and_nothing_is_empty():
    assert set(collect(sine(440, 1.0, level_db=6.0)).reshape(-1).tolist()) == {-127, 127}
    assert len(collect(silence(0.0))) == 0
