import io
import subprocess
from pathlib import Path

import pytest
from mutagen.id3 import ID3

from mixes.engine.tags.tags import Tags, read_artwork, read_tags
from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.id3 import id3_bytes

RATE = 44_100
HOSTILE = 'He said "hi"; a=b #1 \\ é 夜の道 🎵'
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


def make_chapters(count: int, step: int = 100 * RATE + 777) -> list[Chapter]:
    """Return chapters with labels of different lengths, which reveal a sort by size."""
    return [
        Chapter(
            index * step,
            index * step / RATE,
            HOSTILE if index % 2 else f"{index}",
            "AC/DC" if index % 3 else "",
        )
        for index in range(count)
    ]


def test_the_tag_has_names_cover_length_and_chapters() -> None:
    raw = id3_bytes(
        make_chapters(3), duration_s=300.1234, title=HOSTILE, artist="DJ", album="Été", cover=JPEG
    )
    tag = ID3(io.BytesIO(raw), translate=False)
    assert tag.version == (2, 3, 0)
    assert [str(tag[key]) for key in ("TIT2", "TPE1", "TALB", "TLEN")] == [HOSTILE, "DJ", "Été", "300123"]
    picture = tag.getall("APIC")[0]
    assert (picture.data, picture.mime, int(picture.type)) == (JPEG, "image/jpeg", 3)
    chapters = tag.getall("CHAP")
    assert [(c.start_time, c.end_time) for c in chapters] == [
        (0, 100_018),
        (100_018, 200_035),
        (200_035, 300_123),
    ]
    assert [str(c.sub_frames["TIT2"]) for c in chapters] == ["0", f"AC/DC \u2013 {HOSTILE}", "AC/DC \u2013 2"]
    assert {(c.start_offset, c.end_offset) for c in chapters} == {(0xFFFFFFFF, 0xFFFFFFFF)}
    contents = tag.getall("CTOC")[0]
    assert contents.child_element_ids == [c.element_id for c in chapters] and int(contents.flags) == 3


def test_the_tag_has_its_declared_length_and_is_reproducible() -> None:
    raw, again = (id3_bytes(make_chapters(40), duration_s=4_100, title="Mix", cover=JPEG) for _ in range(2))
    assert raw == again
    size = sum((byte & 127) << shift for byte, shift in zip(raw[6:10], (21, 14, 7, 0), strict=True))
    assert len(raw) == 10 + size and raw.endswith(JPEG)


def test_no_field_is_written_empty() -> None:
    tag = ID3(io.BytesIO(id3_bytes(make_chapters(1), duration_s=10, title="Mix")), translate=False)
    assert sorted({key.split(":")[0] for key in tag}) == ["CHAP", "CTOC", "TIT2", "TLEN"]


def test_hundreds_of_chapters_are_listed_in_tables_of_255() -> None:
    tag = ID3(io.BytesIO(id3_bytes(make_chapters(600), duration_s=60_100, title="Mix")), translate=False)
    tables = {table.element_id: table for table in tag.getall("CTOC")}
    top = tables["toc"]
    assert int(top.flags) & 2 and not any(int(tables[name].flags) & 2 for name in top.child_element_ids)
    children = [child for name in top.child_element_ids for child in tables[name].child_element_ids]
    assert children == [f"chp{index}" for index in range(600)]
    assert len(tag.getall("CHAP")) == 600


def test_a_png_cover_has_the_png_mime_type() -> None:
    raw = id3_bytes(make_chapters(1), duration_s=10, title="Mix", cover=b"\x89PNG\r\n")
    assert ID3(io.BytesIO(raw)).getall("APIC")[0].mime == "image/png"


@pytest.fixture(scope="module")
def bare_mp3(ffmpeg: Path) -> bytes:
    bare = ["-id3v2_version", "0", "-write_id3v1", "0", "-f", "mp3", "-"]
    command = [ffmpeg, "-v", "error", "-f", "lavfi", "-t", "2", "-i", "sine", "-c:a", "libmp3lame", *bare]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_ffmpeg_lists_the_chapters_in_their_order(ffmpeg: Path, bare_mp3: bytes, tmp_path: Path) -> None:
    chapters = make_chapters(12, step=RATE // 7)
    path = tmp_path / "mix.mp3"
    path.write_bytes(id3_bytes(chapters, duration_s=2.0, title="夜の道", artist="DJ") + bare_mp3)
    read = subprocess.run([ffmpeg, "-v", "error", "-i", path, "-f", "ffmetadata", "-"], capture_output=True)
    text = read.stdout.decode()
    assert "title=夜の道\nartist=DJ\n" in text
    parts = text.split("[CHAPTER]")[1:]
    escaped = [c.label.replace("\\", "\\\\") for c in chapters]
    for sign in "=;#":
        escaped = [label.replace(sign, f"\\{sign}") for label in escaped]
    assert [part.strip().split("title=")[1] for part in parts] == escaped
    starts_ms = [int(part.split("START=")[1].split()[0]) for part in parts]
    assert starts_ms == pytest.approx([c.start_s * 1000 for c in chapters], abs=0.51)


def test_the_tag_reader_reads_the_tag(bare_mp3: bytes, tmp_path: Path) -> None:
    path = tmp_path / "7f3a"
    path.write_bytes(
        id3_bytes(make_chapters(3), duration_s=300, title=HOSTILE, artist="DJ", cover=JPEG) + bare_mp3
    )
    assert read_tags(path, name="x") == Tags(HOSTILE, "DJ")
    assert read_artwork(path) == JPEG
