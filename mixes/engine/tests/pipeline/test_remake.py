"""A mix made after an earlier version: its bytes are those of one made from nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.mixing.settings import JoinSettings, MixSettings
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.engine.pipeline import stages
from mixes.engine.pipeline.make import resume_mix
from mixes.engine.pipeline.remake import EARLIER, EarlierMix, merged
from mixes.engine.pipeline.request import MixRequest, Source
from mixes.engine.sewing import encoding, writer
from mixes.engine.sewing.earlier import EncodedGroup
from mixes.engine.sewing.report import PassedThrough
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


@pytest.fixture(scope="module")
def copied(ffmpeg, song_files):
    """Return the request of an MP3 of three copied songs with peaks and two joins."""
    sources = tuple(Source(path, analyse_track(ffmpeg, path)) for path in song_files)
    settings = MixSettings(copy_into_kbps=320, target_lufs=None)
    joins = (JoinSettings("smooth", 4.0), JoinSettings("smooth", 4.0))
    return MixRequest(sources, title="Three songs", settings=settings, joins=joins, check=False, cores=2)


@pytest.fixture(scope="module")
def earlier_copied(ffmpeg, copied, tmp_path_factory):
    outputs = resume_mix(copied, tmp_path_factory.mktemp("copied"), ffmpeg=ffmpeg)
    hashes = tuple(source.analysis.sha256 for source in copied.sources)
    stored = PassedThrough.read(json.loads(json.dumps(outputs.passed_through.to_dict())))
    assert stored == outputs.passed_through
    assert all(clip.is_copied for clip in outputs.timeline.clips)
    return EarlierMix(outputs.timeline, hashes, copied.bitrate_kbps, outputs.artifacts, stored)


@pytest.fixture
def make_copied(ffmpeg, tmp_path, monkeypatch):
    """Return a function that makes an MP3 and returns its bytes, and how many groups were encoded."""
    made = iter("abcdefgh")

    def make(request, earlier=None):
        encoded = []

        def encode_group(group, *others):
            encoded.append(group)
            return encoding.encode_group(group, *others)

        with monkeypatch.context() as patch:
            patch.setattr(writer, "encode_group", encode_group)
            outputs = resume_mix(request, tmp_path / next(made), ffmpeg=ffmpeg, earlier=earlier)
        assert not list(outputs.artifacts["mp3"].parent.glob(f"{EARLIER}*"))
        return outputs.artifacts["mp3"].read_bytes(), sum(len(group) for group in encoded)

    return make


@pytest.fixture
def short_groups(monkeypatch):
    """Let each piece have an encoder of its own: in so short a mix all would share one."""
    monkeypatch.setattr("mixes.engine.sewing.pieces.GROUP_PIECES", 1)


def test_nothing_of_the_same_copied_mix_is_encoded_again(copied, earlier_copied, make_copied):
    request = replace(copied, title="Three songs, again")
    made, encoded = make_copied(request, earlier_copied)
    assert encoded == 0
    assert made == make_copied(request)[0]


def test_of_a_copied_mix_only_the_changed_join_is_encoded(
    ffmpeg, copied, make_copied, short_groups, tmp_path
):
    outputs = resume_mix(copied, tmp_path / "first", ffmpeg=ffmpeg)
    hashes = tuple(source.analysis.sha256 for source in copied.sources)
    earlier = EarlierMix(outputs.timeline, hashes, 320, outputs.artifacts, outputs.passed_through)
    request = replace(copied, joins=(copied.joins[0], JoinSettings("radio", 4.0)))
    made, encoded = make_copied(request, earlier)
    whole, all_pieces = make_copied(request)
    assert 0 < encoded < all_pieces
    assert made == whole
    # a longer first join moves everything behind it by whole frames
    moved = replace(copied, joins=(JoinSettings("smooth", 6.0), copied.joins[1]))
    made, encoded = make_copied(moved, earlier)
    whole, all_pieces = make_copied(moved)
    assert 0 < encoded < all_pieces
    assert made == whole


@pytest.mark.parametrize("wrong", ["missing", "cut", "foreign", "seams elsewhere"])
def test_an_earlier_copied_mix_that_does_not_serve_costs_time_only(
    wrong, copied, earlier_copied, make_copied, tmp_path
):
    path, passed = tmp_path / "damaged.mp3", earlier_copied.passed_through
    whole = earlier_copied.artifacts["mp3"].read_bytes()
    if wrong != "missing":
        held = {"cut": whole[: len(whole) // 2], "foreign": b"no mp3" * 999}
        path.write_bytes(held.get(wrong, whole))
    if wrong == "seams elsewhere":
        groups = [
            EncodedGroup(group.key, tuple((begin + 1, begin, end - 9) for _first, begin, end in group.landed))
            for group in passed.groups
        ]
        passed = replace(passed, groups=tuple(groups))
    made, encoded = make_copied(
        copied, replace(earlier_copied, artifacts={"mp3": path}, passed_through=passed)
    )
    assert encoded > 0
    assert made == whole


def test_other_files_are_not_the_same_sound(copied, earlier_copied, make_copied):
    first, *others = copied.sources
    other = replace(first, analysis=replace(first.analysis, sha256="0" * 64))
    _made, encoded = make_copied(replace(copied, sources=(other, *others)), earlier_copied)
    assert encoded > 0
