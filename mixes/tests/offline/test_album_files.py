"""Songs cut out of a longer file, beside what the tests of playlists and of the command show."""

import io
import struct

import pytest

from mixes.services.offline.album_files import FRAME_BYTES, _write_header


@pytest.mark.parametrize(
    ("frames", "riff", "data"),
    [(1_000, 8_036, 8_000), (4 * 3600 * 44_100, 0xFFFFFFFF, 0xFFFFFFFF)],
)
def test_a_part_longer_than_a_wav_can_say_has_the_size_of_streams(frames, riff, data):
    file = io.BytesIO()
    _write_header(file, 44_100, frames * FRAME_BYTES)
    header = file.getvalue()
    assert struct.unpack("<I", header[4:8]) == (riff,) and struct.unpack("<I", header[-4:]) == (data,)
