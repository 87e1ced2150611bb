"""What the bytes of a file tell that ffmpeg does not: links of an Ogg chain, exact lengths, copy protection.

In: the path of an untrusted file, of which headers are read, never more than MAX_SCANNED_BYTES at once. Out:
numbers; an OSError of the file system is the caller's.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAX_SCANNED_BYTES = 64 << 20
MAX_BOXES = 100_000  # a fragmented MP4 has two for each fragment
MAX_BLOCKS = 200_000  # of WavPack, half a second each
MAX_TAG_BYTES = 1 << 20  # between two WavPack files
MAX_LINKS = 300  # a process each
OGG_PAGE_HEADER = 27
RESYNC_BYTES = 1 << 20
FIRST_PAGE_FLAG = 2
ASF_MAGIC = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_ENCRYPTION = tuple(
    map(bytes.fromhex, ("fbb3112223bdd211b4b700a0c955fc6e", "14e68a292226174cb935dae07ee9289c"))
)
MP4_PROTECTED = re.compile(rb"stsd.{12}(?:drms|enca|aavd)", re.DOTALL)
AUDIBLE_MAGIC = b"\x57\x90\x75\x36"
# ID3v2 (its footer too), ID3v1, APE, Lyrics3
TAG_IN_MP3 = re.compile(
    rb"(?:ID3|3DI)[\x02-\x04]\x00[\x00\x10\x40\x80\xc0][\x00-\x7f]{4}|TAG|APETAGEX|LYRICSBEGIN", re.DOTALL
)
ID3_FOOTER = 0x10  # a flag of ID3v2.4
APE_HEADER_BYTES = 32
APE_IS_HEADER = 1 << 29
ID3V1_BYTES = 128
ZEROS = bytes(512)


def ogg_links(path: Path) -> list[tuple[int, int]]:
    """Return start and end of each link of an Ogg chain, in bytes; nothing for one link or no Ogg.

    A link begins with first pages of its streams, after other pages. Chains of more than MAX_LINKS are none.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        starts = []
        at, was_first = 0, False
        while at + OGG_PAGE_HEADER <= size:
            file.seek(at)
            header = file.read(OGG_PAGE_HEADER + 255)
            if header[:4] != b"OggS":  # damage: go on at the next page
                file.seek(at)
                found = file.read(RESYNC_BYTES).find(b"OggS")
                if found == -1:
                    break
                at += found
                continue
            is_first = bool(header[5] & FIRST_PAGE_FLAG)
            if is_first and not was_first:
                starts.append(at)
            was_first = is_first
            segments = header[26]
            at += OGG_PAGE_HEADER + segments + sum(header[OGG_PAGE_HEADER : OGG_PAGE_HEADER + segments])
    if not 2 <= len(starts) <= MAX_LINKS:
        return []
    return list(zip(starts, [*starts[1:], size], strict=True))


def may_change_layout(path: Path) -> bool:
    """Tell whether a file is a sequence of MPEG frames, each of which has its own channels."""
    with path.open("rb") as file:
        header = file.read(3)
    return header == b"ID3" or (header[:1] == b"\xff" and len(header) > 1 and header[1] & 0xE0 == 0xE0)


def exact_frames(path: Path) -> int | None:
    """Return the number of frames in the header of a FLAC or WavPack file, None where it is not known."""
    with path.open("rb") as file:
        file.seek(_after_id3(file))
        header = file.read(32)
    if header[:4] == b"fLaC" and len(header) >= 26:
        return (int.from_bytes(header[18:26], "big") & 0xF_FFFF_FFFF) or None
    if header[:4] == b"wvpk" and len(header) == 32:
        (total,) = struct.unpack_from("<I", header, 12)
        return total if 0 < total < 0xFFFFFFFF else None
    return None


def _after_id3(file: BinaryIO) -> int:
    header = file.read(10)
    if header[:3] != b"ID3" or len(header) < 10:
        return 0
    return 10 + _syncsafe(header[6:10])


def _syncsafe(raw: bytes) -> int:
    return sum((byte & 127) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=True))


def mpeg_seams(path: Path) -> int:
    """Return how many tags, or stretches of zeros, stand between and behind the frames of an MP3.

    Tags that follow each other are one.
    """
    with path.open("rb") as file:
        file.seek(_after_id3(file))
        data = file.read(MAX_SCANNED_BYTES)
    seams, tagged_to = 0, -1
    for match in TAG_IN_MP3.finditer(data):
        end = _tag_end(data, match.start())
        follows_tag = match.start() <= tagged_to
        if end >= len(data) or _is_frame(data, end) or TAG_IN_MP3.match(data, end):
            seams += not follows_tag
            tagged_to = max(tagged_to, end)
    return seams + (data.endswith(ZEROS) and tagged_to < len(data))


