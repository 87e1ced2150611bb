"""The streamed mix against the same mix made in one piece with plain numpy."""

import numpy as np
import pytest

from mixes.engine.errors import Cancelled, DecodeError
from mixes.engine.mixing.curves import Fades, db_to_gain
from mixes.engine.mixing.transitions import STYLES, Window
from mixes.engine.rendering.render import render_blocks
from mixes.engine.tests.signals import RATE, pink_noise, sine, write_wav
from mixes.engine.timeline import Clip, Timeline, Transition

SECOND = RATE


def lay_out(lengths, joins, cue_ins=None, gains_db=None, ramps=0):
    """A timeline of clips of these lengths; `joins` are (style, overlap)."""
    clips, transitions = [], [Transition(style, overlap, "") for style, overlap in joins]
    for index, length in enumerate(lengths):
        start = clips[-1].end - transitions[index - 1].overlap if clips else 0
        cue_in = cue_ins[index] if cue_ins else 0
        gain_db = gains_db[index] if gains_db else 0.0
        clips.append(Clip(f"Song {index}", "", cue_in, length, start, gain_db, ramps, ramps))
    return Timeline(RATE, tuple(clips), tuple(transitions))


def render(timeline, paths, ffmpeg):
    return np.concatenate(list(render_blocks(timeline, paths, ffmpeg=ffmpeg)))


def in_one_piece(timeline, sounds):
    """Every clip laid into one array, joined by the style's own function."""
    mix = np.zeros((0, 2), np.float32)
    margin = round(0.2 * RATE)
    for index, (clip, sound) in enumerate(zip(timeline.clips, sounds, strict=True)):
        used = sound[clip.cue_in : clip.cue_in + clip.length] * np.float32(db_to_gain(clip.gain_db))
        overlap = timeline.transitions[index - 1].overlap if index else 0
        if overlap > 0:
            at = len(mix) - overlap
            fades = Fades.of(timeline.transitions[index - 1], RATE)
            window = Window(mix[at:], used[:overlap], mix[max(0, at - margin) : at], RATE, fades)
            style = STYLES[timeline.transitions[index - 1].style]
            mix = np.concatenate([mix[:at], style.mix(window), used[overlap:]])
        else:
            mix = np.concatenate([mix, np.zeros((-overlap, 2), np.float32), used])
    return mix


@pytest.mark.parametrize(
    ("seconds", "joins"),
    [
        pytest.param([6, 9, 7], [("smooth", 2), ("smooth", 3)], id="smooth"),
        pytest.param([6, 9, 7], [("radio", 2), ("cut", 0.01)], id="radio and cut"),
        pytest.param([6, 5, 7], [("gapless", 0), ("gap", -1.5)], id="gapless and gap"),
        pytest.param([6, 9, 7], [("classic", 2), ("classic", 3)], id="classic"),
        pytest.param([9, 1, 2, 8], [("classic", 1), ("classic", 2), ("classic", 8)], id="three at once"),
        pytest.param([5], [], id="one track"),
    ],
)
def test_the_streamed_mix_is_the_mix_in_one_piece(seconds, joins, ffmpeg, tmp_path):
    sounds = [pink_noise(length + 1, seed=index) for index, length in enumerate(seconds)]
    paths = [write_wav(tmp_path / f"{i}.wav", sound) for i, sound in enumerate(sounds)]
    timeline = lay_out(
        [length * SECOND for length in seconds],
        [(style, round(overlap * SECOND)) for style, overlap in joins],
        cue_ins=[100 * index for index in range(len(seconds))],
        gains_db=[0.0, -3.0, 2.0, 1.0][: len(seconds)],
    )
    streamed = render(timeline, paths, ffmpeg)
    whole = in_one_piece(timeline, sounds)
    assert streamed.shape == whole.shape == (timeline.frames, 2)
    assert np.abs(streamed - whole).max() < 1e-6


def test_a_hundred_tracks_are_mixed(ffmpeg, tmp_path):
    sound = sine(440, 0.5)
    path = write_wav(tmp_path / "a.wav", sound)
    timeline = lay_out([len(sound)] * 100, [("smooth", len(sound) // 4)] * 99)
    assert render(timeline, [path] * 100, ffmpeg).shape == (timeline.frames, 2)


def test_where_a_track_was_cut_its_sound_rises_and_falls_over_the_ramps(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.full((SECOND, 2), 0.5, np.float32))
    mix = render(lay_out([SECOND // 2], [], cue_ins=[1000], ramps=220), [path], ffmpeg)
    assert abs(mix[0, 0]) < 0.005 and abs(mix[-1, 0]) < 0.005
    assert np.all(np.diff(mix[:220, 0]) > 0) and np.all(np.diff(mix[-220:, 0]) < 0)
    assert np.allclose(mix[220:-220], 0.5)


def test_a_file_that_became_shorter_is_refused_by_name(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "song.wav", sine(440, 2))
    with pytest.raises(DecodeError, match=r"song\.wav: it is shorter than when it was measured"):
        render(lay_out([3 * SECOND], []), [path], ffmpeg)


def test_a_wish_to_stop_ends_it(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "song.wav", sine(440, 30))
    wishes = iter([False] * 3 + [True] * 1000)
    blocks = render_blocks(
        lay_out([30 * SECOND], []), [path], ffmpeg=ffmpeg, should_stop=lambda: next(wishes)
    )
    with pytest.raises(Cancelled):
        for _ in blocks:
            pass
