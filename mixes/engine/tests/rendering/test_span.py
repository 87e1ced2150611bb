"""Any part of a mix has exactly the samples that the whole mix has there."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.analysis.track import analyse_track
from mixes.engine.codecs.seeking import BlockReader
from mixes.engine.errors import TimelineError
from mixes.engine.mixing.limiter import limit_blocks
from mixes.engine.mixing.mix_fades import plan_fades
from mixes.engine.mixing.transitions import STYLES
from mixes.engine.rendering import render
from mixes.engine.rendering.span import MixSpan, cut_span, render_span
from mixes.engine.tests.signals import RATE, pink_noise, run_ffmpeg, write_wav
from mixes.engine.timeline import Clip, Timeline, Transition

SOUNDS = [pink_noise(5.0, seed=seed, level_db=-10.0) for seed in range(4)]  # the limiter has work to do
PATHS = [*map(str, range(len(SOUNDS)))]


@contextlib.contextmanager
def in_memory():
    """Let clips be read from SOUNDS, from exactly their first frame: any use of an earlier one would show."""

    @contextlib.contextmanager
    def open_array(ffmpeg, path, rate, first, index, *, should_stop):
        yield BlockReader(path, rate, iter([SOUNDS[int(path)][first:]])), first

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "open_near", open_array)
        yield


def whole_mix(timeline, paths=PATHS, **options):
    rendered = render.render_blocks(timeline, paths[: len(timeline.clips)], **{"ffmpeg": None, **options})
    return np.concatenate(list(limit_blocks(rendered, timeline.rate)))


def part_of(timeline, first, last, paths=PATHS, indexes=(), **options):
    span = MixSpan.from_dict(cut_span(timeline, first, last).to_dict())
    used = [paths[clip] for clip in span.clips]
    indexes = [indexes[clip] for clip in span.clips] if indexes else ()
    return np.concatenate(list(render_span(span, used, indexes, **{"ffmpeg": None, **options})))


def lay_out(lengths, transitions, **fields):
    """A timeline of clips of these lengths in frames; each begins a tenth of a second into its file."""
    clips = []
    for index, length in enumerate(lengths):
        start = clips[-1].end - transitions[index - 1].overlap if clips else 0
        clips.append(Clip(f"Song {index}", "", RATE // 10, length, start, -3.0 - index, **fields))
    return Timeline(RATE, tuple(clips), tuple(transitions))


RIDE = ((-0.4, 0.0), (-0.1, 5.0), (0.3, 6.0), (0.6, 0.0))


def join(style, overlap, **options):
    return Transition(style, overlap, "Why.", fade_out_s=0.4, fade_in_s=0.3, **options)


@pytest.mark.parametrize("style", STYLES)
def test_around_a_join_of_every_style_all_parts_are_those_of_the_mix(style):
    overlap = {"gapless": 0, "gap": -RATE // 3, "cut": 441}.get(style, RATE // 2)
    transition = join(style, overlap, soften=style in ("smooth", "radio"), ride=RIDE)
    timeline = lay_out([2 * RATE, 2 * RATE, 2 * RATE], [transition] * 2, ramp_in=300, ramp_out=500)
    with in_memory():
        check_parts_around(timeline, overlap)


def check_parts_around(timeline, overlap):
    whole = whole_mix(timeline)
    assert np.abs(whole).max() > 0.8
    start = timeline.clips[1].start
    places = [
        0,
        1,
        start - RATE // 4,
        start - 3,
        start,
        start + 7,
        start + 300,
        start + overlap,
        start + RATE,
    ]
    for first in (place for place in places if place >= 0):
        for frames in (1, 4000, RATE):
            part = part_of(timeline, first, first + frames)
            assert np.array_equal(part, whole[first : first + frames]), (first - start, frames)


@st.composite
def timelines(draw):
    """Mixes of up to four short clips in any styles: joins may meet, clips may end inside them."""
    count = draw(st.integers(1, 4))
    lengths = [draw(st.integers(500, RATE)) for _ in range(count)]
    transitions, end = [], lengths[0]
    for length in lengths[1:]:
        style = draw(st.sampled_from(sorted(STYLES)))
        mixed = draw(st.integers(100, min(length, end)))
        if style == "classic":  # pydub fades whole milliseconds
            mixed = max(441, mixed // 441 * 441)
        overlap = {"gapless": 0, "gap": -mixed}.get(style, mixed)
        swap = draw(st.none() | st.just(overlap / RATE / 2)) if style == "smooth" else None
        ride = draw(st.sampled_from([(), RIDE]))
        soften = draw(st.booleans()) and style in ("smooth", "radio")
        transitions.append(join(style, overlap, soften=soften, bass_swap_s=swap, ride=ride))
        end += length - overlap
    timeline = lay_out(lengths, transitions)
    clips = [
        replace(
            clip,
            ramp_in=draw(st.sampled_from([0, 150])),
            ramp_out=draw(st.sampled_from([0, 150])),
            skips=draw(st.sampled_from([(), ((RATE // 3, RATE // 5), (RATE, 77))])),
        )
        for clip in timeline.clips
    ]
    fades, _ = plan_fades(
        timeline.frames,
        RATE,
        fade_in_s=draw(st.sampled_from([0.0, 0.3, 2.0])),
        fade_out_s=draw(st.sampled_from([0.0, 0.3, 2.0])),
    )
    return replace(timeline, clips=tuple(clips), fades=fades)


@settings(max_examples=40, deadline=None)
@given(timelines(), st.data())
def test_any_part_of_any_mix_is_that_of_the_mix(timeline, data):
    with in_memory():
        whole = whole_mix(timeline)
        assert len(whole) == timeline.frames
        for _ in range(3):
            first = data.draw(st.integers(0, timeline.frames - 1))
            last = data.draw(st.integers(first + 1, min(timeline.frames, first + RATE)))
            assert np.array_equal(part_of(timeline, first, last), whole[first:last])


def test_in_the_fades_of_the_mix_all_parts_are_those_of_the_mix():
    timeline = lay_out([2 * RATE] * 3, [join("smooth", RATE // 2, ride=RIDE)] * 2)
    fades, _ = plan_fades(timeline.frames, RATE, fade_in_s=2.0, fade_out_s=2.4)
    timeline = replace(timeline, fades=fades)
    with in_memory():
        whole = whole_mix(timeline)
        assert np.array_equal(part_of(timeline, 0, timeline.frames), whole)
        for first in range(0, timeline.frames - 5000, RATE // 3):
            assert np.array_equal(part_of(timeline, first, first + 5000), whole[first : first + 5000])
    assert np.abs(whole[:100]).max() < 1e-4 and np.abs(whole[-100:]).max() < 1e-4
    assert cut_span(timeline, 2 * RATE + 9000, 2 * RATE + 10_000).timeline.fades == ()


def test_only_what_sounds_in_it_is_opened():
    timeline = lay_out([2 * RATE] * 4, [join("smooth", RATE // 2)] * 3)
    third = timeline.clips[2]
    assert cut_span(timeline, third.start + RATE, third.start + RATE + 100).clips == range(2, 3)
    assert cut_span(timeline, third.start + 10, third.start + 20).clips == range(1, 3)


def test_a_part_is_the_same_wherever_in_a_mix_it_is_and_whatever_its_songs_are_called():
    joins = [join("smooth", RATE // 2, ride=RIDE)] * 3
    timeline = lay_out([2 * RATE] * 4, joins)
    later = lay_out([RATE, 2 * RATE, 2 * RATE], [join("gap", -5), *joins[:1]])
    clips = [replace(clip, gain_db=-1.0, title="New", unlisted=True) for clip in timeline.clips]
    one, other = (
        replace(timeline, clips=tuple(clips)),
        replace(later, clips=tuple(replace(clip, gain_db=-1.0) for clip in later.clips)),
    )
    start, later_start = one.clips[1].start, other.clips[2].start
    part = cut_span(one, start - RATE // 2, start + RATE)
    assert replace(cut_span(other, later_start - RATE // 2, later_start + RATE), first=0) == part


def test_a_part_asked_for_in_an_earlier_version_is_refused_in_a_sentence():
    timeline = lay_out([2 * RATE], [])
    with pytest.raises(TimelineError, match="before an update"):
        MixSpan.from_dict({"timeline": timeline.to_dict(), "first": 0, "skip": 0})


@pytest.mark.parametrize("mix_rate", [RATE, 48_000])
def test_far_into_files_it_is_still_the_mix(mix_rate, ffmpeg, tmp_path):
    """MP3 and FLAC of 50 s, the join 40 s into the first: decoded from near there."""
    paths, analyses = [], []
    for seed, options in ((1, ("-b:a", "192k")), (2, ())):
        path = tmp_path / f"song.{'mp3' if options else 'flac'}"
        wav = write_wav(tmp_path / "song.wav", pink_noise(50.0, seed=seed, level_db=-12.0))
        run_ffmpeg("-i", str(wav), *options, str(path))
        paths.append(path)
        analyses.append(analyse_track(ffmpeg, path))
    overlap = 4 * mix_rate
    clips = (
        Clip("A", "", 0, 44 * mix_rate, 0, -2.0),
        Clip("B", "", 30 * mix_rate, 15 * mix_rate, 40 * mix_rate, -1.0),
    )
    timeline = Timeline(mix_rate, clips, (join("smooth", overlap),))
    whole = whole_mix(timeline, paths, ffmpeg=ffmpeg)
    indexes = [analysis.seek_index for analysis in analyses]
    first, last = 39 * mix_rate + 11, 46 * mix_rate
    part = part_of(timeline, first, last, paths, indexes, ffmpeg=ffmpeg)
    if mix_rate == RATE:
        assert np.array_equal(part, whole[first:last])
    else:
        assert np.abs(part - whole[first:last]).max() <= 2**-23
