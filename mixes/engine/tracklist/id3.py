"""Build the ID3 tag of a finished MP3: names, cover and chapters.

In: the chapters and the title. Out: the bytes before the first MP3 frame. They depend on the timeline, not on
the sound, so they can be written before encoding starts.

The tag is ID3v2.3 with UTF-16 text, which every reader since 2000 supports; chapters use the CHAP and CTOC
frames of the ID3v2 Chapter Frame Addendum (2005).
"""

import io
from collections.abc import Sequence
from pathlib import Path

from mutagen import MutagenError
from mutagen.id3 import (
    APIC,
    CHAP,
    CTOC,
    ID3,
    TALB,
    TIT2,
    TLEN,
    TPE1,
    TPE2,
    TRCK,
    CTOCFlags,
    Encoding,
    Frame,
    PictureType,
)

from mixes.engine.text import clean_text
from mixes.engine.tracklist.chapters import Chapter, group_by_ms, seconds_to_ms, shared_label

# mypy: allow-untyped-calls
# mutagen is only partly typed.

MAX_CHILDREN = 255  # of one CTOC frame, which counts them in one byte
HEADER_BYTES = 10
NO_OFFSET = 0xFFFFFFFF  # "use the times": byte offsets are not known before encoding


def id3_bytes(
    chapters: Sequence[Chapter],
    *,
    duration_s: float,
    title: str,
    artist: str = "",
    album: str = "",
    cover: bytes = b"",
) -> bytes:
    """Return a complete ID3v2.3 tag without padding; the same arguments give the same bytes.

    `cover` is the content of a JPEG or PNG file, or empty. Times are stored in whole milliseconds.
    """
    names = ((TIT2, title), (TPE1, artist), (TALB, album))
    frames = [_text(frame_type, cleaned) for frame_type, text in names if (cleaned := clean_text(text))]
    frames.append(_text(TLEN, str(seconds_to_ms(duration_s))))
    frames += _chapter_frames(chapters, seconds_to_ms(duration_s))
    return _tag_bytes([*frames, *_cover_frames(cover)])


def song_id3_bytes(
    song: Chapter, number: int, count: int, *, duration_s: float, title: str, artist: str, cover: bytes
) -> bytes:
    """Return the tag of one song of a mix: its own names, and the mix as its album."""
    names = ((TIT2, song.title), (TPE1, song.artist), (TALB, title), (TPE2, artist))
    frames = [_text(frame_type, cleaned) for frame_type, text in names if (cleaned := clean_text(text))]
    frames += [_text(TRCK, f"{number}/{count}"), _text(TLEN, str(seconds_to_ms(duration_s)))]
    return _tag_bytes([*frames, *_cover_frames(cover)])


def read_cover(mp3: Path) -> bytes:
    """Return the cover in the tag of an MP3 of ours; empty without one."""
    try:
        covers = ID3(mp3).getall("APIC")
    except MutagenError:
        return b""
    return bytes(covers[0].data) if covers else b""


def _cover_frames(cover: bytes) -> list[Frame]:
    if not cover:
        return []
    mime = "image/png" if cover.startswith(b"\x89PNG") else "image/jpeg"
    return [APIC(encoding=Encoding.LATIN1, mime=mime, type=PictureType.COVER_FRONT, data=cover)]


def _tag_bytes(frames: Sequence[Frame]) -> bytes:
    body = b"".join(map(_frame_bytes, frames))
    return b"ID3\3\0\0" + bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0)) + body


def _frame_bytes(frame: Frame) -> bytes:
    """Return one frame as bytes.

    Frames are written one by one, because mutagen sorts the frames of a tag by size, and ffmpeg and players
    built on it list chapters in file order.
    """
    tag = ID3()
    tag.add(frame)
    file = io.BytesIO()
    tag.save(file, v1=0, v2_version=3, padding=lambda _: 0)
    return file.getvalue()[HEADER_BYTES:]


def _text(frame_type: type[Frame], text: str) -> Frame:
    return frame_type(encoding=Encoding.UTF16, text=text)


def _chapter_frames(chapters: Sequence[Chapter], end_ms: int) -> list[Frame]:
    """Return the CTOC frames and one CHAP frame for each entry."""
    groups = group_by_ms(chapters)
    starts_ms = [seconds_to_ms(group[0].start_s) for group in groups] + [end_ms]
    names = [f"chp{index}" for index in range(len(groups))]
    chaps = [
        CHAP(
            element_id=name,
            start_time=start_ms,
            end_time=max(start_ms, next_ms),
            start_offset=NO_OFFSET,
            end_offset=NO_OFFSET,
            sub_frames=[_text(TIT2, shared_label(group))],
        )
        for name, group, start_ms, next_ms in zip(names, groups, starts_ms, starts_ms[1:], strict=False)
    ]
    return [*_contents("toc", names, CTOCFlags.TOP_LEVEL), *chaps]


def _contents(name: str, children: Sequence[str], flags: int = 0) -> list[Frame]:
    """Return a CTOC frame, over nested CTOC frames when it has more than MAX_CHILDREN children."""
    if len(children) <= MAX_CHILDREN:
        flags |= CTOCFlags.ORDERED
        return [CTOC(element_id=name, flags=flags, child_element_ids=list(children), sub_frames=[])]
    parts = [children[start : start + MAX_CHILDREN] for start in range(0, len(children), MAX_CHILDREN)]
    names = [f"{name}{index}" for index in range(len(parts))]
    inner = [
        frame for part_name, part in zip(names, parts, strict=True) for frame in _contents(part_name, part)
    ]
    return [*_contents(name, names, flags), *inner]
