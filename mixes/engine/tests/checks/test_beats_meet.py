"""Beats found again in a mix: those that meet, those half a beat off, and sounds without a clear beat."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.checks.beats_meet import BeatListener
from mixes.engine.checks.judge import judge
from mixes.engine.checks.mix_meter import MixMeter
from mixes.engine.synth import drums
from mixes.engine.tests.club.music import make_song
from mixes.engine.tests.signals import RATE, pink_noise
from mixes.engine.timeline import Clip, Timeline, Transition

TEMPO, SECONDS, OVERLAP_S = 120, 40, 16


def beat(seconds, first_s=0.0):
    """Return kicks on the beat and hats between."""
    sound = np.zeros(round(seconds * RATE) + RATE, np.float32)
    for at_s in np.arange(first_s, seconds, 60 / TEMPO):
        for start_s, hit in ((at_s, 0.5 * drums.kick(RATE)), (at_s + 30 / TEMPO, 0.2 * drums.hat(RATE))):
            start = round(start_s * RATE)
            sound[start : start + len(hit)] += hit[: len(sound) - start]
    return np.repeat(sound[: round(seconds * RATE), None], 2, axis=1)


def mixed(a, b):
    """Cross two sounds of SECONDS over OVERLAP_S, and return the mix with its timeline."""
    overlap, length = OVERLAP_S * RATE, SECONDS * RATE
    fade = np.linspace(0, np.pi / 2, overlap)[:, None]
    middle = a[-overlap:] * np.cos(fade) + b[:overlap] * np.sin(fade)
    sound = np.concatenate((a[:-overlap], middle, b[overlap:])).astype(np.float32)
    clips = Clip("A", "", 0, length, 0, 0.0), Clip("B", "", 0, length, length - overlap, 0.0)
    join = Transition("club", overlap, "", fade_out_s=OVERLAP_S, fade_in_s=OVERLAP_S, bars=8)
    return sound, Timeline(RATE, clips, (join,))


SONGS = [make_song(name, TEMPO, seconds=SECONDS) for name in "AB"]


def listen(sound, timeline):
    listener = BeatListener(timeline, SONGS)
    for start in range(0, len(sound), 10_007):
        listener.push(sound[start : start + 10_007])
    (found,) = listener.finish()
    return found


def test_beats_that_meet_are_found_together():
    found = listen(*mixed(beat(SECONDS), beat(SECONDS)))
    assert found.apart_s is not None and found.apart_s < 0.02
    assert not found.is_faulted


@pytest.mark.parametrize("late_s", [0.06, -0.1, 0.25])
def test_beats_that_do_not_meet_are_named_also_half_a_beat_off(late_s):
    found = listen(*mixed(beat(SECONDS), beat(SECONDS, first_s=late_s % 0.5)))
    assert found.apart_s == pytest.approx(abs(late_s), abs=0.012)
    assert found.is_faulted


def test_a_loud_bass_between_the_beats_is_not_taken_for_them():
    between = np.roll(beat(SECONDS), RATE * 15 // TEMPO, axis=0)
    found = listen(*mixed(beat(SECONDS) + 1.2 * between, beat(SECONDS)))
    assert found.apart_s is not None and found.apart_s < 0.02


def test_nothing_is_said_of_a_song_without_a_clear_beat():
    assert listen(*mixed(beat(SECONDS), pink_noise(SECONDS))).apart_s is None


@pytest.mark.parametrize(
    ("late_s", "verdict", "words"), [(0.0, "ok", "meet at 1 join"), (0.2, "note", "200 ms")]
)
def test_the_check_sheet_says_it(late_s, verdict, words):
    sound, timeline = mixed(beat(SECONDS), beat(SECONDS, first_s=late_s))
    meter = MixMeter(timeline, SONGS)
    meter.push(sound)
    measured = meter.finish(decode_errors=0, codec="mp3")
    (item,) = [item for item in judge(measured, None, explained=False) if item.name == "beats"]
    near = 1000 * (measured.beats[0].apart_s or 0)
    assert item.verdict == verdict
    assert words in item.sentence or f"{near:.0f} ms" in item.sentence
    smooth = replace(timeline, transitions=(replace(timeline.transitions[0], style="smooth"),))
    meter = MixMeter(smooth, SONGS)
    meter.push(sound)
    items = judge(meter.finish(decode_errors=0, codec="mp3"), None, explained=False)
    assert not [item for item in items if item.name == "beats"]
