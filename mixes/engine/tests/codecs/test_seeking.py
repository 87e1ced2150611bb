"""Decoding from the middle of a file gives, to the bit, what decoding it from its beginning gives there."""

import itertools

import numpy as np
import pytest

from mixes.engine.codecs import seeking
from mixes.engine.codecs.decode import open_track
from mixes.engine.codecs.seeking import RUN_UP_S, SeekIndex, SeekIndexer, open_near
from mixes.engine.errors import Cancelled, DecodeError
from mixes.engine.tests.signals import RATE, lag, pink_noise, run_ffmpeg, write_audio, write_wav

LENGTH_S = 34.0
FROM_S, PART_S = 26.3, 3.1  # not on any grid
SOUND = pink_noise(LENGTH_S, seed=5, level_db=-15.0)

CAN_SEEK = {
    "MP3 CBR": ("mp3", ["-b:a", "192k"]),
    "MP3 VBR": ("mp3", ["-q:a", "3"]),
    "MP3 VBR without Xing": ("mp3", ["-q:a", "3", "-write_xing", "0", "-id3v2_version", "0"]),
    "MP3 full reservoir": ("mp3", ["-b:a", "320k", "-ar", "48000"]),
    "MP3 no reservoir": ("mp3", ["-b:a", "128k", "-reservoir", "0"]),
    "MP3 MPEG-2 mono": ("mp3", ["-b:a", "64k", "-ar", "22050", "-ac", "1"]),
    "AAC in ADTS": ("aac", ["-aac_pns", "0", "-b:a", "192k"]),
    "AAC in M4A": ("m4a", ["-c:a", "aac", "-aac_pns", "0", "-b:a", "192k"]),
    "Vorbis": ("ogg", ["-c:a", "libvorbis", "-q:a", "5"]),
    "Opus": ("opus", ["-c:a", "libopus", "-b:a", "128k"]),
    "Opus, speech": ("opus", ["-c:a", "libopus", "-b:a", "20k", "-ac", "1"]),
    "FLAC": ("flac", []),
    "FLAC in Ogg": ("oga", ["-c:a", "flac"]),
    "WAV": ("wav", []),
    "WAV 24 mono": ("wav", ["-c:a", "pcm_s24le", "-ac", "1"]),
    "WavPack": ("wv", []),
    "ALAC": ("m4a", ["-c:a", "alac"]),
    "AIFF": ("aiff", []),
}
CANNOT_SEEK = {  # to the bit
    "AAC with made-up noise": ("m4a", ["-c:a", "aac", "-aac_pns", "1", "-b:a", "96k"]),
    "Matroska, which rounds times": ("mka", ["-c:a", "libvorbis"]),
    "WMA": ("wma", ["-c:a", "wmav2", "-b:a", "128k"]),
}


def whole_track(ffmpeg, path, rate=None):
    with open_track(ffmpeg, path, rate) as decoder:
        blocks = []
        while len(block := decoder.read(30_000)):
            blocks.append(block)
        return np.concatenate(blocks), decoder.rate


def index_of(samples, rate):
    indexer = SeekIndexer(rate)
    for start in range(0, len(samples), 16_384):
        indexer.push(samples[start : start + 16_384])
    return indexer.index()


@pytest.fixture
def starts(monkeypatch):
    """The second of each start of a decoder by the module."""
    seen = []

    def open_seen(*arguments, start_s=0, **options):
        seen.append(start_s)
        return open_track(*arguments, start_s=start_s, **options)

    monkeypatch.setattr(seeking, "open_track", open_seen)
    return seen


def read_from(ffmpeg, path, rate, first, frames, index):
    with open_near(ffmpeg, path, rate, first, index) as (sound, begins):
        assert begins <= first
        blocks = [sound.read(first - begins)[:0]] if begins < first else []
        sizes = itertools.cycle((1, 7_000, 50_000))
        while frames > 0 and len(block := sound.read(min(frames, next(sizes)))):
            frames -= len(block)
            blocks.append(block)
    return np.concatenate(blocks)


def check(ffmpeg, path, from_s=FROM_S, length_s=PART_S):
    """Compare a part of a file; return how much of it is there."""
    whole, rate = whole_track(ffmpeg, path)
    first, frames = round(from_s * rate), round(length_s * rate)
    part = read_from(ffmpeg, path, rate, first, frames, index_of(whole, rate))
    assert np.array_equal(part, whole[first : first + frames])
    return len(part)


@pytest.mark.parametrize("name", CAN_SEEK)
def test_a_part_of_a_file_is_decoded_from_near_it(name, ffmpeg, tmp_path, starts):
    ending, options = CAN_SEEK[name]
    assert check(ffmpeg, write_audio(tmp_path / f"song.{ending}", SOUND, RATE, *options))
    assert starts == [int(FROM_S) - RUN_UP_S]


@pytest.mark.parametrize("name", CANNOT_SEEK)
def test_what_does_not_come_out_the_same_is_decoded_from_the_beginning(name, ffmpeg, tmp_path, starts):
    ending, options = CANNOT_SEEK[name]
    assert check(ffmpeg, write_audio(tmp_path / f"song.{ending}", SOUND, RATE, *options))
    assert starts == [int(FROM_S) - RUN_UP_S, 0]


