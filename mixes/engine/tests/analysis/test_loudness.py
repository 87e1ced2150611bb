"""Tests of the loudness meter against EBU's test cases, known sines, and ffmpeg's meter."""

import re
import subprocess

import numpy as np
import pytest

from mixes.engine.analysis.loudness import (
    LoudnessMeter,
    gate_integrated,
    gate_range,
    k_weighting,
    lufs_to_power,
    power_to_lufs,
)
from mixes.engine.analysis.true_peak import CHUNK_FRAMES, CONTEXT_AFTER, CONTEXT_BEFORE, peaks_above
from mixes.engine.tests.signals import RATE, click_train, fade, pink_noise, silence, sine


def measure(sound, rate=RATE, block=RATE):
    meter = LoudnessMeter(rate)
    for start in range(0, len(sound), block):
        meter.push(sound[start : start + block])
    return meter


def tones(*parts, rate=RATE):
    """Return a 1 kHz sine on both channels: consecutive (dBFS, seconds) parts with continuous phase."""
    sound = sine(1000, sum(seconds for _, seconds in parts), rate, level_db=0.0)
    gains = np.repeat([10 ** (db / 20) for db, _ in parts], [round(s * rate) for _, s in parts])
    return sound * gains[:, None].astype(np.float32)


def true_peak_of_sine(frequency_share, phase_degrees, amplitude):
    """Return the measured true peak of a sine of EBU Tech 3341, its frequency a share of the rate."""
    place = np.arange(RATE // 2)
    wave = amplitude * np.sin(2 * np.pi * frequency_share * place + np.radians(phase_degrees))
    wave *= np.sin(np.pi * place / len(place)) ** 0.5
    return measure(np.repeat(wave[:, None], 2, axis=1).astype(np.float32)).true_peak_dbtp


def test_k_weighting_equals_the_coefficients_of_bs_1770_at_48_khz():
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=1e-8)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 44_100, 48_000, 96_000, 768_000])
def test_sine_of_997_hz_on_both_sides_measures_its_level_at_any_rate(rate):
    # One channel at 0 dBFS is -3.01 LUFS by definition, so both channels read the peak level
    meter = measure(sine(997, 2.0, rate, level_db=-23.0), rate)
    tolerance = 0.1 if rate >= 16_000 else 0.6  # the bilinear transform bends the shelf near half the rate
    assert meter.integrated_lufs == pytest.approx(-23.0, abs=tolerance)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_integrated_loudness_of_ebu_tech_3341_cases_1_to_5(parts, expected):
    meter = measure(tones(*parts, rate=8_000), 8_000)
    reference = measure(tones((-23, 3), rate=8_000), 8_000).integrated_lufs + 23.0  # of 1 kHz at this rate
    assert meter.integrated_lufs - reference == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_loudness_range_of_ebu_tech_3342_cases(levels, expected):
    meter = measure(tones(*((db, 20) for db in levels), rate=8_000), 8_000)
    assert meter.range_lu == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(
    ("share", "phase", "amplitude", "expected"),
    [
        (1 / 4, 0, 0.5, -6.0),
        (1 / 4, 45, 0.5, -6.0),
        (1 / 6, 60, 0.5, -6.0),
        (1 / 8, 67.5, 0.5, -6.0),
        (1 / 4, 45, 1.41, 3.0),
    ],
)
def test_true_peak_of_ebu_tech_3341_cases_15_to_19(share, phase, amplitude, expected):
    assert -0.4 <= true_peak_of_sine(share, phase, amplitude) - expected <= 0.2


