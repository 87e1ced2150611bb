"""The limiter: under the ceiling, without a trace where nothing is too loud, and the same for any blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.mixing.limiter import Limiter, smooth_gain
from mixes.engine.tests.signals import RATE, click_train, pink_noise, silence, sine

CEILING_DB = -1.5
HOT = pink_noise(3.0, level_db=-9.0, seed=1) + click_train(97, 3.0, level_db=-2.0)  # peaks up to +5 dBFS


def limit(sound, blocks=(RATE,), rate=RATE, ceiling=CEILING_DB):
    """The limited sound and its limiter; `blocks` are the sizes fed, the last one again and again."""
    limiter, at, parts = Limiter(rate, ceiling), 0, []
    sizes = iter(blocks)
    size = next(sizes)
    while at < len(sound):
        parts.append(limiter.process(sound[at : at + size]))
        at, size = at + size, next(sizes, size)
    parts.append(limiter.flush())
    return np.concatenate(parts), limiter


def true_peak_db(sound, rate=RATE):
    meter = LoudnessMeter(rate)
    meter.push(sound)
    return meter.true_peak_dbtp


@pytest.mark.parametrize("ceiling", [-1.5, -6.0])
def test_true_peak_stays_under_the_ceiling(ceiling):
    assert true_peak_db(HOT) > ceiling + 3.0
    assert true_peak_db(limit(HOT, ceiling=ceiling)[0]) <= ceiling + 0.05


def test_true_peaks_between_quiet_samples_are_held_too():
    # A quarter of the rate at 45 degrees: samples at -2.5 dBFS of a wave at +0.5 dBFS
    place = np.arange(RATE)
    wave = 1.06 * np.sin(np.pi / 2 * place + np.pi / 4) * np.hanning(RATE)
    sound = np.repeat(wave[:, None], 2, axis=1).astype(np.float32)
    assert np.abs(sound).max() < 10 ** (CEILING_DB / 20)
    limited, limiter = limit(sound)
    assert limiter.max_reduction_db == pytest.approx(2.0, abs=0.15)
    assert true_peak_db(limited) <= CEILING_DB + 0.05


def test_sound_under_the_ceiling_passes_bit_for_bit():
    sound = pink_noise(2.0, level_db=-22.0)
    limited, limiter = limit(sound)
    assert np.array_equal(limited, sound)
    assert limiter.max_reduction_db == 0.0


def test_frames_far_from_any_peak_are_untouched():
    sound = sine(200, 1.0, level_db=-12.0)
    sound[20_000] = 1.5
    limited, _ = limit(sound)
    reach = round(0.02 * RATE)
    assert np.array_equal(limited[: 20_000 - reach], sound[: 20_000 - reach])
    assert np.array_equal(limited[20_000 + reach :], sound[20_000 + reach :])


@pytest.mark.parametrize("blocks", [(1_000,), (1, 7, 265, 40_000, 3_001), (16_384,), (10 * RATE,)])
def test_result_is_the_same_to_the_bit_for_any_blocks(blocks):
    reference, limiter = limit(HOT)
    limited, other = limit(HOT, blocks)
    assert np.array_equal(limited, reference)
    assert other.max_reduction_db == limiter.max_reduction_db > 3.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6), st.integers(0, 40_000))
def test_as_many_frames_come_out_as_went_in(blocks, frames):
    sound = HOT[:frames]
    assert limit(sound, blocks)[0].shape == sound.shape


def test_sound_shorter_than_the_delay_is_limited_too():
    sound = np.full((5, 2), 2.0, dtype=np.float32)
    limited, _ = limit(sound)
    assert limited.shape == (5, 2)
    assert true_peak_db(limited) <= CEILING_DB + 0.05


def test_loud_first_and_last_frames_are_limited_without_a_step():
    sound = sine(50, 1.0, level_db=3.0)
    sound = np.roll(sound, RATE // 200, axis=0)  # begins and ends on a crest
    limited, _ = limit(sound)
    gain = limited[np.abs(sound[:, 0]) > 0.1, 0] / sound[np.abs(sound[:, 0]) > 0.1, 0]
    assert true_peak_db(limited) <= CEILING_DB + 0.05
    assert gain[0] < 0.65 and gain[-1] < 0.65, "the gain is down when the sound begins, and until it ends"


def test_gain_moves_too_slowly_to_click():
    sound = sine(1000, 1.0, level_db=-12.0) + 2.0 * click_train(60, 1.0, level_db=0.0)
    limited, limiter = limit(sound)
    gain = limited[:, 0] / np.where(np.abs(sound[:, 0]) > 0.01, sound[:, 0], np.nan)
    steps_db = np.abs(np.diff(20 * np.log10(gain)))
    assert limiter.max_reduction_db > 6.0
    assert np.nanmax(steps_db) < 0.15


def test_both_sides_share_the_gain():
    left = sine(300, 0.5, level_db=6.0)[:, 0]
    limited, _ = limit(np.column_stack([left, left * np.float32(0.25)]))
    np.testing.assert_allclose(limited[:, 1], limited[:, 0] * 0.25, rtol=1e-6)


def test_blocks_are_left_untouched():
    sound = HOT[:RATE].copy()
    sound.setflags(write=False)
    assert true_peak_db(limit(sound)[0]) <= CEILING_DB + 0.05


@pytest.mark.parametrize("rate", [8_000, 48_000, 192_000])
def test_ceiling_holds_at_other_rates(rate):
    limited, _ = limit(pink_noise(1.0, rate, level_db=-8.0), rate=rate)
    assert true_peak_db(limited, rate) <= CEILING_DB + 0.05


def test_silence_stays_silence():
    assert not limit(silence(1.0))[0].any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0625, 1.0, width=32), min_size=81, max_size=300), st.integers(1, 20))
def test_smoothed_gain_is_never_above_the_wanted_one(wanted, reach):
    wanted = np.array(wanted, dtype=np.float32)
    gain = smooth_gain(wanted, reach)
    assert len(gain) == len(wanted) - 4 * reach
    assert (gain <= wanted[2 * reach : -2 * reach] * np.float32(1 + 1e-6)).all()
    assert gain.min() >= wanted.min() - 1e-6
