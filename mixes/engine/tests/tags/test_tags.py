import base64
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2, APEValue
from mutagen.asf import ASFByteArrayAttribute
from mutagen.flac import Picture
from mutagen.id3 import APIC, ID3, TALB, TIT2, TPE1, TPE2, TPOS, TRCK, Encoding
from mutagen.mp4 import MP4Cover
from mutagen.wave import WAVE

from mixes.engine.errors import Cancelled, EngineError
from mixes.engine.tags.tags import Tags, read_artwork, read_tags, tags_beside, tags_from_name

HOSTILE = 'He said "hi"; a=b #1 \\ <b>{{7*7}}</b>\n0:00 e\u0301 夜の道 🎵 \u202egpj\u200b'
CLEANED = 'He said "hi"; a=b #1 \\ <b>{{7*7}}</b> 0:00 é 夜の道 🎵 gpj'
JPEG = b"\xff\xd8\xff\xe0 not really a picture \xff\xd9"
OTHER_PICTURE = b"\x89PNG the back cover"
EVERYTHING = Tags(CLEANED, "AC/DC", "Été", 3, 2)

# ending -> how ffmpeg writes it
FORMATS = {
    "mp3": ["-c:a", "libmp3lame"],
    "wav": ["-c:a", "pcm_s16le"],
    "flac": ["-c:a", "flac"],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "m4a": ["-c:a", "aac"],
    "aiff": ["-c:a", "pcm_s16be"],
    "wma": ["-c:a", "wmav2"],
    "wv": ["-c:a", "wavpack"],
}