def music_like(seconds=25.0):
    """Return noise at two levels with clicks: it has peaks between samples and a loudness range."""
    half = pink_noise(seconds / 2, level_db=-14.0, seed=3)
    return np.concatenate([half, fade(half, -3, -15)]) + click_train(140, seconds, level_db=-3.0)


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050])
def test_meter_agrees_with_the_one_in_ffmpeg(ffmpeg, rate):
    sound = music_like()
    options = ["-hide_banner", "-nostats", "-f", "f32le", "-ar", str(rate), "-ac", "2", "-i", "pipe:0"]
    done = subprocess.run(
        [str(ffmpeg), *options, "-af", "ebur128=peak=true", "-f", "null", "-"],
        input=sound.tobytes(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    summary = done.stderr.decode().rpartition("Summary:")[2]
    integrated, range_lu, peak = (
        float(re.search(rf"{name}:\s+(\S+)", summary)[1]) for name in ("I", "LRA", "Peak")
    )
    meter = measure(sound, rate)
    assert meter.integrated_lufs == pytest.approx(integrated, abs=0.1)
    assert meter.range_lu == pytest.approx(range_lu, abs=0.3)
    assert meter.true_peak_dbtp == pytest.approx(peak, abs=0.2)


def test_curves_have_one_value_per_100_ms_of_whole_windows():
    sound = np.concatenate([silence(1.0), sine(997, 1.0, level_db=-20.0), silence(2.05)])
    curve = measure(sound).momentary_lufs
    assert len(curve) == 37
    assert np.isneginf(curve[:7]).all()
    np.testing.assert_allclose(curve[11:17], -20.0, atol=0.05)
    assert len(measure(sound).short_term_lufs) == 11


def test_windows_do_not_drift_when_a_tenth_of_the_rate_is_no_integer():
    rate = 4_009
    sound = np.concatenate([silence(120.0, rate), sine(997, 1.0, rate)])
    curve = measure(sound, rate).momentary_lufs
    assert np.flatnonzero(curve > -60)[0] == 1197


@pytest.mark.parametrize("rate", [RATE, 11_025])
@pytest.mark.parametrize("block", [1_000, 4_410, 16_384, 100_000])
def test_measures_are_the_same_for_any_size_of_blocks(rate, block):
    sound = music_like(6.0)
    whole, parts = measure(sound, rate, len(sound)), measure(sound, rate, block)
    assert np.array_equal(whole.momentary_lufs, parts.momentary_lufs)
    assert whole.true_peak_dbtp == parts.true_peak_dbtp
    assert whole.sample_peak == parts.sample_peak


def test_silence_measures_minus_infinity():
    meter = measure(silence(5.0))
    assert meter.integrated_lufs == meter.true_peak_dbtp == -np.inf
    assert meter.range_lu == 0.0
    assert np.isneginf(meter.momentary_lufs).all()


def test_no_frames_measure_minus_infinity():
    meter = LoudnessMeter(RATE)
    meter.push(silence(0))
    assert meter.integrated_lufs == meter.true_peak_dbtp == -np.inf
    assert meter.momentary_lufs.size == 0 and meter.range_lu == 0.0


def test_sound_shorter_than_a_window_cannot_be_gated_but_has_a_peak():
    meter = measure(sine(1000, 0.39, level_db=-6.0))
    assert meter.integrated_lufs == -np.inf
    assert meter.true_peak_dbtp == pytest.approx(-6.0, abs=0.1)


def test_nan_and_infinities_do_not_spread_in_the_filters():
    sound = sine(997, 3.0, level_db=-20.0)
    clean = measure(sound).integrated_lufs
    sound[1000], sound[2000], sound[3000] = np.nan, np.inf, -np.inf
    before = sound.copy()
    meter = measure(sound)
    assert meter.integrated_lufs == pytest.approx(clean, abs=0.1)
    assert np.isfinite(meter.true_peak_dbtp)
    assert np.array_equal(sound, before, equal_nan=True)


def test_filter_states_return_to_0_in_silence():
    meter = measure(np.concatenate([sine(997, 1.0), silence(30.0)]))
    assert not meter._filter_state.any(), "numbers this small make processors many times slower"


def test_true_peak_includes_the_overshoot_after_the_last_sample():
    burst = np.full((3, 2), 0.9, dtype=np.float32)  # ends at a high level: the wave overshoots after it
    as_if_silence_followed = measure(np.concatenate([burst, silence(0.1)])).true_peak_dbtp
    assert measure(burst).true_peak_dbtp == as_if_silence_followed > 20 * np.log10(0.9) + 0.5


def test_no_chunk_with_a_peak_is_skipped(rng):
    # Signs chosen to match the filters: the largest overshoot that samples of this size can have
    sound = rng.choice([-1.0, 1.0], (20 * CHUNK_FRAMES, 2)).astype(np.float32)
    sound *= rng.uniform(0.1, 1.0, 20).repeat(CHUNK_FRAMES)[:, None].astype(np.float32)
    padded = np.pad(sound, ((CONTEXT_BEFORE, CONTEXT_AFTER), (0, 0)))
    every = {start: float(peaks.max()) for start, peaks in peaks_above(padded, 0.0)}
    for floor in np.linspace(0.1, 2.2, 22):
        found = {start for start, _ in peaks_above(padded, float(floor))}
        assert {start for start, peak in every.items() if peak > floor} <= found
    assert max(every.values()) > 1.5
    assert not list(peaks_above(padded, 2.3))


@pytest.mark.parametrize("share", [0.02, 0.23, 0.38])
def test_peaks_between_samples_match_the_continuous_wave(share):
    place = np.arange(4_000)
    wave = np.sin(2 * np.pi * share * place + 0.4).astype(np.float32)
    finer = np.abs(np.sin(2 * np.pi * share * (place[:, None] + np.array([0, 0.25, 0.5, 0.75])) + 0.4))
    padded = np.repeat(wave[:, None], 2, axis=1)
    ((_, peaks),) = peaks_above(padded, 0.0)
    np.testing.assert_allclose(peaks[:, 0], finer.max(axis=1)[CONTEXT_BEFORE:-CONTEXT_AFTER], atol=0.03)


def test_power_and_lufs_are_each_others_inverse():
    lufs = np.array([-70.0, -23.0, 0.0])
    np.testing.assert_allclose(power_to_lufs(lufs_to_power(lufs)), lufs)
    assert lufs_to_power(-np.inf) == 0.0 and power_to_lufs(0.0) == -np.inf


def test_gates_exclude_windows_far_below_the_rest():
    power = lufs_to_power(np.array([-20.0] * 50 + [-45.0] * 50 + [-75.0] * 500))
    assert gate_integrated(power) == pytest.approx(-20.0)
    assert gate_integrated(np.zeros(0)) == gate_integrated(np.zeros(9)) == -np.inf
    assert gate_range(power) == pytest.approx(0.0), "-45 lies more than 20 LU below the mean of -23"
