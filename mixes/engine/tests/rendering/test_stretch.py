"""The stretched beginning of a clip: exact lengths, beats in place, no seam, the same in any span."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.checks.clicks import change_instants, find_click
from mixes.engine.errors import DecodeError, TimelineError
from mixes.engine.processes import ffmpeg as tools
from mixes.engine.rendering.render import render_blocks
from mixes.engine.rendering.span import MixSpan, cut_span, render_span
from mixes.engine.rendering.stretch import seam_of
from mixes.engine.synth import instruments
from mixes.engine.tests.signals import RATE, pink_noise, sine, write_wav
from mixes.engine.timeline import Clip, Timeline, Transition

BEAT = RATE // 2  # frames: 120 BPM


def drums(seconds, *, first=0.0, beat=BEAT):
    """Kicks on every beat, hats between, and a tone that runs on below; returns sound and beats in frames."""
    sound = np.zeros(round(seconds * RATE))
    beats = np.arange(round(first * RATE), len(sound), beat)
    for start, hit in [(at, instruments.kick(RATE)) for at in beats] + [
        (at + beat // 2, 0.3 * instruments.hat(RATE)) for at in beats
    ]:
        piece = hit[: max(0, len(sound) - start)]
        sound[start : start + len(piece)] += piece
    tone = 0.05 * np.sin(2 * np.pi * 220 * np.arange(len(sound)) / RATE)
    return np.repeat(((sound * 0.5 + tone)[:, None]), 2, axis=1).astype(np.float32), beats


def beats_near(sound, planned):
    """Return by how many ms the attack of each kick, in the band of its click, is off its planned frame."""
    off = []
    for place in np.round(planned).astype(int):
        window = np.abs(sound[place - 1500 : place + 1500, 0])
        off.append((np.flatnonzero(window > 0.3 * window.max())[0] - 1500) / RATE * 1000)
    return np.array(off)


def two_clips(length, cue_in, head_source, head_frames, **fields):
    """A clip of six seconds, and one of `length` frames that begins stretched under the end of the first."""
    first = Clip("A", "", 0, 6 * RATE, 0, 0.0)
    second = Clip(
        "B",
        "",
        cue_in,
        length,
        6 * RATE - head_frames,
        0.0,
        head_source=head_source,
        head_frames=head_frames,
        **fields,
    )
    overlap_s = head_frames / RATE
    transition = Transition("club", head_frames, "Why.", fade_out_s=overlap_s, fade_in_s=overlap_s)
    return Timeline(RATE, (first, second), (transition,))


def rendered(timeline, paths, ffmpeg):
    return np.concatenate(list(render_blocks(timeline, paths, ffmpeg=ffmpeg)))


@pytest.mark.parametrize("ratio", [0.96, 1.0, 1.013, 1.04, 1.08])
def test_beats_come_at_the_new_tempo_and_then_as_in_the_file(ratio, tmp_path, ffmpeg):
    sound, beats = drums(12.0, first=0.75)
    path = write_wav(tmp_path / "b.wav", sound)
    cue_in, source = int(beats[1]), 8 * BEAT
    frames = round(source / ratio)
    clip = Clip("B", "", cue_in, 6 * RATE, 0, 0.0, head_source=source, head_frames=frames)
    mix = rendered(Timeline(RATE, (clip,), ()), [path], ffmpeg)
    assert len(mix) == 6 * RATE
    assert np.array_equal(mix[frames:], sound[cue_in + source :][: 6 * RATE - frames])
    heard, in_file = beats_near(mix, np.arange(1, 8) * BEAT / ratio), beats_near(sound, beats[2:9])
    assert np.abs(heard - in_file).max() < 5.0
    for place in seam_of(clip, RATE):
        assert find_click(mix[place - RATE // 2 : place + RATE // 2], RATE // 2, RATE) is None


def test_the_seam_is_between_beats_too_and_does_not_click(tmp_path, ffmpeg):
    path = write_wav(tmp_path / "tone.wav", sine(311, 12.0))
    for source in (3 * RATE, 3 * RATE + 1234):
        clip = Clip("B", "", RATE, 6 * RATE, 0, 0.0, head_source=source, head_frames=round(source / 1.037))
        mix = rendered(Timeline(RATE, (clip,), ()), [path], ffmpeg)
        seam = clip.head_frames
        around = mix[seam - RATE // 50 : seam + RATE // 50, 0]
        assert np.abs(around).max() > 0.2
        assert 0.85 < np.abs(around[: RATE // 50]).max() / np.abs(around[RATE // 50 :]).max() < 1.15
        assert np.abs(np.diff(around)).max() < 1.3 * np.abs(np.diff(mix[-RATE:, 0])).max()


@pytest.mark.parametrize("cue_in", [0, 100, RATE])
def test_a_head_at_the_start_or_the_end_of_a_file_has_its_length(cue_in, tmp_path, ffmpeg):
    sound = pink_noise(4.0)
    path = write_wav(tmp_path / "short.wav", sound)
    source = len(sound) - cue_in
    clip = Clip("B", "", cue_in, round(source / 1.02), 0, 0.0, head_source=source)
    clip = replace(clip, head_frames=clip.length)
    mix = rendered(Timeline(RATE, (clip,), ()), [path], ffmpeg)
    assert mix.shape == (clip.length, 2)
    assert np.sqrt(np.mean(mix[-2000:] ** 2)) > 0.05


def test_a_file_that_became_shorter_is_refused(tmp_path, ffmpeg):
    path = write_wav(tmp_path / "short.wav", pink_noise(3.0))
    clip = Clip("B", "", RATE, 5 * RATE, 0, 0.0, head_source=4 * RATE, head_frames=4 * RATE - 50)
    with pytest.raises(DecodeError, match="shorter"):
        rendered(Timeline(RATE, (clip,), ()), [path], ffmpeg)


def test_every_span_has_the_samples_of_the_whole_mix(tmp_path, ffmpeg):
    sounds = [pink_noise(7.0, seed=1), drums(12.0, first=0.75)[0]]
    paths = [write_wav(tmp_path / f"{index}.wav", sound) for index, sound in enumerate(sounds)]
    timeline = two_clips(7 * RATE, RATE // 3, 4 * BEAT, round(4 * BEAT / 1.03))
    whole_span = cut_span(timeline, 0, timeline.frames)
    whole = np.concatenate(list(render_span(whole_span, paths, ffmpeg=ffmpeg)))
    start, end = timeline.clips[1].start, timeline.clips[0].end
    for first, last in (
        (0, start),
        (start - 7, start + 1),
        (start + BEAT, start + BEAT + 3),
        (end - 1, end + 1),
        (end, end + 500),
        (end + 12_345, timeline.frames),
    ):
        span = MixSpan.from_dict(cut_span(timeline, first, last).to_dict())
        part = np.concatenate(list(render_span(span, [paths[i] for i in span.clips], ffmpeg=ffmpeg)))
        assert np.array_equal(part, whole[first:last]), (first, last)


def test_what_is_skipped_behind_the_head_is_still_skipped(tmp_path, ffmpeg):
    sound = pink_noise(12.0)
    path = write_wav(tmp_path / "b.wav", sound)
    skip = (6 * RATE, 2 * RATE)
    clip = Clip(
        "B", "", RATE, 8 * RATE, 0, 0.0, skips=(skip,), head_source=3 * RATE, head_frames=RATE * 29 // 10
    )
    (seam,) = clip.seams()
    assert seam == (5 * RATE - RATE // 10, 2 * RATE)
    mix = rendered(Timeline(RATE, (clip,), ()), [path], ffmpeg)
    behind = seam[0] + RATE // 10  # the ramps around it are over
    assert np.array_equal(mix[behind:], sound[8 * RATE + RATE // 10 :][: len(mix) - behind])
    assert clip.file_cue_out == RATE + 8 * RATE + RATE // 10 + 2 * RATE


def test_places_of_a_clip_and_of_its_file():
    clip = Clip("B", "", 1000, 5000, 0, 0.0, head_source=1040, head_frames=1000)
    places = np.array([-5.0, 0.0, 500.0, 1000.0, 3000.0])
    assert clip.drift(places).tolist() == pytest.approx([0.0, 0.0, 20.0, 40.0, 40.0])
    assert [clip.place_of(source) for source in (0, 520, 1040, 2000)] == pytest.approx([0, 500, 1000, 1960])
    assert (clip.source_length, clip.stretch) == (5040, 1.04)


@pytest.mark.parametrize(("source", "frames"), [(0, 100), (100, 0), (-1, -1), (100, 5001)])
def test_an_impossible_head_is_refused(source, frames):
    with pytest.raises(TimelineError):
        Timeline(RATE, (Clip("B", "", 0, 5000, 0, 0.0, head_source=source, head_frames=frames),), ())


def test_the_seam_is_listened_to_and_not_the_beats_at_both_ends():
    timeline = two_clips(6 * RATE, RATE, 4 * BEAT, 4 * BEAT - 500, ramp_in=220)
    end = timeline.clips[0].end
    seam = (end - round(0.025 * RATE), end - round(0.015 * RATE))
    places = change_instants(timeline)
    assert set(places) & {*seam} and not set(places) & {end, timeline.clips[1].start}


def test_the_pinned_ffmpeg_can_stretch(ffmpeg, tmp_path):
    assert tools.can_stretch(ffmpeg)
    without = tmp_path / "ffmpeg"
    without.write_text("#!/bin/sh\necho ' T.. atempo A->A Adjust audio tempo.'\n")
    without.chmod(0o755)
    assert not tools.can_stretch(without)
