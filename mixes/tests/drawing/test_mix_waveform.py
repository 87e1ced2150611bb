"""Waveforms of mixes, drawn from the part of each file that is played."""

import re
from dataclasses import replace

import pytest

from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.tests.tracks import make_track
from mixes.pages.join_page import draw_join
from mixes.services.drawing.mix_waveform import WIDTH, draw_mix

UNTOUCHED = MixSettings(target_lufs=None, transition_s=10.0)


def half_quiet(sha256, **facts):
    """A track of 60 s that is nearly silent in its first half and loud in its second."""
    peaks = ((-1, 1),) * 100 + ((-120, 120),) * 100
    return replace(make_track(60.0, **facts), peaks=peaks, sha256=sha256)


def points(path):
    """Return the points of an SVG path, (x, y) each."""
    start, steps = re.fullmatch(r"M(\d+ \d+)l(.*)z", path).groups()
    numbers = [int(number) for number in re.findall(r"-?\d+", steps)]
    x, y = map(int, start.split())
    places = [(x, y)]
    for step_x, step_y in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = x + step_x, y + step_y
        places.append((x, y))
    return places


def highest(path, first, last):
    return max(abs(y - 50) for x, y in points(path) if first <= x <= last)


def test_only_the_part_of_a_file_that_is_played_is_drawn():
    whole = half_quiet("a" * 64)
    ((quiet_first, _),) = draw_mix(plan_mix([whole], UNTOUCHED).timeline, [whole]).clips
    assert highest(quiet_first, 0, WIDTH * 0.45) < 5 < 40 < highest(quiet_first, WIDTH * 0.55, WIDTH)
    cut = half_quiet("b" * 64, cue_in_s=30.0)
    ((loud_only, _),) = draw_mix(plan_mix([cut], UNTOUCHED).timeline, [cut]).clips
    assert highest(loud_only, 0, WIDTH * 0.2) > 40


def test_louder_is_drawn_taller_and_fades_are_visible():
    tracks = [half_quiet("c" * 64), half_quiet("d" * 64)]
    timeline = plan_mix(tracks, UNTOUCHED).timeline
    (first, _), _ = draw_mix(timeline, tracks).clips
    end = WIDTH * 60 / timeline.duration_s
    assert highest(first, end - 8, end - 1) < highest(first, end * 0.7, end * 0.8)


@pytest.mark.parametrize("overlap_s", [4.0, 20.0])
def test_a_joins_lanes_end_and_begin_at_its_overlap(overlap_s):
    tracks = [half_quiet("e" * 64), half_quiet("f" * 64)]
    timeline = plan_mix(tracks, replace(UNTOUCHED, transition_s=overlap_s)).timeline
    picture = draw_join(timeline, 0, tracks)
    outgoing, incoming = points(picture.outgoing[0]), points(picture.incoming[0])
    right = picture.overlap_x + picture.overlap_width
    assert min(x for x, _ in outgoing) == 0
    assert max(x for x, _ in outgoing) == pytest.approx(right, abs=1)
    assert min(x for x, _ in incoming) == pytest.approx(picture.overlap_x, abs=1)
    assert picture.overlap_width / 800 == pytest.approx(overlap_s / picture.shown_s, abs=0.01)
