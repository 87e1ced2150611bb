"""Tests of MP3 frames taken apart and packed again: decoders must not tell the difference."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.passthrough.frames import (
    BLOCKS,
    FEWEST_FRAMES,
    PIECE_FRAMES,
    Frames,
    Unfit,
    highest_gain,
    open_stream,
    take_apart,
    window_kinds,
)
from mixes.engine.passthrough.packing import FARTHEST_BACK, Packer
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import DEMO_SONGS, render_song
from mixes.engine.tests.passthrough.streams import decode, encode, repack
from mixes.engine.timeline import MP3_FRAME as FRAME

KINDS = {
    "320 with reservoir": ("-b:a", "320k"),
    "320 without": ("-b:a", "320k", "-reservoir", "0"),
    "128 joint": ("-b:a", "128k"),
    "V0": ("-q:a", "0"),
    "V9": ("-q:a", "9", "-ar", "44100"),
    "simple stereo": ("-b:a", "192k", "-joint_stereo", "0"),
}


@functools.cache
def music(seconds=6, rate=44_100):
    return render_song(DEMO_SONGS[0], rate)[rate : (1 + seconds) * rate]


@pytest.mark.parametrize("kind", KINDS)
def test_packed_again_it_decodes_to_the_same_samples(ffmpeg, kind):
    data = encode(ffmpeg, music(), *KINDS[kind])
    stream = open_stream(data)
    wanted, _ = decode(ffmpeg, data)
    heard, complaints = decode(ffmpeg, repack(data))
    heard = heard[2 * FRAME + stream.delay :]
    same = min(len(wanted), len(heard))
    assert complaints == b""
    assert same > 5 * 44_100
    assert np.array_equal(heard[:same], wanted[:same])


@pytest.mark.parametrize("step", [-3, 1, 2])
def test_a_step_is_a_quarter_of_an_octave_of_gain(ffmpeg, step):
    data = encode(ffmpeg, music() * np.float32(0.4), "-b:a", "192k")
    plain, moved = decode(ffmpeg, repack(data))[0], decode(ffmpeg, repack(data, step))[0]
    assert np.abs(plain).max() > 0.1
    assert np.abs(moved - plain * 2 ** (step / 4)).max() < 1e-5


def test_mono_becomes_mid(ffmpeg):
    data = encode(ffmpeg, music()[:, :1].copy(), "-b:a", "128k")
    stream = open_stream(data)
    wanted = decode(ffmpeg, data)[0] * np.float32(2**0.5)  # ffmpeg gives each side 1 / sqrt(2) of it
    heard, complaints = decode(ffmpeg, repack(data))
    heard = heard[2 * FRAME + stream.delay :]
    same = min(len(wanted), len(heard))
    assert stream.mono
    assert complaints == b""
    assert np.abs(heard[:same] - wanted[:same]).max() < 1e-6


def test_it_knows_delay_and_length(ffmpeg):
    data = encode(ffmpeg, music(), "-b:a", "128k")
    stream = open_stream(data)
    assert (stream.delay, stream.rate, stream.highest_kbps) == (1105, 44_100, 128)
    assert stream.samples == len(music())


def test_pieces_are_what_the_whole_is(ffmpeg):
    stream = open_stream(encode(ffmpeg, music()))
    whole = take_apart(stream, 0, len(stream))
    piece = take_apart(stream, 100, 150)
    for name in ("side", "padding", "begin", "size", "windows", "stereo"):
        assert np.array_equal(getattr(piece, name), getattr(whole, name)[100:150])
    for begin, size in zip(piece.begin.tolist(), piece.size.tolist(), strict=True):
        held = piece.main[begin - piece.main_at :][:size]
        assert held == whole.main[begin - whole.main_at :][:size]
        assert len(held) == size


def unfit_streams(ffmpeg):
    stereo = encode(ffmpeg, music(1), "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0")
    mono = encode(ffmpeg, music(1)[:, :1].copy(), "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0")
    half = encode(ffmpeg, music(1), "-ar", "22050", "-b:a", "64k")
    return {
        "MPEG-1 Layer III": (half, b"RIFF" + bytes(100), b"", b"\xff\xfb"),
        "between mono and stereo": (stereo + mono,),
        "other data": (stereo + b"noise" * 50 + stereo,),
        "cannot be distinguished": (stereo[:1000],),
    }


def test_what_cannot_be_copied_says_why(ffmpeg):
    for words, streams in unfit_streams(ffmpeg).items():
        for data in streams:
            with pytest.raises(Unfit, match=words):
                open_stream(data)


def test_a_cut_file_loses_its_last_frame_only(ffmpeg):
    data = encode(ffmpeg, music(1), "-b:a", "128k")
    assert len(open_stream(data[:-50])) == len(open_stream(data)) - 1


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), b"APETAGEX" + bytes(60), bytes(4000)])
def test_tags_may_follow(ffmpeg, behind):
    data = encode(ffmpeg, music(1), "-b:a", "128k")
    assert len(open_stream(data + behind)) == len(open_stream(data))


def test_gain_beyond_the_field_is_refused(ffmpeg):
    stream = open_stream(encode(ffmpeg, music(1)))
    highest = highest_gain(take_apart(stream, 0, len(stream)))
    take_apart(stream, 0, len(stream), 255 - highest)
    with pytest.raises(Unfit, match="loudness"):
        take_apart(stream, 0, len(stream), 256 - highest)


@functools.cache
def short_stream():
    return encode(find_ffmpeg(), music(1), "-b:a", "128k")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 16_000), st.integers(0, 255)), max_size=6), st.integers(0, 17_000))
def test_damaged_streams_are_taken_or_refused_in_words(changes, length):
    data = bytearray(short_stream())
    for place, byte in changes:
        data[place % len(data)] = byte
    try:
        stream = open_stream(bytes(data[:length]))
        frames = take_apart(stream, 0, len(stream))
    except Unfit as unfit:
        assert str(unfit)
    else:
        assert len(frames) == len(stream) > 0


def frames_of(sizes, paddings, rng):
    """Return frames whose main data follow each other, with random side information and bytes."""
    sizes = np.array(sizes, np.int64)
    begin = np.cumsum(sizes) - sizes
    side = rng.integers(0, 256, (len(sizes), 32), dtype=np.uint8)
    side[:, 0] = side[:, 1] = 0
    main = rng.integers(0, 256, int(sizes.sum()), dtype=np.uint8).tobytes()
    windows = np.zeros((len(sizes), 2, 2), np.uint8)
    return Frames(side, np.zeros_like(sizes), np.array(paddings, np.int64), begin, sizes, windows, main, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1_440), st.integers(0, 1)), min_size=1, max_size=60),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_main_data_lies_where_the_header_says(shapes, at_once, seed):
    sizes, paddings = zip(*shapes, strict=True)
    frames = frames_of(sizes, paddings, np.random.default_rng(seed))
    packer, packed, taken = Packer(44_100, 320), [], 0
    while taken < len(frames):
        count = packer.push(frames[taken : taken + at_once])
        taken += count
        packed += packer.take()
        if not count:
            break  # no room: what follows waits for a silent frame
    packed += packer.take(everything=True)
    slots = b"".join(frame[36:] for frame in packed)
    start = 0
    assert len(packed) == taken
    for index, frame in enumerate(packed):
        back = frame[4] << 1 | frame[5] >> 7
        held = slots[start - back :][: sizes[index]] if back else slots[start:][: sizes[index]]
        assert back <= min(FARTHEST_BACK, start)
        assert held == frames.main[int(frames.begin[index]) :][: sizes[index]]
        assert len(frame) == 1044 + paddings[index]
        start += len(frame) - 36


# how many bits, and all else of its side information
GRANULE = st.tuples(st.integers(0, 1_500), st.integers(0, 2**47 - 1))


@st.composite
def streams_of_frames(draw):
    """Return frames of any bits whose sizes are what their side information says."""
    shapes = draw(st.lists(st.tuples(*[GRANULE] * 4), min_size=8, max_size=30))
    bits = np.zeros((len(shapes), 256), np.uint8)
    for frame, granules in enumerate(shapes):
        for block, (length, rest) in zip(BLOCKS, granules, strict=True):
            bits[frame, block : block + 12] = [length >> bit & 1 for bit in range(11, -1, -1)]
            bits[frame, block + 12 : block + 59] = [rest >> bit & 1 for bit in range(46, -1, -1)]
    sizes = [-(-sum(length for length, _ in granules) // 8) for granules in shapes]
    paddings = draw(st.lists(st.integers(0, 1), min_size=len(shapes), max_size=len(shapes)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    stereo = rng.integers(0, 4, len(shapes))
    made = frames_of(sizes, paddings, rng)
    return replace(made, side=np.packbits(bits, axis=1), windows=window_kinds(bits), stereo=stereo)


@settings(max_examples=60, deadline=None)
@given(streams_of_frames(), st.sampled_from([256, 320]))
def test_what_is_packed_is_taken_apart_again(frames, kbps):
    packer = Packer(44_100, kbps)
    taken = packer.push(frames)
    data = b"".join(packer.take(everything=True))
    if taken < FEWEST_FRAMES:
        return
    stream = open_stream(data)
    again = take_apart(stream, 0, len(stream))
    assert len(again) == taken
    for name in ("side", "stereo", "padding", "size", "windows"):
        assert np.array_equal(getattr(again, name), getattr(frames, name)[:taken])
    for index in range(taken):
        place, other = int(again.begin[index]) - again.main_at, int(frames.begin[index])
        size = int(frames.size[index])
        assert again.main[place : place + size] == frames.main[other : other + size]
    twice = Packer(44_100, kbps)
    assert twice.push(again) == taken
    assert b"".join(twice.take(everything=True)) == data


def test_a_frame_without_room_is_not_taken():
    frames = frames_of([1_100], [0], np.random.default_rng(0))
    packer = Packer(44_100, 320)
    assert (packer.fitting(frames), packer.push(frames)) == (0, 0)
    packer.push(frames_of([0], [0], np.random.default_rng(0)))
    assert packer.push(frames) == 1


def test_pieces_are_small():
    assert PIECE_FRAMES * 1044 < 5_000_000
