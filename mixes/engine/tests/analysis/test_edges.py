"""What the two ends of a track are: sound, silence, or noise that is not part of the song."""

import numpy as np
import pytest

from mixes.engine.analysis.track import TrackMeter
from mixes.engine.tests.signals import RATE, fade, pink_noise, silence, sine

SONG_S = 12.0


def song(seconds=SONG_S, level_db=-14.0, rate=RATE):
    """Chords that swell: a sound with a spectrum like music's."""
    parts = [sine(hz, seconds, rate, level_db=level_db - 6) for hz in (220.0, 277.18, 329.63, 660.0)]
    beat = 0.7 + 0.3 * np.sin(4 * np.pi * np.arange(len(parts[0])) / rate)
    return (sum(parts) * beat[:, None]).astype(np.float32)


def hiss(frames, level_db):
    noise = np.random.default_rng(3).standard_normal((frames, 2))
    return (10 ** (level_db / 20) * noise).astype(np.float32)


def hum(frames, level_db, mains_hz=50.0):
    time_s = np.arange(frames) / RATE
    wave = sum(np.sin(2 * np.pi * mains_hz * k * time_s) / k for k in (1, 2, 3, 5))
    return (10 ** (level_db / 20) * np.repeat(wave[:, None], 2, axis=1)).astype(np.float32)


def measure(sound, rate=RATE):
    meter = TrackMeter(rate)
    for start in range(0, len(sound), 16_384):
        meter.push(np.ascontiguousarray(sound[start : start + 16_384]))
    return meter


BETWEEN = np.concatenate([silence(2), song(), silence(3)])
NOISES = {
    "hiss -40": lambda n: hiss(n, -40),
    "hiss -48": lambda n: hiss(n, -48),
    "hiss -56": lambda n: hiss(n, -56),
    "pink noise": lambda n: pink_noise(n / RATE, level_db=-45.0),
    "hum of 50 Hz": lambda n: hum(n, -45),
    "hum of 60 Hz and hiss": lambda n: hum(n, -50, 60.0) + hiss(n, -62),
}


@pytest.mark.parametrize("name", NOISES)
def test_noise_in_front_and_behind_is_left_out_and_is_no_sound(name):
    meter = measure(BETWEEN + NOISES[name](len(BETWEEN)))
    cues, edges = meter.find_cues(), meter.find_edges()
    assert cues.cue_in / RATE == pytest.approx(2.0, abs=0.25) and cues.cue_in <= 2 * RATE
    assert cues.cue_out / RATE == pytest.approx(14.0, abs=0.25) and cues.cue_out >= 14 * RATE
    assert abs(edges.start_above_floor_db) < 1 and abs(edges.end_above_floor_db) < 1


@pytest.mark.parametrize("offset", [0.0, 0.001, 0.01, 0.05])
def test_silence_is_no_sound_whatever_its_offset(offset):
    meter = measure(BETWEEN + np.float32(offset))
    edges = meter.find_edges()
    assert edges.start_above_floor_db < 0 and edges.end_above_floor_db < 0
    assert meter.find_cues().cue_out / RATE == pytest.approx(14.0, abs=0.45)


@pytest.mark.parametrize("noise_db", [None, -60.0])
def test_song_to_its_last_sample_sounds_at_both_ends(noise_db):
    sound = song() if noise_db is None else song() + hiss(round(SONG_S * RATE), noise_db)
    edges = measure(sound).find_edges()
    assert edges.start_above_floor_db > 20 and edges.end_above_floor_db > 20
    assert (edges.noise_until, edges.noise_from) == (0, len(sound))


def test_fade_into_hiss_ends_where_only_hiss_is_left():
    sound = np.concatenate([song(10), fade(song(4), 0, -60), silence(3)])
    cues = measure(sound + hiss(len(sound), -54)).find_cues()
    assert 12.5 < cues.cue_out / RATE < 14.2


@pytest.mark.parametrize("level_db", [-25.0, -33.0])
def test_quiet_music_is_not_taken_for_noise(level_db):
    coda = song(8) * np.float32(10 ** (level_db / 20))
    sound = np.concatenate([song(), coda]) + hiss(20 * RATE, -66)
    assert measure(sound).find_cues().cue_out == len(sound)


def test_rustle_that_comes_and_goes_is_not_taken_for_a_noise_floor():
    words = hiss(8 * RATE, -36) * (np.sin(np.arange(8 * RATE) * 8 / RATE) > 0)[:, None]
    sound = np.concatenate([song(), words]).astype(np.float32)
    assert measure(sound).find_cues().cue_out > 19 * RATE


def test_rain_that_lasts_stays_in_the_song():
    sound = np.concatenate([song(), hiss(20 * RATE, -42)])
    assert measure(sound).find_cues().cue_out == len(sound)


@pytest.mark.parametrize("rate", [8_000, 11_025, 48_000, 96_000])
def test_noise_is_found_at_every_rate(rate):
    sound = np.concatenate([song(rate=rate), silence(3, rate)])
    cues = measure(sound + hiss(len(sound), -50), rate).find_cues()
    assert cues.cue_out / rate == pytest.approx(SONG_S, abs=0.3)


@pytest.mark.parametrize(
    ("hz", "lowest_db", "highest_db"), [(55.0, -1.5, 0.0), (100.0, -3.0, 0.0), (440.0, -90.0, -40.0)]
)
@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_bass_is_measured_at_both_ends_of_the_body(hz, rate, lowest_db, highest_db):
    first, last = measure(sine(hz, 6, rate), rate).bass.edges_db(0, 6 * rate)
    assert lowest_db <= first <= highest_db and lowest_db <= last <= highest_db


def test_bass_that_comes_in_late_is_only_at_the_end():
    sound = np.concatenate([sine(880, 30), sine(60, 30)])
    first, last = measure(sound).bass.edges_db(0, len(sound))
    assert first < -40 and last > -1.5


def test_bass_of_less_than_a_second_is_unknown():
    assert measure(sine(60, 0.6)).bass.edges_db(0, RATE // 2) == (None, None)
