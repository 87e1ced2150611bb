"""Odd MP3s: each is copied bit for bit, or refused in words. ODD_MP3S=all takes all 222, in 3 minutes."""

import os

import numpy as np
import pytest

from mixes.engine.analysis.track import SOUNDS_DIFFERENT, analyse_track
from mixes.engine.codecs.decode import open_track
from mixes.engine.errors import DecodeError
from mixes.engine.passthrough.excerpts import Excerpt, Song, decode_excerpts
from mixes.engine.passthrough.frames import MOST_FRAMES, MOST_TAGS, Unfit, find_first, walk
from mixes.engine.tests.passthrough.odd_mp3s import KINDS, id3
from mixes.engine.timeline import MP3_FRAME as FRAME

TAKES_ALL = os.environ.get("ODD_MP3S") == "all"
SOME = 6  # in the short form every sixth is taken, and of what LAME makes none: other tests do
READ_TOO_FAR = ("one bit", "bits turned over 9", "bits turned over 13", "a frame is there twice")


def whole(ffmpeg, path):
    with open_track(ffmpeg, path, None) as decoder:
        blocks = []
        while len(block := decoder.read(44_100)):
            blocks.append(block.copy())
    return np.concatenate(blocks)


def fate_of(ffmpeg, path):
    """Return why a file is not copied; empty where every sample of a copy is that of the file."""
    try:
        track = analyse_track(ffmpeg, path)
    except DecodeError as error:
        return error.reason
    if track.mp3 is None or track.mp3.reason:
        return track.mp3.reason if track.mp3 else f"it is {track.codec}"
    wanted, song = whole(ffmpeg, path), Song.open(path, track.mp3.first)
    (heard,) = decode_excerpts(ffmpeg, [Excerpt(song, 0, len(wanted))])
    copied = slice(max(0, (song.first + 1) * FRAME - track.mp3.delay) if song.first else 0, None)
    assert len(heard) == len(wanted) == track.frames
    assert np.abs(heard[copied] - wanted[copied]).max() <= (1e-6 if track.channels == 1 else 0.0)
    return ""


@pytest.mark.parametrize("kind", KINDS if TAKES_ALL else [kind for kind in KINDS if kind != "encoded"])
def test_each_is_copied_bit_for_bit_or_refused_in_words(ffmpeg, kind, tmp_path):
    fates = {}
    for place, (name, data) in enumerate(KINDS[kind]()):
        if TAKES_ALL or place % SOME == 0 or name in READ_TOO_FAR:
            path = tmp_path / "odd.mp3"
            path.write_bytes(data)
            fates[name] = fate_of(ffmpeg, path)
    assert "" in fates.values()  # a test in which nothing is copied shows nothing
    for name in fates.keys() & set(READ_TOO_FAR):
        assert fates[name] == SOUNDS_DIFFERENT


def test_tags_without_end_are_not_read():
    assert find_first(id3(0) * MOST_TAGS + b"\xff") == 10 * MOST_TAGS
    with pytest.raises(Unfit, match="tags"):
        find_first(id3(0) * (MOST_TAGS + 1))


def test_more_frames_than_a_song_has_are_refused(monkeypatch):
    assert MOST_FRAMES * FRAME / 48_000 > 4 * 3600
    monkeypatch.setattr("mixes.engine.passthrough.frames.MOST_FRAMES", 20)
    monkeypatch.setattr("mixes.engine.passthrough.frames.WINDOW_BYTES", 4_000)
    lengths = np.zeros(256, np.int64)
    lengths[0xB0] = 626
    with pytest.raises(Unfit, match="too many frames"):
        walk(b"\xff\xfb\xb0\x44".ljust(626, b"\0") * 60, 0, lengths)
