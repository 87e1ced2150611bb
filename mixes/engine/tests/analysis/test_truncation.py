"""Files that stop before they should, told from those that are whole or never knew their length."""

import struct

import pytest

from mixes.engine.analysis.truncation import describe_end, is_cut_ogg, wav_claim_s
from mixes.engine.codecs.decode import Facts

RATE_BYTES = 176_400  # a second of CD sound


def wav(claimed, *, before=b""):
    form = struct.pack("<HHIIHH", 1, 2, 44_100, RATE_BYTES, 4, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    return b"RIFF\0\0\0\0WAVE" + chunks + b"data" + struct.pack("<I", claimed) + b"\0" * 100


def page(flags):
    return b"OggS\0" + bytes([flags]) + b"\0" * 40


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "file"
        path.write_bytes(data)
        return path

    return write


def test_the_claim_of_a_wav_is_read_from_its_header(written):
    odd = b"note" + struct.pack("<I", 3) + b"abc\0"
    assert wav_claim_s(written(wav(60 * RATE_BYTES))) == 60
    assert wav_claim_s(written(wav(60 * RATE_BYTES, before=odd))) == 60


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"fLaC" * 50, wav(0xFFFFFFFF), wav(9)[:40], b"RIFF\0\0\0\0WAVE" + b"\xff" * 99]
)
def test_no_claim_is_made_up(written, data):
    assert not wav_claim_s(written(data))


def test_an_ogg_file_ends_with_a_page_that_says_so(written):
    assert not is_cut_ogg(written(page(2) + page(0) + page(4)))
    assert is_cut_ogg(written(page(2) + page(0)))
    assert is_cut_ogg(written(page(2) + b"x" * 1_000_000)) and not is_cut_ogg(written(b"fLaC"))


@pytest.mark.parametrize(
    ("claimed_s", "length_s", "is_estimate", "said"),
    [
        (200.0, 100.0, False, ("The file says that it is 3:20 long; 1:40 are there.",)),
        (4000.0, 100.0, False, ("The file says that it is 1:06:40 long; 0:01:40 are there.",)),
        (200.0, 100.0, True, ()),
        (200.0, 198.5, False, ()),  # an encoder's rounding
        (200.0, 300.0, False, ()),
        (None, 100.0, False, ()),
    ],
)
def test_what_is_missing_is_said_where_the_file_itself_knows(written, claimed_s, length_s, is_estimate, said):
    facts = Facts("mp3", 2, claimed_s, 1, is_estimate)
    assert describe_end(written(b"\xff\xfb" * 50), facts, length_s) == said
