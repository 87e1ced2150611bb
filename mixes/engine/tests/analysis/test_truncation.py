"""Tests that truncated files are distinguished from complete ones and from those of unknown length."""

import struct

import pytest

from mixes.engine.analysis.truncation import is_truncated_ogg, truncation_notes, wav_declared_s
from mixes.engine.codecs.decode import StreamInfo

RATE_BYTES = 176_400  # bytes per second of CD audio


def wav(declared, *, before=b"", tag=1):
    form = struct.pack("<HHIIHH", tag, 2, 44_100, RATE_BYTES, 4, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    return b"RIFF\0\0\0\0WAVE" + chunks + b"data" + struct.pack("<I", declared) + b"\0" * 100


def page(flags):
    return b"OggS\0" + bytes([flags]) + b"\0" * 40


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "file"
        path.write_bytes(data)
        return path

    return write


def test_the_declared_length_of_a_wav_is_read_from_its_header(written):
    odd = b"note" + struct.pack("<I", 3) + b"abc\0"
    assert wav_declared_s(written(wav(60 * RATE_BYTES))) == 60
    assert wav_declared_s(written(wav(60 * RATE_BYTES, before=odd))) == 60


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"RIFF", b"fLaC" * 50, wav(9)[:40], b"RIFF\0\0\0\0WAVE" + b"\xff" * 99),
        # of unknown length, as ffmpeg, sox, arecord and others write to a pipe
        *(wav(0xFFFFFFFF), wav(0x7FFFF000), wav(0x80000000), wav(0xFFFFFFDB), wav(0x7FFFFFFF)),
        wav(60 * RATE_BYTES, tag=2),  # ADPCM: its bytes per second are an average
    ],
)
def test_a_file_without_a_valid_header_declares_no_length(written, data):
    assert not wav_declared_s(written(data))


def test_an_ogg_file_ends_with_a_page_flagged_as_last(written):
    assert not is_truncated_ogg(written(page(2) + page(0) + page(4)))
    assert is_truncated_ogg(written(page(2) + page(0)))
    assert is_truncated_ogg(written(page(2) + b"x" * 1_000_000)) and not is_truncated_ogg(written(b"fLaC"))


@pytest.mark.parametrize(
    ("declared_s", "length_s", "is_estimate", "notes"),
    [
        (200.0, 100.0, False, ("The file says that it is 3:20 long; 1:40 are there.",)),
        (4000.0, 100.0, False, ("The file says that it is 1:06:40 long; 0:01:40 are there.",)),
        (200.0, 100.0, True, ()),
        (200.0, 198.5, False, ()),  # an encoder's rounding
        (200.0, 300.0, False, ()),
        (None, 100.0, False, ()),
    ],
)
def test_a_missing_end_is_reported_when_the_file_declares_its_length(
    written, declared_s, length_s, is_estimate, notes
):
    info = StreamInfo("mp3", 2, declared_s, 1, is_estimate)
    assert truncation_notes(written(b"\xff\xfb" * 50), info, length_s) == notes


def test_a_wav_joined_to_another_is_named(written):
    data = bytearray(wav(100))
    data[4:8] = struct.pack("<I", len(data) - 8)
    assert truncation_notes(written(bytes(data)), StreamInfo("pcm_s16le", 2, 8.0), 8.0) == ()
    (note,) = truncation_notes(written(bytes(data) * 2), StreamInfo("pcm_s16le", 2, 8.0), 8.0)
    assert "first 0:08" in note and "another WAV" in note


def box(name, content=b"\0" * 40, *, missing=0):
    return struct.pack(">I", 8 + len(content) + missing) + name + content


def block(first, samples=22_050, size=200):
    """Return a block of a WavPack file that begins at sample `first`."""
    head = struct.pack("<4sIHBBIIIII", b"wvpk", size - 8, 0x410, 0, 0, 0, first, samples, 0, 0)
    return head.ljust(size, b"\0")


M4A = box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov") + box(b"mdat")
FRAGMENTED = box(b"ftyp", b"iso5\0\0\0\0") + box(b"moov") + box(b"moof") + box(b"mdat")
WAVPACK = block(0) + block(22_050) + block(44_100)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (M4A, ""),
        (M4A * 2, "another M4A is joined"),
        (M4A + box(b"free"), ""),
        (M4A[:-20], ""),  # its declared length tells that
        (FRAGMENTED, ""),
        (FRAGMENTED + box(b"moof") + box(b"mdat", missing=90), "stops without an end"),
        (WAVPACK, ""),
        (WAVPACK * 2, "another WavPack is joined"),
        ((WAVPACK + b"APETAGEX" + b"\0" * 40) * 2, "another WavPack is joined"),
        (WAVPACK + b"APETAGEX" + b"\0" * 40, ""),
        (block(0, samples=0) + WAVPACK, ""),  # a block of metadata
    ],
)
def test_files_joined_or_cut_in_other_containers_are_named(written, data, found):
    notes = truncation_notes(written(data), StreamInfo("aac", 2, 8.0), 8.0)
    assert found in " ".join(notes) if found else notes == ()
