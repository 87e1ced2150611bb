"""Long silences inside songs, played for two seconds: lengths, cue points, sound and seams."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.checks.clicks import change_instants
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.mixing.shortening import as_played, find_skips, shorten
from mixes.engine.pictures.mix_outline import mix_outline
from mixes.engine.rendering.render import render_blocks
from mixes.engine.tests.signals import RATE, pink_noise, silence, write_wav
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Timeline
from mixes.engine.tracklist.chapters import chapters_of

SHORTENED = MixSettings(shorten_silences=True, target_lufs=None, transition_s=4.0)
SILENCE = (-120.0,) * 596
HIDDEN = replace(
    make_track(120, momentary=(-14.0,) * 300 + SILENCE + (-20.0,) * 301),
    silences=((30.0, 60.0), (100.0, 3.5)),
    peaks=((-120, 120),) * 300 + ((0, 0),) * 600 + ((-60, 60),) * 300,
)
PLAIN = make_track(60)


def test_the_middle_of_a_long_silence_is_skipped_and_a_short_one_is_kept():
    assert find_skips(HIDDEN, RATE) == ((31 * RATE, 58 * RATE),)
    assert find_skips(PLAIN, RATE) == ()


def test_a_shortened_track_is_measured_as_it_sounds():
    track = shorten(HIDDEN, find_skips(HIDDEN, RATE), RATE)
    assert track.duration_s == 62.0
    assert track.cues.cue_out == track.cues.last_sound == 62 * RATE
    assert len(track.momentary) == len(HIDDEN.momentary) - 580
    assert track.momentary[299:301] == (-14.0, -120.0)
    assert track.momentary[315:317] == (-120.0, -20.0)
    assert [sum(high == level for _, high in track.peaks) for level in (120, 0, 60)] == [300, 20, 300]
    assert track.silences == ((30.0, 2.0), (42.0, 3.5))


def test_a_shortened_song_is_one_clip_with_one_chapter():
    plan = plan_mix([HIDDEN, PLAIN], SHORTENED)
    timeline = plan.timeline
    first, second = timeline.clips
    assert (first.length, first.skips) == (62 * RATE, ((31 * RATE, 58 * RATE),))
    assert second.skips == ()
    assert timeline.frames == first.length + second.length - timeline.transitions[0].overlap
    assert len(chapters_of(timeline)) == 2
    assert first.start + 31 * RATE in change_instants(timeline)
    assert Timeline.from_dict(timeline.to_dict()) == timeline
    as_it_is = plan_mix([HIDDEN, PLAIN], replace(SHORTENED, shorten_silences=False)).timeline
    assert as_it_is.frames - timeline.frames == 58 * RATE


def test_the_plan_and_the_picture_read_the_shortened_song():
    timeline = plan_mix([HIDDEN, PLAIN], SHORTENED).timeline
    assert as_played(timeline, [HIDDEN, PLAIN])[0].frames == 62 * RATE
    heights = [high for _, high in mix_outline(timeline, [HIDDEN, PLAIN], points=1_000)]
    silent = [place for place, high in enumerate(heights) if high < 0.01 and place < 500]
    assert len(silent) * timeline.duration_s / 1_000 == pytest.approx(2.0, abs=0.4)


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050])
def test_what_is_heard_is_the_file_without_the_middle_of_its_silence(rate, ffmpeg, tmp_path):
    before, after = pink_noise(4, rate, seed=1), pink_noise(3, rate, seed=2)
    hiss = np.full((12 * rate, 2), 0.0005, np.float32)  # its jump at the seam would click
    hiss[6 * rate :] *= -1
    path = write_wav(tmp_path / "song.wav", np.concatenate([before, hiss, after]), rate)
    track = analyse_track(ffmpeg, path)
    timeline = plan_mix([track], SHORTENED).timeline
    heard = np.concatenate(list(render_blocks(timeline, [path], ffmpeg=ffmpeg)))
    assert len(heard) == timeline.frames
    assert timeline.duration_s == pytest.approx(9.0, abs=0.25)  # windows of 0.4 s, every 0.1 s
    (seam, skipped) = timeline.clips[0].seams()[0]
    assert np.abs(np.diff(heard[seam - 2_000 : seam + 2_000, 0])).max() < 0.0001
    if rate == timeline.rate:
        whole = np.concatenate([before, hiss, after])
        whole = np.concatenate([whole[:seam], whole[seam + skipped :]])[: len(heard)]
        beside = np.abs(np.arange(len(heard)) - seam) > 0.02 * rate
        beside[-round(0.02 * rate) :] = False
        assert np.abs(heard - whole)[beside].max() < 1e-6


def test_silence_in_front_of_the_first_used_frame_moves_the_cue_in_of_the_file():
    timeline = plan_mix([HIDDEN], SHORTENED).timeline
    clip = timeline.clips[0]
    late = replace(clip, cue_in=40 * RATE, length=22 * RATE)
    assert (late.file_cue_in, late.seams()) == (98 * RATE, ())
    early = replace(clip, cue_in=10 * RATE, length=52 * RATE)
    assert (early.file_cue_in, early.seams()) == (10 * RATE, ((21 * RATE, 58 * RATE),))


def test_digital_silence_leaves_exactly_two_seconds(ffmpeg, tmp_path):
    sounds = [pink_noise(4, seed=1), silence(30), pink_noise(4, seed=2), silence(8), pink_noise(4, seed=3)]
    path = write_wav(tmp_path / "song.wav", np.concatenate(sounds))
    timeline = plan_mix([analyse_track(ffmpeg, path)], SHORTENED).timeline
    assert len(timeline.clips[0].skips) == 2
    heard = np.concatenate(list(render_blocks(timeline, [path], ffmpeg=ffmpeg)))
    silent = np.flatnonzero(np.abs(heard).max(axis=1) == 0)
    assert len(silent) / RATE == pytest.approx(4.0, abs=0.25)
