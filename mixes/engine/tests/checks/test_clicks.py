"""Clicks of a known size are found at their frame, and music without one is left alone."""

import numpy as np
import pytest

from mixes.engine.checks.clicks import ClickFinder, change_instants, find_click, second_difference
from mixes.engine.synth.songs import DEMO_SONGS, render_song
from mixes.engine.tests.signals import RATE, pink_noise, silence, sine
from mixes.engine.timeline import Clip, Timeline, Transition

HALF = RATE // 2


@pytest.fixture(scope="module")
def song():
    """A song with bass, bells and drums, 16-bit like most."""
    return np.round(render_song(DEMO_SONGS[0]) * 32767).astype(np.float32) / 32768


def usual_bend(window):
    """The 99.9 percentile of the second difference, a value per side."""
    return np.array([np.percentile(second_difference(side.astype(float)), 99.9) for side in window.T])


def spike(frames, at, bend):
    """One sample whose second difference is `bend`."""
    sound = np.zeros((frames, 2))
    sound[at] = bend / 2
    return sound


def step(frames, at, bend):
    """A jump that dies away over 20 ms; its second difference is `bend`."""
    sound = np.zeros((frames, 2))
    sound[at:] = bend * np.exp(-np.arange(frames - at) / (0.02 * RATE))[:, None]
    return sound


def places(rng, sound, count):
    """Windows of one second around random frames where there is sound."""
    for centre in rng.integers(HALF, len(sound) - HALF, count):
        window = sound[centre - HALF : centre + HALF]
        if usual_bend(window).max() > 1e-4:
            yield window


@pytest.mark.parametrize("shape", [spike, step])
@pytest.mark.parametrize("sides", [(1, 1), (1, 0), (0, -1)], ids=["both sides", "left", "right, downwards"])
def test_every_click_of_6_db_is_found_at_its_place(shape, sides, song, rng):
    found = total = 0
    for window in places(rng, song, 60):
        at = HALF + int(rng.integers(-60, 61))
        click = shape(len(window), at, 2 * usual_bend(window)) * sides
        heard = find_click((window + click).astype(np.float32), HALF, RATE)
        total += 1
        found += heard is not None and abs(heard.frame - at) < 0.001 * RATE
    assert total > 50
    assert found == total


@pytest.mark.parametrize("shape", [spike, step])
def test_a_click_of_12_db_is_found_even_in_noise(shape, rng):
    for window in places(rng, pink_noise(20), 40):
        loud = window + shape(len(window), HALF, 4 * usual_bend(window))
        assert find_click(loud.astype(np.float32), HALF, RATE) is not None


def test_music_without_clicks_is_left_alone(song, rng):
    windows = [*places(rng, song, 300), *places(rng, pink_noise(10), 100)]
    assert len(windows) > 350
    assert [find_click(window, HALF, RATE) for window in windows] == [None] * len(windows)


@pytest.mark.parametrize("decay_s", [0.01, 0.03, 0.1])
def test_a_drum_that_starts_at_the_instant_is_no_click(decay_s, song, rng):
    for window in places(rng, song, 20):
        hit = rng.standard_normal((HALF, 2)) * np.exp(-np.arange(HALF) / (decay_s * RATE))[:, None]
        loud = window.copy()
        loud[HALF:] += (hit * usual_bend(window) * 3).astype(np.float32)
        assert find_click(loud, HALF, RATE) is None


def test_the_size_is_told_in_decibels_over_the_music(song):
    window = song[20 * RATE : 21 * RATE]
    loud = window + spike(len(window), HALF, usual_bend(window) * 10)
    assert find_click(loud.astype(np.float32), HALF, RATE).over_db == pytest.approx(20, abs=1)


def test_what_16_bits_cannot_hold_is_no_click():
    quiet = pink_noise(1.0, level_db=-130)
    assert find_click(quiet + spike(RATE, HALF, 5e-5).astype(np.float32), HALF, RATE) is None
    assert find_click(quiet + spike(RATE, HALF, 5e-4).astype(np.float32), HALF, RATE) is not None


def test_a_click_in_digital_silence_is_found():
    window = silence(1.0)
    assert find_click(window, HALF, RATE) is None
    window[HALF + 3] = 0.1
    assert find_click(window, HALF, RATE).frame in (HALF + 2, HALF + 3, HALF + 4)


def test_a_click_away_from_the_instant_is_not_looked_for(song):
    window = song[20 * RATE : 21 * RATE]
    loud = window + spike(len(window), HALF + round(0.003 * RATE), usual_bend(window) * 10)
    assert find_click(loud.astype(np.float32), HALF, RATE) is None


def test_the_instants_are_where_gain_laws_begin_and_end():
    clips = (
        Clip("A", "", 100, 1000, 0, 0.0, ramp_in=20, ramp_out=30),
        Clip("B", "", 0, 1000, 900, 0.0),
        Clip("C", "", 50, 1000, 2100, 0.0, ramp_in=20, ramp_out=20),
    )
    timeline = Timeline(RATE, clips, (Transition("smooth", 100, ""), Transition("gap", -200, "")))
    assert change_instants(timeline) == (20, 900, 970, 1000, 1900, 2100, 2120, 3080)


@pytest.mark.parametrize("block", [997, 2 * RATE, 100 * RATE])
def test_blocks_of_any_size_give_the_same_clicks(block, song):
    sound = song[: 20 * RATE].copy()
    instants = (300, 5 * RATE, 5 * RATE + 100, 5 * RATE + 220, 12 * RATE, 15 * RATE, len(sound) - 200)
    clicked = (302, 5 * RATE + 60, 12 * RATE, len(sound) - 190)
    for frame in clicked:
        sound[frame] += 0.5
    finder = ClickFinder(instants, RATE)
    for start in range(0, len(sound), block):
        finder.push(sound[start : start + block])
    finder.finish()
    assert len(finder.clicks) == len(clicked)
    assert all(abs(click.frame - frame) <= 1 for click, frame in zip(finder.clicks, clicked, strict=True))


@pytest.mark.parametrize("centre", [1, 40, 300, RATE - 300, RATE - 40, RATE - 2])
def test_a_click_at_the_very_edge_of_a_mix_is_found(centre, song):
    window = song[20 * RATE : 21 * RATE].copy()
    assert find_click(window, centre, RATE) is None
    window[centre] += 0.5
    assert abs(find_click(window, centre, RATE).frame - centre) <= 1


def test_an_instant_after_the_end_of_a_short_file_is_passed_over():
    finder = ClickFinder((HALF, 5 * RATE), RATE)
    finder.push(sine(440, 1.0))
    finder.finish()
    assert finder.clicks == ()
