"""Joins against plain numpy and against pydub on whole songs."""

import numpy as np
import pytest
from pydub import AudioSegment
from pydub.scipy_effects import low_pass_filter
from scipy.signal import butter, sosfiltfilt

from mixes.engine.mixing.curves import Fades, equal_power, linear, positions
from mixes.engine.mixing.transitions import (
    BASS_PIECE_S,
    STYLES,
    Window,
    declick,
    from_segment,
    low_band,
    to_segment,
)

RATE = 44_100


def noise(seconds, seed, level=0.1):
    samples = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2)) * level
    return samples.astype(np.float32)


def window(outgoing, incoming, **options):
    return Window(outgoing, incoming, noise(0.2, 9), RATE, **options)


def energy_db(samples):
    """Energy of each 400 ms, in dB."""
    step = round(0.4 * RATE)
    count = len(samples) // step
    return 10 * np.log10((samples[: count * step].reshape(count, -1).astype(float) ** 2).sum(axis=1))


def expected_db(a, b, falling, rising):
    return energy_db(np.hstack([a * falling[:, None], b * rising[:, None]]))


def test_equal_power_gains_square_to_one():
    falling, rising = equal_power(positions(1001))
    assert np.allclose(falling**2 + rising**2, 1.0)
    assert falling[0] > 0.999 and rising[-1] > 0.999


def test_linear_gains_add_to_one():
    falling, rising = linear(positions(1001))
    assert np.allclose(falling + rising, 1.0)


@pytest.mark.parametrize("out_share", [1.0, 0.5, 0.1, 0.0])
@pytest.mark.parametrize("in_share", [1.0, 0.25, 0.0])
def test_smooth_keeps_the_energy_law_for_different_sounds(out_share, in_share):
    a, b = noise(8, 1), noise(8, 2, level=0.05)
    left, gone = 1 - positions(len(a)), positions(len(a))
    falling = np.sin(np.pi / 2 * np.minimum(1, left / out_share)) if out_share else np.ones(len(a))
    rising = np.sin(np.pi / 2 * np.minimum(1, gone / in_share)) if in_share else np.ones(len(a))
    mixed = STYLES["smooth"].mix(window(a, b, fades=Fades(out_share, in_share)))
    wanted = expected_db(a, b, falling, rising)
    assert np.abs(energy_db(mixed) - wanted).max() < 0.15


def test_smooth_does_not_swell_where_both_sounds_are_the_same():
    a = noise(8, 1)
    mixed = STYLES["smooth"].mix(window(a, a.copy()))
    assert np.abs(energy_db(mixed) - energy_db(a)).max() < 0.3


def test_smooth_lifts_sounds_that_cancel_by_three_decibels_at_most():
    a = noise(8, 1)
    b = -0.5 * a + 0.5 * noise(8, 2)
    falling, rising = equal_power(positions(len(a)))
    plain = a * falling[:, None] + b * rising[:, None]
    lifted = energy_db(STYLES["smooth"].mix(window(a, b))) - energy_db(plain)
    assert lifted.max() > 1.0
    assert lifted.max() < 3.05


