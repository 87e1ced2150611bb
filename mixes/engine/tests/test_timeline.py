"""Tests of the timeline's length checks and chapter starts."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.engine.errors import TimelineError
from mixes.engine.timeline import Clip, Timeline, Transition


def make_timeline(lengths, overlaps, crossovers=None):
    crossovers = crossovers or [0] * len(overlaps)
    clips = []
    for index, length in enumerate(lengths):
        start = clips[-1].end - overlaps[index - 1] if clips else 0
        clips.append(Clip(f"Song {index}", "", 0, length, start, 0.0))
    transitions = [
        Transition("smooth", o, "Because.", crossover=c) for o, c in zip(overlaps, crossovers, strict=True)
    ]
    return Timeline(44_100, tuple(clips), tuple(transitions))


@st.composite
def arrangements(draw):
    lengths = draw(st.lists(st.integers(2, 10**9), min_size=1, max_size=40))
    overlaps = []
    for before, after in pairwise(lengths):
        overlaps.append(draw(st.integers(-(10**6), min(before, after) // 2)))
    return lengths, overlaps


@given(arrangements())
def test_length_is_the_sum_of_clips_minus_the_sum_of_overlaps(arrangement):
    lengths, overlaps = arrangement
    assert make_timeline(lengths, overlaps).frames == sum(lengths) - sum(overlaps)


@given(arrangements())
def test_a_timeline_survives_a_json_round_trip(arrangement):
    timeline = make_timeline(*arrangement)
    assert Timeline.from_dict(json.loads(json.dumps(timeline.to_dict()))) == timeline


@given(arrangements())
def test_chapters_start_at_zero_and_never_decrease(arrangement):
    starts = make_timeline(*arrangement).chapter_starts()
    assert starts[0] == 0
    assert list(starts) == sorted(starts)


def test_chapters_start_at_the_crossover_and_not_at_sums_of_lengths():
    timeline = make_timeline([1000, 1000, 1000], [200, 200], [100, 150])
    assert timeline.chapter_starts() == (0, 900, 1750)


@pytest.mark.parametrize("start", [799, 801])
def test_a_clip_whose_start_contradicts_the_overlap_is_refused(start):
    clips = (Clip("A", "", 0, 1000, 0, 0.0), Clip("B", "", 0, 1000, start, 0.0))
    with pytest.raises(TimelineError, match="B does not start"):
        Timeline(44_100, clips, (Transition("smooth", 200, ""),))


def test_an_overlap_longer_than_the_clip_is_refused():
    with pytest.raises(TimelineError, match="longer than"):
        make_timeline([1000, 100], [101])


def test_an_overlap_may_reach_further_into_the_mix_than_the_last_clip():
    timeline = make_timeline([1000, 30, 80], [30, 80])
    assert timeline.frames == 1000


def test_an_empty_mix_is_refused():
    with pytest.raises(TimelineError, match="at least one track"):
        Timeline(44_100, (), ())


@pytest.mark.parametrize("skips", [((100, 0),), ((100, 50), (120, 10)), ((-1, 5),)])
def test_skips_that_overlap_or_go_backwards_are_refused(skips):
    with pytest.raises(TimelineError, match="in order"):
        Timeline(44_100, (Clip("A", "", 0, 1000, 0, 0.0, skips=skips),), ())


def test_a_timeline_of_the_second_format_skips_nothing():
    timeline = make_timeline([1000, 1000], [200])
    data = timeline.to_dict()
    clips = [{name: value for name, value in clip.items() if name != "skips"} for clip in data["clips"]]
    assert Timeline.from_dict({**data, "format": 2, "clips": clips}) == timeline


def test_a_timeline_of_the_first_format_reads_as_it_sounded():
    clips = [{"title": "", "artist": "", "cue_in": 0, "length": 441_000, "start": 0, "gain_db": 0.0}] * 2
    clips = [clips[0], {**clips[1], "start": 441_000 - 88_200}]
    shared = {"overlap": 88_200, "reason": "", "crossover": 0, "soften": False}

    def read(**fields):
        data = {"rate": 44_100, "clips": clips, "transitions": [{**shared, **fields}]}
        return Timeline.from_dict(data).transitions[0]

    smooth = read(style="smooth", fade_out=True)
    assert (smooth.fade_out_s, smooth.fade_in_s) == (2.0, 2.0)
    own_fade = read(style="smooth", fade_out=False)
    assert (own_fade.fade_out_s, own_fade.fade_in_s) == (0.0, 2.0)
    radio = read(style="radio", fade_out=True)
    assert (radio.fade_out_s, radio.fade_in_s) == (2.0, 0.05)
