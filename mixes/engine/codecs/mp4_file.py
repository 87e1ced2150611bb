"""Write an MP4 in one pass: the samples as they come, then the index into the room kept for it in front.

In: encoded frames of video and sound, chapters. Out: a file with its index at the front, which plays while it
is received. Only the size of each frame is kept in memory, 4 bytes each. Boxes and fields are those of
ISO 14496-12, 14496-14 (sound) and 14496-15 (video), and of QuickTime for chapters and tags.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from mixes.engine.codecs.aac import AdtsInfo

SPARE_BYTES = 256  # of the room for the index: runs of equal durations, and the box that fills the rest
SHORT_HEADER_BYTES = 8
UINT32_MAX = 0xFFFF_FFFF
MAX_LISTED_CHAPTERS = 255  # of the older list; the chapter track holds all of them
LISTED_CHAPTER_UNITS = 10_000_000  # per second, of that list
UNKNOWN_LANGUAGE = 0x55C4  # "und"
IDENTITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
AAC_LC = 2
SEQUENCE_SET = 7  # the kind of a part of an H.264 frame that only key frames have
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
UTF8_TEXT = struct.pack(">I4sI", 12, b"encd", 0x100)  # follows the text of a chapter


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """The H.264 stream: parameter sets without start codes, size in pixels, frames per second."""

    sps: bytes
    pps: bytes
    size: tuple[int, int]
    fps: int


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """The AAC-LC stream in stereo: rate in Hz, samples a channel that are heard, frames."""

    rate: int
    samples: int
    info: AdtsInfo


@dataclass(frozen=True, slots=True)
class Layout:
    """Numbers of pictures, of key frames among them, and of chunks: at most one of each track a second."""

    video_frames: int
    keys: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Names:
    """Title and artist, and for each chapter its first frame at the mix rate and its title.

    The first chapter starts at 0; titles have at most 255 bytes.
    """

    title: str = ""
    artist: str = ""
    chapters: Sequence[tuple[int, str]] = ()


NO_NAMES = Names()


@dataclass(slots=True)
class Samples:
    """Where the frames of one track are in the file: each chunk holds some of them in a row."""

    sizes: "array[int]" = field(default_factory=lambda: array("I"))
    keys: "array[int]" = field(default_factory=lambda: array("I"))  # numbers of the key frames, from 1
    chunk_offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    chunk_counts: "array[int]" = field(default_factory=lambda: array("I"))

    def add_chunk(self, offset: int, frames: Sequence[bytes]) -> None:
        self.chunk_offsets.append(offset)
        self.chunk_counts.append(len(frames))
        self.sizes.extend(map(len, frames))


class Mp4File:
    """Writes one MP4. Use as a context manager: leaving it without an error writes the index."""

    def __init__(
        self, path: Path, video: VideoFormat, sound: SoundFormat, layout: Layout, names: Names = NO_NAMES
    ) -> None:
        """Open `path` and keep room for the index. Raises OSError when the file cannot be written."""
        self.video, self.sound, self.layout, self.names = video, sound, layout, names
        self.pictures, self.heard, self.titles = Samples(), Samples(), Samples()
        self._index_bytes = len(self._index()) + table_bytes(layout, sound, names) + SPARE_BYTES
        self._file = path.open("wb")
        self._file.write(FILE_TYPE + bytes(self._index_bytes))
        self._data_offset = self._file.tell()
        self._file.write(data_header(0))
        if names.chapters:
            self._add(self.titles, [chapter_text(name) for _start, name in names.chapters])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()

    def add_video(self, frames: Sequence[bytes]) -> None:
        """Write a chunk of H.264 frames, whose parts have their lengths in front."""
        first = len(self.pictures.sizes) + 1
        self.pictures.keys.extend(first + at for at, frame in enumerate(frames) if is_key(frame))
        self._add(self.pictures, frames)

    def add_sound(self, frames: Sequence[bytes]) -> None:
        """Write a chunk of AAC frames, without their ADTS headers."""
        self._add(self.heard, frames)

    def _add(self, samples: Samples, frames: Sequence[bytes]) -> None:
        samples.add_chunk(self._file.tell(), frames)
        self._file.write(b"".join(frames))

    def _finish(self) -> None:
        end = self._file.tell()
        self._file.seek(self._data_offset)
        self._file.write(data_header(end - self._data_offset))
        index = self._index()
        self._file.seek(len(FILE_TYPE))
        self._file.write(index + struct.pack(">I4s", self._index_bytes - len(index), b"free"))

    def _index(self) -> bytes:
        chapters, rate = self.names.chapters, self.sound.rate
        tracks = [
            video_track(self.video, self.pictures, rate, has_chapters=bool(chapters)),
            sound_track(self.sound, self.heard, has_chapters=bool(chapters)),
        ]
        if chapters:
            tracks.append(chapter_track(chapters, self.titles, self.sound))
        length = max(round(len(self.pictures.sizes) * rate / self.video.fps), self.sound.samples)
        return box(b"moov", movie_header(rate, length), *tracks, user_data(self.names, rate))


def data_header(length: int) -> bytes:
    """Return the header of the data box, always 16 bytes; `length` includes them."""
    if length - SHORT_HEADER_BYTES <= UINT32_MAX:
        free = struct.pack(">I4s", SHORT_HEADER_BYTES, b"free")
        return free + struct.pack(">I4s", max(0, length - SHORT_HEADER_BYTES), b"mdat")
    return struct.pack(">I4sQ", 1, b"mdat", length)


def table_bytes(layout: Layout, sound: SoundFormat, names: Names) -> int:
    """Return the most bytes that the tables of frames and chunks can take."""
    frames = layout.video_frames + sound.info.frames + len(names.chapters)
    return 4 * (frames + layout.keys) + 2 * (12 + 8) * layout.chunks  # a chunk: its frames, its place


def is_key(frame: bytes) -> bool:
    """Return whether a frame has more than a delimiter and a picture: the key frames bring parameter sets."""
    second = 4 + int.from_bytes(frame[:4], "big")
    return frame[second + 4] & 31 == SEQUENCE_SET


def box(kind: bytes, *parts: bytes) -> bytes:
    return b"".join((struct.pack(">I4s", 8 + sum(map(len, parts)), kind), *parts))


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


FONT_TABLE = box(b"ftab", struct.pack(">HHB", 1, 1, 0))
FILE_TYPE = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isom", b"iso2", b"avc1", b"mp41")


def movie_header(rate: int, length: int) -> bytes:
    """Return the header of a movie of `length` units of 1/`rate` s; tracks beyond the fourth may follow."""
    times = struct.pack(">4I", 0, 0, rate, length)
    return full_box(
        b"mvhd",
        times,
        struct.pack(">IH10x", 0x10000, 0x100),
        IDENTITY_MATRIX,
        bytes(24),
        struct.pack(">I", 4),
    )


def video_track(video: VideoFormat, samples: Samples, rate: int, *, has_chapters: bool) -> bytes:
    """Return the track of the pictures, whose times have 512 units a frame, as ffmpeg writes them."""
    count, timescale = len(samples.sizes), 512 * video.fps
    width, height = video.size
    entry = box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH", 1, width, height, 72 << 16, 72 << 16, 0, 1),
        bytes(32),
        struct.pack(">HH", 24, 0xFFFF),
        box(b"avcC", decoder_settings(video)),
        box(b"colr", b"nclx", struct.pack(">HHHB", 1, 1, 1, 0)),  # BT.709, limited range
        box(b"pasp", struct.pack(">II", 1, 1)),
    )
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        time_table([(count, 512)]),
        full_box(b"stss", struct.pack(">I", len(samples.keys)), big_endian(samples.keys)),
        *sample_tables(samples),
    )
    length = round(count * rate / video.fps)
    return track(
        track_header(1, length, size=video.size),
        edit_list(length, 0),
        media(timescale, count * 512, b"vide", b"VideoHandler", full_box(b"vmhd", bytes(8), flags=1), table),
        has_chapters=has_chapters,
    )


def decoder_settings(video: VideoFormat) -> bytes:
    """Return the decoder configuration record of a High profile stream in 4:2:0 with 8 bits."""
    return b"".join(
        (
            bytes((1, *video.sps[1:4], 0xFF, 0xE1)),
            struct.pack(">H", len(video.sps)) + video.sps,
            b"\x01" + struct.pack(">H", len(video.pps)) + video.pps,
            bytes((0xFD, 0xF8, 0xF8, 0)),
        )
    )


def sound_track(sound: SoundFormat, samples: Samples, *, has_chapters: bool) -> bytes:
    """Return the track of the sound, which begins after the priming."""
    count, length, info = len(samples.sizes), sound.samples, sound.info
    played = length + info.priming_samples
    bits_per_s = 8 * sum(samples.sizes) * sound.rate // max(1, played)
    settings = struct.pack(">H", AAC_LC << 11 | AAC_RATES.index(sound.rate) << 7 | 2 << 3)
    decoder = struct.pack(">BB3xII", 0x40, 0x15, bits_per_s, bits_per_s) + descriptor(5, settings)
    stream = struct.pack(">HB", 2, 0) + descriptor(4, decoder) + descriptor(6, b"\x02")
    entry = box(
        b"mp4a",
        struct.pack(">6xH8xHHII", 1, 2, 16, 0, sound.rate << 16),
        full_box(b"esds", descriptor(3, stream)),
    )
    runs = [(count - 1, info.frame_samples), (1, info.last_frame_samples)]
    roll = struct.pack(">4sIIh", b"roll", 2, 1, -1)  # decoding starts one frame earlier
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        time_table(runs if count else []),
        *sample_tables(samples),
        full_box(b"sgpd", roll, version=1),
        full_box(b"sbgp", struct.pack(">4sIII", b"roll", 1, count, 1)),
    )
    return track(
        track_header(2, length, volume=0x100, alternate_group=1),
        edit_list(length, info.priming_samples),
        media(sound.rate, played, b"soun", b"SoundHandler", full_box(b"smhd", bytes(4)), table),
        has_chapters=has_chapters,
    )


def descriptor(tag: int, content: bytes) -> bytes:
    """Return an MPEG-4 descriptor, with its length in four bytes as ffmpeg writes it."""
    return bytes((tag, 0x80, 0x80, 0x80, len(content))) + content


def chapter_track(chapters: Sequence[tuple[int, str]], samples: Samples, sound: SoundFormat) -> bytes:
    """Return the text track whose samples are the titles, each shown until the next."""
    length, starts = sound.samples, [start for start, _name in chapters]
    durations = [end - start for start, end in zip(starts, [*starts[1:], length], strict=True)]
    entry = box(b"text", struct.pack(">6xHI18xH6x", 1, 1, 1), FONT_TABLE)
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        time_table([(1, duration) for duration in durations]),
        *sample_tables(samples),
    )
    shown = full_box(b"gmin", struct.pack(">6H", 0x40, *[0x8000] * 3, 0, 0))
    header = box(b"gmhd", shown, box(b"text", IDENTITY_MATRIX))
    return track(
        track_header(3, length, flags=2),  # not shown by itself
        edit_list(length, 0),
        media(sound.rate, length, b"text", b"SubtitleHandler", header, table),
    )


def track(header: bytes, edits: bytes, content: bytes, *, has_chapters: bool = False) -> bytes:
    reference = [box(b"tref", box(b"chap", struct.pack(">I", 3)))] if has_chapters else []
    return box(b"trak", header, edits, *reference, content)


def track_header(
    number: int,
    length: int,
    *,
    size: tuple[int, int] = (0, 0),
    volume: int = 0,
    alternate_group: int = 0,
    flags: int = 3,
) -> bytes:
    """Return the header of a track of `length` units of the movie; `flags` 3: enabled and in the movie."""
    return full_box(
        b"tkhd",
        struct.pack(">5I8x4H", 0, 0, number, 0, length, 0, alternate_group, volume, 0),
        IDENTITY_MATRIX,
        struct.pack(">II", size[0] << 16, size[1] << 16),
        flags=flags,
    )


def edit_list(length: int, skipped: int) -> bytes:
    """Return the list that plays `length` units of the movie after the first `skipped` of the media."""
    return box(b"edts", full_box(b"elst", struct.pack(">IIIHH", 1, length, skipped, 1, 0)))


def media(timescale: int, length: int, kind: bytes, name: bytes, header: bytes, table: bytes) -> bytes:
    file_itself = full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1))
    return box(
        b"mdia",
        full_box(b"mdhd", struct.pack(">4IHH", 0, 0, timescale, length, UNKNOWN_LANGUAGE, 0)),
        full_box(b"hdlr", bytes(4), kind, bytes(12), name, b"\0"),
        box(b"minf", header, box(b"dinf", file_itself), table),
    )


def time_table(runs: Sequence[tuple[int, int]]) -> bytes:
    """Return the durations of all frames, as runs of (count, duration)."""
    kept = [run for run in runs if run[0]]
    return full_box(b"stts", struct.pack(">I", len(kept)), *(struct.pack(">II", *run) for run in kept))


def sample_tables(samples: Samples) -> tuple[bytes, bytes, bytes]:
    """Return the tables of frames per chunk, sizes of frames and places of chunks."""
    offsets, counts = samples.chunk_offsets, samples.chunk_counts
    changes = [at for at in range(len(counts)) if at == 0 or counts[at] != counts[at - 1]]
    runs = b"".join(struct.pack(">III", at + 1, counts[at], 1) for at in changes)
    head = struct.pack(">I", len(offsets))
    if not offsets or offsets[-1] <= UINT32_MAX:
        places = full_box(b"stco", head, big_endian(array("I", offsets)))
    else:
        places = full_box(b"co64", head, big_endian(offsets))
    return (
        full_box(b"stsc", struct.pack(">I", len(changes)), runs),
        full_box(b"stsz", struct.pack(">II", 0, len(samples.sizes)), big_endian(samples.sizes)),
        places,
    )


def big_endian(numbers: "array[int]") -> bytes:
    swapped = array(numbers.typecode, numbers)
    if sys.byteorder == "little":
        swapped.byteswap()
    return swapped.tobytes()


def chapter_text(name: str) -> bytes:
    """Return the sample of a chapter: its title in UTF-8."""
    text = name.encode()
    return struct.pack(">H", len(text)) + text + UTF8_TEXT


def user_data(names: Names, rate: int) -> bytes:
    """Return the tags, and the older list of chapters that some players read; nothing without any."""
    tags = [tag(kind, text) for kind, text in ((b"\xa9nam", names.title), (b"\xa9ART", names.artist)) if text]
    parts = []
    if tags:
        handler = full_box(b"hdlr", bytes(4), b"mdir", b"appl", bytes(9))
        parts.append(full_box(b"meta", handler, box(b"ilst", *tags)))
    if listed := names.chapters[:MAX_LISTED_CHAPTERS]:
        starts = [round(start * LISTED_CHAPTER_UNITS / rate) for start, _name in listed]
        rows = [
            struct.pack(">QB", start, len(name.encode())) + name.encode()
            for start, (_start, name) in zip(starts, listed, strict=True)
        ]
        parts.append(full_box(b"chpl", struct.pack(">IB", 0, len(listed)), *rows, version=1))
    return box(b"udta", *parts) if parts else b""


def tag(kind: bytes, text: str) -> bytes:
    return box(kind, box(b"data", struct.pack(">II", 1, 0), text.encode()))
