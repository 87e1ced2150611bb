"""Detect truncated files, such as incomplete downloads: their declared length exceeds the decoded one.

In: a file, its declared length, its decoded length. Out: a sentence for the user, or none. Decoders do not
report a WAV, MP3 or Ogg file that ends too early.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

from mixes.engine.codecs.containers import ends_inside_fragment, exact_frames, joined_file, mpeg_seams
from mixes.engine.codecs.decode import StreamInfo
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss

TOLERANCE_S, TOLERANCE_SHARE = 2.0, 0.02  # up to the larger of both, encoders round
UNKNOWN_SIZE = 0xFFFFFFFF  # written by programs that stream a WAV of unknown length
# ... or the largest size they know, 2 GB or 4 GB, less a header or a block
UNKNOWN_SIZES = (range(0x7FFF0000, 0x80010000), range(0xFFFF0000, 0x100000000))
WAV_TOLERANCE_S = 0.1  # its header is exact
# PCM, floats, A-law, mu-law and the extensible format: a second has always the same number of bytes
STEADY_FORMATS = (1, 3, 6, 7, 0xFFFE)
MAX_CHUNKS = 100
MAX_PAGE_BYTES = 65_307  # of Ogg (RFC 3533)
# What ffmpeg says of bytes that are no frame
AFTER_LAST_FRAME = (
    *("invalid sync code", "invalid frame header", "decode_frame() failed", "Decoding error: Invalid data"),
    *("Invalid block header", "Error during demuxing", "Error submitting packet to decoder: Invalid data"),
)
NO_FRAME = ("Header missing", "Error submitting packet to decoder: Invalid data")
ERRORS_PER_SEAM = 2
LOOKS_BACK = (
    "invalid new backstep"  # a frame needs bytes of the one before, where an MP3 was cut out of another
)
CUT_SAMPLE = ("Invalid PCM packet", "Decoding error: Invalid data")  # the file ends inside a sample
LAST_PAGE_FLAG = 4  # "end of stream" in the header of an Ogg page


def harmless_errors(path: Path, info: StreamInfo, frames: int, errors: Sequence[str]) -> int:
    """Return how many of ffmpeg's error lines are about bytes between or behind the frames of a file.

    Where all frames came that the header of a FLAC or WavPack file counts, tags or zeros follow them. Tags
    in a joined MP3 cost two lines each. What a cut costs, before an MP3 or inside
    a sample, is no sound. Raises OSError.
    """
    if not errors:
        return 0
    if exact_frames(path) == frames:
        return sum(any(text in line for text in AFTER_LAST_FRAME) for line in errors)
    if info.codec.startswith("mp3"):
        no_frame = sum(any(text in line for text in NO_FRAME) for line in errors)
        cut_start = sum(LOOKS_BACK in line for line in errors)
        return cut_start + min(no_frame, ERRORS_PER_SEAM * mpeg_seams(path))
    if info.codec.startswith("pcm"):
        return sum(any(text in line for text in CUT_SAMPLE) for line in errors)
    return 0


def truncation_notes(
    path: Path, info: StreamInfo, length_s: float, *, ended_early: bool = False
) -> tuple[str, ...]:
    """Return a sentence when the end of a file is missing, else an empty tuple. Raises OSError."""
    wav_s = wav_declared_s(path)
    declared_s = info.declared_s if wav_s is None and not info.is_estimate else wav_s
    if declared_s and declared_s - length_s > max(TOLERANCE_S, TOLERANCE_SHARE * declared_s):
        format_time = format_h_mm_ss if declared_s >= 3600 else format_m_ss
        declared, decoded = format_time(int(declared_s)), format_time(int(length_s))
        return (f"The file says that it is {declared} long; {decoded} are there.",)
    if wav_s is not None and wav_s - length_s > WAV_TOLERANCE_S:
        return (f"The last {wav_s - length_s:.1f} s of the file are missing.",)
    if ended_early and (not declared_s or is_ogg(path)):  # a chain declares one of its links
        format_time = format_h_mm_ss if length_s >= 3600 else format_m_ss
        return (f"Only the first {format_time(int(length_s))} of the file can be read; the rest is missing.",)
    if kind := joined_file(path):
        format_time = format_h_mm_ss if length_s >= 3600 else format_m_ss
        return (
            f"Only the first {format_time(int(length_s))} are read: another {kind} is joined to the file.",
        )
    if is_truncated_ogg(path) or ends_inside_fragment(path):
        return ("The file stops without an end: its last part may be missing.",)
    return ()


def wav_declared_s(path: Path) -> float | None:
    """Return the length in seconds that a WAV header declares; None without one, or for another format."""
    with path.open("rb") as file:
        if (header := file.read(12))[:4] != b"RIFF" or header[8:] != b"WAVE":
            return None
        bytes_per_s = 0
        for _ in range(MAX_CHUNKS):
            name, size = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
            if name == b"data":
                is_known = bytes_per_s and not any(size in sizes for sizes in UNKNOWN_SIZES)
                return size / bytes_per_s if is_known else None
            if name == b"fmt ":
                form, bytes_per_s = struct.unpack("<H6xI", file.read(12).ljust(12, b"\0"))
                bytes_per_s *= form in STEADY_FORMATS
                size -= 12
            file.seek(max(0, size) + size % 2, 1)
    return None


def is_ogg(path: Path) -> bool:
    """Tell whether a file begins with an Ogg page. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) == b"OggS"


def is_truncated_ogg(path: Path) -> bool:
    """Return whether an Ogg file ends without a page flagged as its last."""
    if not is_ogg(path):
        return False
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 2 * MAX_PAGE_BYTES))
        end = file.read()
    flags = end[end.rfind(b"OggS") + 5 :][:1]
    return not (flags and flags[0] & LAST_PAGE_FLAG)