def test_an_edit_list_that_begins_inside_the_sound(ffmpeg, tmp_path, starts):
    path = write_audio(tmp_path / "song.m4a", SOUND, RATE, "-c:a", "aac", "-aac_pns", "0", "-b:a", "192k")
    run_ffmpeg("-ss", "3.21", "-i", str(path), "-c", "copy", str(tmp_path / "cut.m4a"))
    assert check(ffmpeg, tmp_path / "cut.m4a", from_s=25.4)
    assert starts == [25 - RUN_UP_S]


def test_parts_of_one_mp3_that_are_mono_and_stereo(ffmpeg, tmp_path):
    pieces = [write_audio(tmp_path / f"{n}.mp3", SOUND[: 15 * RATE], RATE, "-ac", str(n)) for n in (1, 2, 1)]
    path = tmp_path / "glued.mp3"
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    for from_s in (24.0, 29.5, 38.7):
        assert check(ffmpeg, path, from_s)


def test_a_chain_of_ogg_files(ffmpeg, tmp_path):
    pieces = [
        write_audio(tmp_path / f"{n}.ogg", SOUND[: 25 * RATE], RATE, "-c:a", "libvorbis", "-ac", str(n))
        for n in (2, 1)
    ]
    path = tmp_path / "chain.ogg"
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    for from_s in (21.5, 41.2):
        assert check(ffmpeg, path, from_s)


def test_the_end_of_a_file_is_read_to_its_last_frame(ffmpeg, tmp_path, starts):
    path = write_audio(tmp_path / "song.flac", SOUND[: 30 * RATE + 123])
    assert check(ffmpeg, path, from_s=28.5, length_s=9.0) == RATE + RATE // 2 + 123
    assert len(starts) == 1


@pytest.mark.parametrize(("native", "rate"), [(48_000, 44_100), (44_100, 48_000), (32_000, 44_100)])
def test_a_resampled_part_has_the_phase_of_the_whole(native, rate, ffmpeg, tmp_path, starts):
    path = write_audio(tmp_path / "song.flac", pink_noise(LENGTH_S, native, level_db=-12.0), native)
    index = index_of(*whole_track(ffmpeg, path))
    whole, _ = whole_track(ffmpeg, path, rate)
    first, frames = round(FROM_S * rate), 3 * rate
    part = read_from(ffmpeg, path, rate, first, frames, index)
    assert np.abs(part - whole[first : first + frames]).max() <= 2**-24
    assert starts == [int(FROM_S) - 1 - RUN_UP_S]


def test_where_the_sound_stops_agreeing_the_rest_is_decoded_from_the_beginning(ffmpeg, tmp_path, starts):
    path = write_wav(tmp_path / "song.wav", SOUND)
    sums = bytearray(index_of(SOUND, RATE).sums)
    sums[28 * 4] ^= 1
    part = read_from(ffmpeg, path, RATE, 26 * RATE, 5 * RATE, SeekIndex(RATE, bytes(sums)))
    assert np.array_equal(part, SOUND[26 * RATE : 31 * RATE])
    assert starts == [26 - RUN_UP_S, 0]


@pytest.mark.parametrize("index", [None, SeekIndex(RATE, b"")])
def test_without_an_index_a_file_is_decoded_from_its_beginning(index, ffmpeg, tmp_path, starts):
    path = write_wav(tmp_path / "song.wav", SOUND)
    part = read_from(ffmpeg, path, RATE, 26 * RATE, 2 * RATE, index)
    assert np.array_equal(part, SOUND[26 * RATE : 28 * RATE])
    assert starts == [0]


def test_an_index_of_another_rate_does_no_harm(ffmpeg, tmp_path, starts):
    path = write_wav(tmp_path / "song.wav", SOUND)
    part = read_from(ffmpeg, path, RATE, 26 * RATE, 2 * RATE, SeekIndex(48_000, bytes(200)))
    assert lag(part, SOUND[26 * RATE : 28 * RATE]) == 0
    assert starts[-1] == 0


def test_near_the_beginning_a_file_is_not_sought_in(ffmpeg, tmp_path, starts):
    assert check(ffmpeg, write_wav(tmp_path / "song.wav", SOUND), from_s=12.0)
    assert starts == [0]


def test_a_file_that_is_gone_and_a_wish_to_stop_are_reported(ffmpeg, tmp_path):
    index = index_of(SOUND, RATE)
    with pytest.raises(DecodeError, match="no such file"):
        read_from(ffmpeg, tmp_path / "gone.wav", RATE, 26 * RATE, RATE, index)
    path = write_wav(tmp_path / "song.wav", SOUND)
    with (
        pytest.raises(Cancelled),
        open_near(ffmpeg, path, RATE, 26 * RATE, index, should_stop=lambda: True) as (sound, _),
    ):
        sound.read(1)


def test_an_index_survives_json():
    index = index_of(SOUND, RATE)
    assert SeekIndex.from_json(index.to_json()) == index
    assert index.seconds == LENGTH_S
