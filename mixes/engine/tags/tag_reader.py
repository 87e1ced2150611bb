"""The child process that reads tags: mutagen on an untrusted file, and nothing else.

In, as JSON on stdin: `{"path": ..., "artwork": false}`. Out, as JSON on stdout: the raw texts `title`,
`artist`, `album`, `track`, `disc`, `album_artist` that were found, or `artwork` in base64. What the file is,
its first bytes say: its name is ours and tells nothing. Cleaning is the caller's work.
"""

import base64
import json
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.dsf import DSF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from mixes.engine.text import clean_text, decode_text

# mypy: allow-untyped-calls
# (mutagen gives types to half of what it has)

MAX_VALUE_CHARS = 5_000  # characters; a title of a megabyte is of no use to anybody
MAX_ARTWORK_BYTES = 24 << 20  # bytes
MAX_TEXT_CHUNK_BYTES = 1 << 20  # bytes
MAX_CHUNKS = 10_000
MAX_ID3_TAGS = 64  # some editors pile up one tag in front of another
FRONT_COVER = 3  # picture type in ID3, FLAC and ASF

Keys = dict[str, tuple[str, ...]]  # our name -> the format's names, best first
Pictures = list[tuple[int, bytes]]  # picture type and data
Load = Callable[[BinaryIO], Any]  # -> a mapping, or None where the file has no such tag


@dataclass(frozen=True, slots=True)
class TagFormat:
    """One kind of tag: how to load it, what its fields are called, how to read a field and its pictures."""

    load: Load
    keys: Keys
    texts: Callable[[Any], list[str]]
    pictures: Callable[[Any], Pictures]


def _plain_texts(value: Any) -> list[str]:
    """Read a Vorbis, ASF or chunk value: one text, or several."""
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def _id3_texts(frame: Any) -> list[str]:
    """Read a text frame. Many a program writes other encodings and calls them Latin-1."""
    texts = [str(text) for text in frame.text]
    return (
        [decode_text(text.encode("latin-1", "replace")) for text in texts] if frame.encoding == 0 else texts
    )


def _ape_texts(value: Any) -> list[str]:
    return str(value).split("\0")


def _mp4_texts(value: Any) -> list[str]:
    """Read an atom; a track number comes as (number, of how many), 0 for none."""
    return [str(item[0] or "") if isinstance(item, tuple) else str(item) for item in value]


def _id3_pictures(tags: Any) -> Pictures:
    return [(int(frame.type), frame.data) for frame in tags.getall("APIC")]


def _flac_pictures(file: Any) -> Pictures:
    return [(picture.type, picture.data) for picture in file.pictures]


def _vorbis_pictures(file: Any) -> Pictures:
    blocks = [Picture(base64.b64decode(block)) for block in file.get("metadata_block_picture", [])]
    return [(block.type, block.data) for block in blocks]


def _mp4_pictures(file: Any) -> Pictures:
    return [(FRONT_COVER, bytes(cover)) for cover in file.get("covr", [])]


def _asf_pictures(file: Any) -> Pictures:
    """Unpack type (1 byte), length (4 bytes), two texts, data."""
    values = [attribute.value for attribute in file.get("WM/Picture", [])]
    return [(value[0], value[len(value) - struct.unpack_from("<I", value, 1)[0] :]) for value in values]


def _ape_pictures(tags: Any) -> Pictures:
    """Unpack a file name that ends in NUL, then data."""
    cover = tags.get("Cover Art (Front)")
    return [(FRONT_COVER, cover.value.partition(b"\0")[2])] if cover else []


def _no_pictures(_: Any) -> Pictures:
    return []


def _load_chunks(file: BinaryIO) -> dict[str, str]:
    """Return the texts of a WAV's INFO list or of an AIFF's text chunks, by chunk name."""
    order = "<" if file.read(4) in (b"RIFF", b"RF64") else ">"
    found: dict[str, str] = {}
    for name, size, start in _chunks(file, order, 12, file.seek(0, 2)):
        if name == "LIST":
            for inner, length, at in _chunks(file, order, start + 4, start + size):
                found[inner] = _text_at(file, at, length)
        elif name in ("NAME", "AUTH"):
            found[name] = _text_at(file, start, size)
    return found


