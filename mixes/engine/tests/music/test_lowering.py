"""Tests of the way to 16 kHz: level, length and place stay, block by block and at any rate."""

import numpy as np
import pytest

from mixes.engine.music.lowering import RATE, Lowering


def lowered(sound, rate, block):
    lowering = Lowering(rate)
    stereo = np.repeat(sound.astype(np.float32)[:, None], 2, axis=1)
    parts = [lowering.push(stereo[start : start + block]) for start in range(0, len(stereo), block)]
    return np.concatenate([*parts, lowering.finish()])


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_keeps_level_length_and_phase(rate):
    seconds = 9.7
    times = np.arange(round(seconds * rate)) / rate
    out = lowered(np.sin(2 * np.pi * 997 * times), rate, 4_096)
    assert len(out) == pytest.approx(seconds * RATE, abs=1)
    expected = np.sin(2 * np.pi * 997 * np.arange(len(out)) / RATE)
    middle = slice(RATE, -RATE)
    assert np.abs(out - expected)[middle].max() < 0.01


def test_blocks_of_any_size_give_the_same():
    sound = 0.1 * np.random.default_rng(3).standard_normal(44_100 * 11)
    np.testing.assert_array_equal(lowered(sound, 44_100, 777), lowered(sound, 44_100, 16_384))


def test_nothing_above_half_the_rate_folds_down():
    times = np.arange(44_100 * 6) / 44_100
    assert np.abs(lowered(np.sin(2 * np.pi * 12_000 * times), 44_100, 16_384)[RATE:-RATE]).max() < 1e-3


def test_no_sound_gives_none():
    assert len(Lowering(44_100).finish()) == 0