@pytest.fixture(scope="module")
def sounds(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short file of every format as ffmpeg writes it, its texts hostile."""
    folder = tmp_path_factory.mktemp("sounds")
    texts = {"title": HOSTILE, "artist": "AC/DC", "album": "Été", "track": "3/12", "disc": "2"}
    texts["author"] = "AC/DC"  # what AIFF has of it; in WMA it is then there twice
    metadata = [word for key, text in texts.items() for word in ("-metadata", f"{key}={text}")]
    outputs = [
        word
        for ending, codec in FORMATS.items()
        for word in ("-t", "0.2", *codec, *metadata, str(folder / f"sound.{ending}"))
    ]
    source = ["-f", "lavfi", "-i", "sine=r=48000"]
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", *source, *outputs], check=True)
    return folder


def copy_without_ending(sounds: Path, ending: str, tmp_path: Path) -> Path:
    return Path(shutil.copy(sounds / f"sound.{ending}", tmp_path / "7f3a"))


def write_id3(path: Path | None, load: Any = None, **options: Any) -> None:
    """Write all fields and two pictures as ID3, into the file itself or into the chunk that `load` finds."""
    file = load(path) if load else None
    if file is not None and file.tags is None:
        file.add_tags()
    frames = ID3() if file is None else file.tags
    frames.clear()
    for frame in (
        TIT2(encoding=Encoding.UTF16, text=HOSTILE),
        TPE1(encoding=Encoding.UTF16, text="AC/DC"),
        TALB(encoding=Encoding.UTF16, text="Été"),
        TRCK(encoding=Encoding.LATIN1, text="03/12"),
        TPOS(encoding=Encoding.LATIN1, text="2"),
        APIC(encoding=0, mime="image/png", type=4, desc="back", data=OTHER_PICTURE),
        APIC(encoding=0, mime="image/jpeg", type=3, desc="front", data=JPEG),
    ):
        frames.add(frame)
    if file is None:
        frames.save(path, **options)
    else:
        file.save()


def flac_picture(kind: int, data: bytes) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = kind, "image/jpeg", data
    return picture


def write_vorbis(path: Path) -> None:
    file = mutagen.File(path)
    file.clear()
    file.update(title=HOSTILE, artist="AC/DC", album="Été", tracknumber="3", discnumber="2")
    pictures = [flac_picture(4, OTHER_PICTURE), flac_picture(3, JPEG)]
    if path.suffix == ".flac":
        for picture in pictures:
            file.add_picture(picture)
    else:
        blocks = [base64.b64encode(picture.write()).decode() for picture in pictures]
        file["metadata_block_picture"] = blocks
    file.save()


def write_mp4(path: Path) -> None:
    file = mutagen.File(path)
    file.clear()
    file.update(
        {"\xa9nam": HOSTILE, "\xa9ART": "AC/DC", "\xa9alb": "Été", "trkn": [(3, 12)], "disk": [(2, 0)]}
    )
    file["covr"] = [MP4Cover(JPEG), MP4Cover(OTHER_PICTURE)]
    file.save()


def write_asf(path: Path) -> None:
    file = mutagen.File(path)
    file.clear()
    file.update({"Title": HOSTILE, "Author": "AC/DC", "WM/AlbumTitle": "Été"})
    file.update({"WM/TrackNumber": "3", "WM/PartOfSet": "2/2"})
    mime = "image/jpeg\0".encode("utf-16-le") + "\0".encode("utf-16-le")
    file["WM/Picture"] = [
        ASFByteArrayAttribute(struct.pack("<BI", kind, len(data)) + mime + data)
        for kind, data in ((4, OTHER_PICTURE), (3, JPEG))
    ]
    file.save()


def write_ape(path: Path) -> None:
    ape = APEv2()
    ape.update(Title=HOSTILE, Artist="AC/DC", Album="Été", Track="3/12", Disc="2")
    ape["Cover Art (Front)"] = APEValue(b"front.jpg\0" + JPEG, kind=1)
    ape.save(path)


WRITERS = {
    "mp3": write_id3,
    "wav": lambda path: write_id3(path, WAVE),
    "flac": write_vorbis,
    "ogg": write_vorbis,
    "opus": write_vorbis,
    "m4a": write_mp4,
    "aiff": lambda path: write_id3(path, AIFF),
    "wma": write_asf,
    "wv": write_ape,
}


@pytest.mark.parametrize("ending", FORMATS)
def test_what_ffmpeg_wrote_is_read_cleaned(sounds: Path, tmp_path: Path, ending: str) -> None:
    found = read_tags(copy_without_ending(sounds, ending, tmp_path), name="Name.bin")
    assert (found.title, found.artist) == (CLEANED, "AC/DC")
    if ending != "aiff":  # its own chunks know title and artist only
        assert (found.album, found.track_number) == ("Été", 3)


@pytest.mark.parametrize("ending", FORMATS)
def test_what_mutagen_wrote_is_read_cleaned(sounds: Path, tmp_path: Path, ending: str) -> None:
    tagged = Path(shutil.copy(sounds / f"sound.{ending}", tmp_path))
    WRITERS[ending](tagged)
    stored = tagged.rename(tmp_path / "7f3a")
    assert read_tags(stored, name="Name.bin") == EVERYTHING
    assert read_artwork(stored) == JPEG


@pytest.mark.parametrize(
    "options", [{"v2_version": 4}, {"v2_version": 3, "v23_sep": None}], ids=["2.4", "2.3"]
)
def test_id3_before_a_bare_mp3_is_read(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "7f3a"
    write_id3(path, **options)
    assert read_tags(path, name="x") == EVERYTHING


def test_id3_version_2_2_is_read(tmp_path: Path) -> None:
    def frame(name: bytes, text: str) -> bytes:
        body = b"\1" + text.encode("utf-16")
        return name + struct.pack(">I", len(body))[1:] + body

    frames = frame(b"TT2", "夜の道") + frame(b"TP1", "Björk") + frame(b"TRK", "4")
    (tmp_path / "old").write_bytes(b"ID3\2\0\0\0\0" + bytes(divmod(len(frames), 128)) + frames)
    assert read_tags(tmp_path / "old") == Tags("夜の道", "Björk", "", 4)


def id3_version_1(title: bytes, artist: bytes) -> bytes:
    return b"TAG" + title.ljust(30, b"\0") + artist.ljust(30, b"\0") + b"\0" * 65


def test_id3_version_1_is_read_and_its_encoding_guessed(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(
        b"\xff\xfb\x90\0" * 64 + id3_version_1("Été".encode(), "Björk \u201cx\u201d".encode("cp1252"))
    )
    assert read_tags(path) == Tags("Été", "Björk \u201cx\u201d")


def test_version_1_does_not_shorten_what_a_better_tag_says(tmp_path: Path) -> None:
    path = tmp_path / "7f3a"
    path.write_bytes(b"\xff\xfb\x90\0" * 64)
    ape = APEv2()
    ape.update(Title="A title that is longer than thirty letters")
    ape.save(path)
    path.write_bytes(path.read_bytes() + id3_version_1(b"A title that is longer than th", b"Artist"))
    assert read_tags(path) == Tags("A title that is longer than thirty letters", "Artist")


def test_several_artists_are_all_named(tmp_path: Path) -> None:
    frames = ID3()
    frames.add(TPE1(encoding=Encoding.UTF8, text=["Beth", "\x07", "Joe", "Beth"]))
    frames.add(TIT2(encoding=Encoding.UTF8, text="Song"))
    frames.save(tmp_path / "7f3a")
    assert read_tags(tmp_path / "7f3a").artist == "Beth, Joe"


def test_the_album_artist_stands_in(tmp_path: Path) -> None:
    frames = ID3()
    frames.add(TPE2(encoding=Encoding.UTF8, text="Band"))
    frames.add(TRCK(encoding=Encoding.UTF8, text="19999"))
    frames.save(tmp_path / "7f3a")
    assert read_tags(tmp_path / "7f3a", name="04 - Song.mp3") == Tags("Song", "Band", "", 4, None, "Band")


def test_a_flac_behind_an_id3_tag_is_still_a_flac(sounds: Path, tmp_path: Path) -> None:
    frames = ID3()
    frames.add(TIT2(encoding=Encoding.UTF8, text="Wrong"))
    frames.save(tmp_path / "7f3a", padding=lambda _: 0)
    with (tmp_path / "7f3a").open("ab") as file:
        file.write((sounds / "sound.flac").read_bytes())
    assert read_tags(tmp_path / "7f3a").title == CLEANED


@pytest.mark.parametrize(
    ("title", "artist", "name", "expected"),
    [
        ("", "", "Artist - Title.mp3", ("Title", "Artist")),
        ("  \u200b ", "Unknown Artist", "Artist - Title.mp3", ("Title", "Artist")),
        ("Track 01", "<unknown>", "Artist - Title.mp3", ("Title", "Artist")),
        ("Title", "", "Artist - Title.mp3", ("Title", "Artist")),
        ("Artist - Title", "", "Artist - Title.mp3", ("Title", "Artist")),
        ("Other - Title", "", "Artist - Title.mp3", ("Other - Title", "Artist")),
        ("Title - Live", "", "x.mp3", ("Title - Live", "")),
        ("No", "Meghan", "x.mp3", ("No", "Meghan")),
        ("", "Somebody", "07 Title.mp3", ("Title", "Somebody")),
        ("[unknown]", "[unknown]", "Artist - Title.mp3", ("Title", "Artist")),
        ("Titel 3", "Unbekannter Interpret", "Artist - Title.mp3", ("Title", "Artist")),
        ("Piste 01", "Artiste inconnu", "Artist - Title.mp3", ("Title", "Artist")),
        ("Дорожка 4", "Неизвестный исполнитель", "Artist - Title.mp3", ("Title", "Artist")),
        ("Unknown Title (3)", "(Unknown Artist)", "Artist - Title.mp3", ("Title", "Artist")),
        ("Unknown Pleasures", "Known Artist", "x.mp3", ("Unknown Pleasures", "Known Artist")),
        ("Artist - Title", "Artist", "x.mp3", ("Title", "Artist")),
        ("ARTIST \u2013 Title", "Artist", "x.mp3", ("Title", "Artist")),
        ("Title - Artist", "Artist", "x.mp3", ("Title", "Artist")),
        ("Artist feat. Guest - Title", "Artist", "x.mp3", ("Title", "Artist feat. Guest")),
        ("Artist - Title (feat. Guest)", "Artist", "x.mp3", ("Title (feat. Guest)", "Artist")),
        ("Artist", "Artist", "x.mp3", ("Artist", "Artist")),
        ("Artistic - Title", "Artist", "x.mp3", ("Artistic - Title", "Artist")),
        ("Rock &amp; Roll", "Ann &amp;amp; Bo", "x.mp3", ("Rock & Roll", "Ann & Bo")),
        ("Don&#39;t &#x201c;Go&#x201d;", "Bj&ouml;rk", "x.mp3", ("Don't “Go”", "Björk")),
        ("AT&T; R&B", "S&copy", "x.mp3", ("AT&T; R&B", "S&copy")),
        ("", "", "Ann &amp; Bo - Rain.mp3", ("Rain", "Ann & Bo")),
    ],
)
def test_the_file_name_fills_what_tags_leave_empty(
    tmp_path: Path, title: str, artist: str, name: str, expected: tuple[str, str]
) -> None:
    frames = ID3()
    frames.add(TIT2(encoding=Encoding.UTF8, text=title))
    frames.add(TPE1(encoding=Encoding.UTF8, text=artist))
    frames.save(tmp_path / "7f3a")
    found = read_tags(tmp_path / "7f3a", name=name)
    assert (found.title, found.artist) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ID3",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f",
        b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xffINFOINAM\xff\xff\xff\xff",
        b"FORM\0\0\0\0AIFFNAME\xff\xff\xff\xff",
        b"fLaC" + b"\0" * 40,
        b"\0\0\0\x20ftypM4A " + b"\xff" * 60,
        b"OggS" + b"\0" * 24 + b"OpusHead",
        b"#EXTM3U\n/etc/passwd\n",
    ],
)
def test_a_broken_file_gets_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "7f3a").write_bytes(content)
    assert read_tags(tmp_path / "7f3a", name="Artist - Title.mp3") == Tags("Title", "Artist")
    assert read_artwork(tmp_path / "7f3a") is None


def test_a_reader_that_fails_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="could not be read safely"):
        read_tags(tmp_path / "01 - Gone.mp3")


def test_reading_can_be_cancelled(sounds: Path) -> None:
    with pytest.raises(Cancelled):
        read_tags(sounds / "sound.mp3", should_stop=lambda: True)
    with pytest.raises(Cancelled):
        read_artwork(sounds / "sound.mp3", should_stop=lambda: True)


def test_tags_survive_json() -> None:
    assert Tags.from_dict(EVERYTHING.to_dict()) == EVERYTHING


def test_a_name_alone_gives_tags() -> None:
    assert tags_from_name("CD2 - 05 - Artist - Song.mp3") == Tags("Song", "Artist", "", 5, 2)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Café Bleu", "cp1252"),
        ("Ça Ira \u2013 Déjà Vu", "cp1252"),
        ("ÄÖ", "cp1252"),
        ("Кино - Группа крови", "cp1251"),
        ("Мумий Тролль - Utekay", "cp1251"),
        ("さくらさくら", "cp932"),
        ("トトロ - となりの歌", "cp932"),
        ("Löwe", "utf-8"),
    ],
)
def test_names_in_old_encodings_keep_their_letters(tmp_path: Path, name: str, encoding: str) -> None:
    raw = name.encode(encoding)
    from_name = tags_from_name((raw + b".mp3").decode("utf-8", "surrogateescape"))
    assert " - ".join(filter(None, (from_name.artist, from_name.title))) == name.replace("\u2013", "-")
    path = tmp_path / "old"
    path.write_bytes(b"\xff\xfb\x90\0" * 64 + id3_version_1(raw, b"x"))
    assert read_tags(path).title == name


def test_tags_of_numbered_files_lose_the_number_and_keep_what_they_know() -> None:
    name = "10 Ann - Rain.mp3"
    assert tags_beside(tags_from_name(name), name) == Tags("Rain", "Ann", "", 10)
    own = Tags("10 Years", "Bo", track_number=3)
    assert tags_beside(own, name) == own
    assert tags_beside(Tags("10 Rain", "Bo", "", 4), "10 Rain.mp3") == Tags("Rain", "Bo", "", 4)