def _chunks(file: BinaryIO, order: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and position of the chunks between two positions; each begins at an even one."""
    for _ in range(MAX_CHUNKS):
        file.seek(start)
        header = file.read(8)
        if start + 8 > end or len(header) < 8:
            return
        size: int = struct.unpack(f"{order}I", header[4:])[0]
        yield header[:4].decode("latin-1"), size, start + 8
        start += 8 + size + size % 2


def _text_at(file: BinaryIO, start: int, size: int) -> str:
    file.seek(start)
    return decode_text(file.read(min(size, MAX_TEXT_CHUNK_BYTES)).split(b"\0")[0])


ID3_KEYS: Keys = {
    "title": ("TIT2",),
    "artist": ("TPE1", "TPE2"),
    "album": ("TALB",),
    "track": ("TRCK",),
    "disc": ("TPOS",),
    "album_artist": ("TPE2",),
}
VORBIS_KEYS: Keys = {
    "title": ("title",),
    "artist": ("artist", "albumartist", "album artist", "performer"),
    "album": ("album",),
    "track": ("tracknumber", "track"),
    "disc": ("discnumber", "disc"),
    "album_artist": ("albumartist", "album artist", "album_artist"),
}
MP4_KEYS: Keys = {
    "title": ("\xa9nam",),
    "artist": ("\xa9ART", "aART"),
    "album": ("\xa9alb",),
    "track": ("trkn",),
    "disc": ("disk",),
    "album_artist": ("aART",),
}
ASF_KEYS: Keys = {
    "title": ("Title",),
    "artist": ("Author", "WM/AlbumArtist"),
    "album": ("WM/AlbumTitle",),
    "track": ("WM/TrackNumber", "WM/Track"),
    "disc": ("WM/PartOfSet",),
    "album_artist": ("WM/AlbumArtist",),
}
APE_KEYS: Keys = {
    "title": ("Title",),
    "artist": ("Artist", "Album Artist"),
    "album": ("Album",),
    "track": ("Track",),
    "disc": ("Disc",),
    "album_artist": ("Album Artist", "AlbumArtist"),
}
CHUNK_KEYS: Keys = {
    "title": ("INAM", "NAME"),
    "artist": ("IART", "AUTH"),
    "album": ("IPRD",),
    "track": ("IPRT", "ITRK"),
}


def _id3(load: Load) -> TagFormat:
    return TagFormat(load, ID3_KEYS, _id3_texts, _id3_pictures)


def _id3_chunk(file_type: Callable[[BinaryIO], Any]) -> TagFormat:
    return _id3(lambda file: file_type(file).tags)


def _vorbis(load: Load) -> TagFormat:
    return TagFormat(load, VORBIS_KEYS, _plain_texts, _vorbis_pictures)


ID3V2 = _id3(partial(ID3, load_v1=False))
ID3_ALL = _id3(ID3)  # with version 1, whose texts end after 30 letters, where 2 says nothing
APE = TagFormat(APEv2, APE_KEYS, _ape_texts, _ape_pictures)
CHUNKS = TagFormat(_load_chunks, CHUNK_KEYS, _plain_texts, _no_pictures)
MP4_ATOMS = TagFormat(MP4, MP4_KEYS, _mp4_texts, _mp4_pictures)

# Where the first bytes say it, and which tags such a file can have, best first
SIGNATURES: tuple[tuple[int, bytes, tuple[TagFormat, ...]], ...] = (
    (0, b"fLaC", (TagFormat(FLAC, VORBIS_KEYS, _plain_texts, _flac_pictures), ID3_ALL)),
    (28, b"\x01vorbis", (_vorbis(OggVorbis),)),
    (28, b"OpusHead", (_vorbis(OggOpus),)),
    (28, b"\x7fFLAC", (_vorbis(OggFLAC),)),
    (28, b"Speex   ", (_vorbis(OggSpeex),)),
    (8, b"WAVE", (_id3_chunk(WAVE), CHUNKS)),
    (8, b"AIFF", (_id3_chunk(AIFF), CHUNKS)),
    (8, b"AIFC", (_id3_chunk(AIFF), CHUNKS)),
    *((4, atom, (MP4_ATOMS,)) for atom in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", (TagFormat(ASF, ASF_KEYS, _plain_texts, _asf_pictures),)),
    (0, b"DSD ", (_id3_chunk(DSF),)),
    (0, b"", (ID3V2, APE, ID3_ALL)),  # MP3, AAC, WavPack, Monkey's Audio, Musepack and what else has them
)


def _tag_formats(file: BinaryIO) -> tuple[TagFormat, ...]:
    """Return the kinds of tags this file can have, by what follows the ID3 tags it may begin with."""
    start = 0
    for _ in range(MAX_ID3_TAGS):
        file.seek(start)
        header = file.read(64)
        if header[:3] != b"ID3" or len(header) < 10:
            break
        start += 10 + sum(
            (byte & 127) << shift for byte, shift in zip(header[6:10], (21, 14, 7, 0), strict=True)
        )
    return next(kinds for at, magic, kinds in SIGNATURES if header[at : at + len(magic)] == magic)


def _load_tags(file: BinaryIO) -> Iterator[tuple[TagFormat, Any]]:
    """Yield each tag that can be loaded; the reader of a broken one may raise whatever it likes."""
    for tag_format in _tag_formats(file):
        file.seek(0)
        try:
            tags = tag_format.load(file)
        except Exception as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            continue
        if tags is not None:
            yield tag_format, tags


def read_fields(file: BinaryIO) -> dict[str, str]:
    """Return the texts found, raw; of two tags with the same field the better one's."""
    fields: dict[str, str] = {}
    for tag_format, tags in _load_tags(file):
        for name, keys in tag_format.keys.items():
            texts = (_join_texts(tag_format.texts(tags[key])) for key in keys if key in tags)
            if text := next(filter(None, texts), ""):
                fields.setdefault(name, text)
    return fields


def _join_texts(texts: list[str]) -> str:
    """Return the values that can be seen as one text, each value once."""
    return ", ".join(dict.fromkeys(filter(clean_text, texts)))[:MAX_VALUE_CHARS]


def read_artwork(file: BinaryIO) -> dict[str, str]:
    """Return the front cover, or the first picture, in base64; nothing when there is none."""
    for tag_format, tags in _load_tags(file):
        pictures = [item for item in tag_format.pictures(tags) if 0 < len(item[1]) <= MAX_ARTWORK_BYTES]
        if pictures:
            _, data = min(pictures, key=lambda item: item[0] != FRONT_COVER)
            return {"artwork": base64.b64encode(data).decode()}
    return {}


def main() -> None:
    """Answer the question on stdin."""
    request: Mapping[str, Any] = json.load(sys.stdin)
    with Path(request["path"]).open("rb") as file:
        answer = read_artwork(file) if request["artwork"] else read_fields(file)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
