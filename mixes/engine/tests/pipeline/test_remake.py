"""A mix made after an earlier version: its bytes are those of one made from nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.mixing.settings import JoinSettings
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.engine.pipeline import stages
from mixes.engine.pipeline.make import resume_mix
from mixes.engine.pipeline.remake import EarlierMix, merged
from mixes.engine.pipeline.request import MixRequest, Source
from mixes.engine.tests.signals import pink_noise, write_wav

RATE = 44_100
SONG_S = 150.0


@pytest.fixture(scope="module")
def base(ffmpeg, tmp_path_factory):
    """Return the request of a mix of two songs of 150 s: five chunks of 45 s, and four shorter ones."""
    folder = tmp_path_factory.mktemp("songs")
    sources = []
    for name, tone_hz in (("low", 220.0), ("high", 330.0)):
        times = np.arange(round(SONG_S * RATE)) / RATE
        tone = 0.1 * np.sin(2 * np.pi * tone_hz * times)
        sound = (0.2 * pink_noise(SONG_S, RATE) + tone[:, np.newaxis]).astype(np.float32)
        path = write_wav(folder / f"{name}.wav", sound, RATE)
        sources.append(Source(path, analyse_track(ffmpeg, path)))
    return MixRequest(
        tuple(sources),
        title="Two noises",
        joins=(JoinSettings("smooth", 8.0),),
        formats=("mp3", "mp4"),
        size=min(VIDEO_SIZES),
        check=False,
        cores=2,
    )


@pytest.fixture(scope="module")
def earlier(ffmpeg, base, tmp_path_factory):
    outputs = resume_mix(base, tmp_path_factory.mktemp("earlier"), ffmpeg=ffmpeg)
    sources = tuple(source.analysis.sha256 for source in base.sources)
    return EarlierMix(outputs.timeline, sources, base.bitrate_kbps, outputs.artifacts)


@pytest.fixture
def make(ffmpeg, tmp_path, monkeypatch):
    """Return a function that makes a mix and returns its files' bytes, and the share that was rendered."""
    made = iter("abcdefgh")

    def make(request, earlier=None):
        rendered = []
        whole = stages.cut_span

        def cut_span(timeline, first, last):
            rendered.append((last - first) / timeline.frames)
            return whole(timeline, first, last)

        with monkeypatch.context() as patch:
            patch.setattr(stages, "cut_span", cut_span)
            outputs = resume_mix(request, tmp_path / next(made), ffmpeg=ffmpeg, earlier=earlier)
        return {kind: path.read_bytes() for kind, path in outputs.artifacts.items()}, sum(rendered)

    return make


def test_another_title_renders_only_the_opening(base, earlier, make):
    request = replace(base, title="Two noises, again")
    made, share = make(request, earlier)
    assert share < 0.01
    assert made == make(request)[0]


def test_another_style_of_a_join_renders_only_the_chunks_around_it(base, earlier, make):
    request = replace(base, joins=(JoinSettings("radio", 8.0),))
    made, share = make(request, earlier)
    assert 0.1 < share < 0.25  # one chunk of 45 s with its run-up, of 292 s
    assert made == make(request)[0]


def test_a_shorter_join_renders_what_moves(base, earlier, make):
    request = replace(base, joins=(JoinSettings("smooth", 3.0),))
    made, share = make(request, earlier)
    assert 0.5 < share < 0.6  # from 135 s on
    assert made == make(request)[0]


def test_what_is_copied_is_what_the_earlier_files_hold(base, earlier, make, tmp_path):
    data = bytearray(earlier.artifacts["mp3"].read_bytes())
    data[len(data) // 10] ^= 0xFF  # inside the first chunk
    marked = tmp_path / "marked.mp3"
    marked.write_bytes(data)
    files = {"mp3": marked, "mp4": earlier.artifacts["mp4"]}
    made, _ = make(base, replace(earlier, artifacts=files))
    frames = len(data) // 2
    assert made["mp3"][-frames:] == bytes(data[-frames:])
    assert data[len(data) // 10 - 50 : len(data) // 10 + 50] in made["mp3"]


def test_another_file_of_the_same_length_is_not_the_same_sound(base, earlier, make):
    sources = ("0" * 64, earlier.sources[1])
    _, share = make(base, replace(earlier, sources=sources))
    assert 0.5 < share < 0.7


def test_another_bit_rate_encodes_the_mp3_again(base, earlier, make):
    request = replace(base, bitrate_kbps=256)
    made, share = make(request, earlier)
    assert share == pytest.approx(1.0)
    assert made == make(request)[0]


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign"])
def test_an_earlier_file_that_cannot_be_read_costs_time_only(damage, base, earlier, make, tmp_path):
    whole = earlier.artifacts["mp3"].read_bytes()
    path = tmp_path / "damaged.mp3"
    if damage != "missing":
        path.write_bytes(whole[:-7] if damage == "cut" else b"not an mp3" * 1000)
    made, _ = make(base, replace(earlier, artifacts={"mp3": path, "mp4": path}))
    assert made == {kind: file.read_bytes() for kind, file in earlier.artifacts.items()}


def test_parts_that_touch_or_nearly_do_become_one():
    assert merged([(50, 60), (0, 10), (12, 20), (5, 8)], gap=2) == [(0, 20), (50, 60)]
    assert merged([(0, 10), (13, 20)], gap=2) == [(0, 10), (13, 20)]
