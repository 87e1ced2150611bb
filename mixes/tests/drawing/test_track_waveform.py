"""Waveforms of tracks: small paths, inside the drawing, as tall as the track is loud."""

import math
import re

import pytest

from mixes.engine.tests.tracks import make_track
from mixes.services.drawing.track_waveform import column_loudness, column_peaks, draw_outline, draw_waveform


def points(path):
    """Return every point of an SVG path."""
    start, steps = re.fullmatch(r"M(\d+ \d+)l(.*)z", path).groups()
    x, y = map(int, start.split())
    numbers = [int(number) for number in re.findall(r"-?\d+", steps)]
    found = [(x, y)]
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = x + dx, y + dy
        found.append((x, y))
    return found


def make(seconds=180.0, lufs=-14.0, tall=100):
    peaks = tuple((-round(tall * abs(math.sin(k))), round(tall * abs(math.cos(k)))) for k in range(4_000))
    track = make_track(seconds, lufs=lufs)
    return type(track)(**{**{f: getattr(track, f) for f in track.__dataclass_fields__}, "peaks": peaks})


@pytest.mark.parametrize("seconds", [0.6, 5.0, 180.0, 14_400.0])
def test_paths_stay_inside_the_drawing_and_under_two_kilobytes(seconds):
    for path in draw_waveform(make(seconds)).values():
        assert len(path) < 2_000
        found = points(path)
        assert {x for x, _ in found} <= set(range(401))
        assert {y for _, y in found} <= set(range(101))


def test_the_body_lies_within_the_outline():
    drawn = draw_waveform(make(lufs=0.0, tall=30))
    peaks, body = points(drawn["peaks"]), points(drawn["body"])
    assert len(peaks) == len(body) == 302
    assert all(abs(b[1] - 50) <= abs(p[1] - 50) for p, b in zip(peaks, body, strict=True))


def test_louder_is_taller():
    quiet, loud = (
        max(50 - y for _, y in points(draw_waveform(make(lufs=lufs))["body"])) for lufs in (-30, -9)
    )
    assert quiet < 4 < 20 < loud


def test_a_column_is_as_tall_as_its_highest_sample():
    assert column_peaks([(-1, 2), (-127, 3), (-4, 127), (0, 0)], 2) == [(-1, 3 / 127), (-4 / 127, 1)]
    assert column_loudness([-120.0, 0.0, -20.0, -120.0], 2) == [1.0, pytest.approx(0.15)]


def test_silence_is_a_line():
    assert points(draw_outline([(0.0, 0.0)] * 3)) == [
        (0, 50),
        (67, 50),
        (200, 50),
        (333, 50),
        (400, 50),
        (333, 50),
        (200, 50),
        (67, 50),
    ]