def _tag_end(data: bytes, at: int) -> int:
    """Return where the tag that begins at a match of TAG_IN_MP3 ends."""
    if data.startswith(b"ID3", at):
        return at + 10 + _syncsafe(data[at + 6 : at + 10]) + (10 if data[at + 5] & ID3_FOOTER else 0)
    if data.startswith(b"APETAGEX", at):
        size, _items, flags = struct.unpack_from("<III", data[at + 12 : at + 24].ljust(12, b"\0"))
        return at + APE_HEADER_BYTES + (size if flags & APE_IS_HEADER else 0)
    if data.startswith(b"LYRICSBEGIN", at):
        ends = [data.find(end, at) for end in (b"LYRICS200", b"LYRICSEND")]
        return min((end + 9 for end in ends if end != -1), default=at)
    return at + (10 if data.startswith(b"3DI", at) else ID3V1_BYTES)


def _is_frame(data: bytes, at: int) -> bool:
    return data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] >= b"\xe0"


def joined_file(path: Path) -> str:
    """Return the kind of a second file joined to a WAV, an M4A or a WavPack, where no decoder looks.

    Empty where there is none. Raises OSError.
    """
    with path.open("rb") as file:
        header = file.read(12)
        if header[:4] == b"RIFF" and header[8:] == b"WAVE":
            return "WAV" if _follows_wav(file, header) else ""
        if header[4:8] == b"ftyp":
            names = [name for name, _end in _boxes(file)]
            return "M4A" if names.count(b"moov") > 1 or names.count(b"ftyp") > 1 else ""
        return "WavPack" if header[:4] == b"wvpk" and _starts_again(file) else ""


def ends_inside_fragment(path: Path) -> bool:
    """Return whether the last box of a fragmented MP4 is longer than the file. Raises OSError."""
    with path.open("rb") as file:
        if file.read(8)[4:] != b"ftyp":
            return False
        size = file.seek(0, 2)
        boxes = list(_boxes(file))
    return any(name == b"moof" for name, _end in boxes) and boxes[-1][1] > size


def _follows_wav(file: BinaryIO, header: bytes) -> bool:
    size = int.from_bytes(header[4:8], "little")
    file.seek(8 + size + size % 2)
    following = file.read(12)
    return following[:4] == b"RIFF" and following[8:] == b"WAVE"


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the name of each outer box of an MP4, and where it ends."""
    at = 0
    for _ in range(MAX_BOXES):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8 or not header[4:8].isalnum():
            return
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16].ljust(8, b"\0"), "big")
        if size < 8:  # 0: to the end of the file
            return
        at += size
        yield header[4:8], at


def _starts_again(file: BinaryIO) -> bool:
    """Return whether the blocks of a WavPack count their samples from 0 a second time."""
    at = counted = 0
    for _ in range(MAX_BLOCKS):
        file.seek(at)
        header = file.read(32)
        if header[:4] != b"wvpk" or len(header) < 32:  # a tag
            file.seek(at)
            found = file.read(MAX_TAG_BYTES).find(b"wvpk")
            if found < 1:
                return False
            at += found
            continue
        size, first, samples = struct.unpack_from("<4xI8xII", header)
        if samples and not first and counted:
            return True
        counted = max(counted, first)
        at += 8 + size
    return False


def is_copy_protected(path: Path) -> bool:
    """Tell whether the sound of an MP4, a WMA or an Audible file is encrypted."""
    with path.open("rb") as file:
        start = file.read(16)
        if start[4:8] == AUDIBLE_MAGIC:
            return True
        if start == ASF_MAGIC:
            header = file.read(1 << 16)
            return any(guid in header for guid in ASF_ENCRYPTION)
        return start[4:8] == b"ftyp" and bool(MP4_PROTECTED.search(_movie_box(file)))


def _movie_box(file: BinaryIO) -> bytes:
    """Return the `moov` box of an MP4, cut at MAX_SCANNED_BYTES; empty where there is none."""
    at = 0
    for _ in range(MAX_BOXES):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return b""
        size = int.from_bytes(header[:4], "big")
        if size == 1 and len(header) == 16:
            size = int.from_bytes(header[8:], "big")
        if header[4:8] == b"moov":
            file.seek(at)
            return file.read(min(size or MAX_SCANNED_BYTES, MAX_SCANNED_BYTES))
        if size < 8:
            return b""
        at += size
    return b""