def test_softening_takes_the_treble_out_of_the_middle_and_leaves_the_ends_alone():
    a, b = noise(4, 1), noise(4, 2)
    plain, soft = STYLES["smooth"].mix(window(a, b)), STYLES["smooth"].mix(window(a, b, soften=True))
    assert np.abs(soft - plain)[:40].max() < 1e-3
    assert np.abs(soft - plain)[-40:].max() < 1e-3
    middle = slice(len(a) // 2 - 4096, len(a) // 2 + 4096)
    treble = np.fft.rfftfreq(8192, 1 / RATE) > 12_000
    power = [np.abs(np.fft.rfft(sound[middle, 0]))[treble].mean() for sound in (plain, soft)]
    assert 20 * np.log10(power[1] / power[0]) < -15


def test_radio_lets_the_incoming_song_enter_at_full_level():
    a, b = np.zeros((4 * RATE, 2), np.float32), noise(4, 2)
    mixed = STYLES["radio"].mix(window(a, b, fades=Fades(1.0, 0.05 / 4)))
    assert np.allclose(mixed[round(0.1 * RATE) :], b[round(0.1 * RATE) :], atol=1e-6)
    assert abs(mixed[0, 0]) < 1e-4


@pytest.mark.parametrize("style", ["smooth", "radio", "cut", "classic"])
def test_a_join_begins_with_the_outgoing_and_ends_with_the_incoming_sound(style):
    frames = 441 if style == "cut" else RATE
    a, b = np.full((frames, 2), 0.5, np.float32), np.full((frames, 2), -0.25, np.float32)
    before = np.full((round(0.2 * RATE), 2), 0.5, np.float32)
    mixed = STYLES[style].mix(Window(a, b, before, RATE))
    assert mixed.shape == a.shape and mixed.dtype == np.float32
    assert abs(mixed[0, 0] - 0.5) < 0.02
    assert abs(mixed[-1, 0] + 0.25) < 0.02


def test_one_recording_in_two_parts_is_left_as_it_is():
    sound = noise(0.01, 4)
    assert np.array_equal(np.concatenate(declick(sound[:220], sound[220:])), sound)


def test_sounds_that_merely_stop_and_start_get_ramps():
    time = np.arange(220) / RATE
    outgoing = np.stack([0.5 * np.cos(2 * np.pi * 200 * time)] * 2, axis=1).astype(np.float32)
    ended, started = declick(outgoing, -outgoing)
    assert np.abs(np.diff(np.concatenate([ended, started]), axis=0)).max() < 0.03
    assert np.allclose(ended[0], outgoing[0], atol=0.01)
    assert np.allclose(started[-1], -outgoing[-1], atol=0.01)


def segment(samples):
    data = np.rint(samples.astype(float) * 2.0**31).astype("<i4").tobytes()
    return AudioSegment(data, sample_width=4, frame_rate=RATE, channels=2)


def floats(sound):
    return np.frombuffer(sound.raw_data, "<i4").reshape(-1, 2) / 2.0**31


def cross_dry_and_filtered(dry, wet):
    """Filtered sound, with 5 ms of passing from and to the dry one at its ends."""
    place = np.arange(len(dry)) + 0.5
    amount = np.clip(np.minimum(place, place[::-1]) / round(0.005 * RATE), 0, 1)[:, None]
    return dry * (1 - amount) + wet * amount


def classic_by_pydub(first, second, overlap_ms):
    """The seed's algorithm on whole songs: fade, low-pass (primed), overlay, append."""
    tail, intro = first[-overlap_ms:].fade_out(overlap_ms), second[:overlap_ms].fade_in(overlap_ms)
    before = first[-overlap_ms - 200 : -overlap_ms]
    wet_tail = low_pass_filter(before + tail, 8000, order=5)[200:]
    wet_intro = low_pass_filter(intro, 8000, order=5)
    overlaid = cross_dry_and_filtered(floats(tail), floats(wet_tail))
    overlaid = overlaid + cross_dry_and_filtered(floats(intro), floats(wet_intro))
    return np.concatenate([floats(first[:-overlap_ms]), overlaid, floats(second[overlap_ms:])])


@pytest.mark.parametrize("overlap_ms", [50, 400, 3000])
def test_classic_is_the_seed_algorithm_to_one_step_of_16_bits(overlap_ms):
    a, b = noise(4, 1), noise(4, 2)
    oracle = classic_by_pydub(segment(a), segment(b), overlap_ms)
    overlap = overlap_ms * RATE // 1000
    start = len(a) - overlap
    before = a[start - round(0.2 * RATE) : start]
    mixed = STYLES["classic"].mix(Window(a[start:], b[:overlap], before, RATE))
    ours = np.concatenate([a[:start], mixed, b[overlap:]])
    assert ours.shape == oracle.shape
    assert np.abs(ours - oracle).max() <= 1 / 32768


def test_pydub_hands_back_what_it_was_given_even_over_full_scale():
    loud = noise(0.1, 3, level=1.0)
    assert np.abs(loud).max() > 2.0
    assert np.abs(from_segment(to_segment(loud, RATE)) - loud).max() < 1e-6


@pytest.mark.parametrize("seconds", [0.07, BASS_PIECE_S, BASS_PIECE_S + 1 / RATE, 2.5 * BASS_PIECE_S])
def test_the_low_band_is_that_of_a_filter_run_in_both_directions(seconds):
    samples = noise(seconds, 4) + np.float32(0.2)
    sections = butter(2, 120, "lowpass", fs=RATE, output="sos")
    edge = round(0.05 * RATE)
    expected = sosfiltfilt(sections, samples.astype(np.float64), axis=0, padlen=edge)
    np.testing.assert_allclose(low_band(samples, RATE), expected, atol=1e-6)


def test_the_bass_changes_hands_and_the_rest_stays():
    seconds = np.arange(8 * RATE) / RATE
    low_a, low_b = (0.2 * np.sin(2 * np.pi * hz * seconds) for hz in (50, 70))
    high_a, high_b = (0.05 * np.sin(2 * np.pi * hz * seconds) for hz in (900, 1300))
    a, b = (np.stack([s, s], axis=1).astype(np.float32) for s in (low_a + high_a, low_b + high_b))
    whole = Fades(0.0, 0.0)  # both songs at full level, so that only the swap changes anything
    mixed = STYLES["smooth"].mix(Window(a, b, noise(0.2, 9), RATE, fades=whole, bass_swap_s=4.0))

    def level(hz, start_s, end_s):
        part = mixed[round(start_s * RATE) : round(end_s * RATE), 0].astype(float)
        wave = np.exp(-2j * np.pi * hz * np.arange(len(part)) / RATE)
        return 2 * abs(np.mean(part * wave))

    assert level(50, 0.5, 3.4) == pytest.approx(0.2, rel=0.08)
    assert level(70, 0.5, 3.4) < 0.03
    assert level(50, 4.6, 7.5) < 0.03
    assert level(70, 4.6, 7.5) == pytest.approx(0.2, rel=0.08)
    for hz in (900, 1300):
        assert level(hz, 0.5, 7.5) == pytest.approx(0.05, rel=0.1)
