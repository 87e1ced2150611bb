"""Playlists as other programs write them, to the files that are meant."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.cancellation import never
from mixes.engine.errors import EngineError
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.signals import decode_file, pink_noise, write_audio, write_wav
from mixes.services.offline.album_files import cut_into_songs
from mixes.services.offline.input_files import find_inputs
from mixes.services.offline.local_mixes import named
from mixes.services.offline.playlists import read_playlist

SONGS = ("Music/Ann/01 Löwe.mp3", "Music/Bo/02 Bee & Cé.mp3")


@pytest.fixture
def folder(tmp_path):
    for song in SONGS:
        path = tmp_path / song
        path.parent.mkdir(parents=True)
        path.touch()
    return tmp_path


def found(folder, name, text, encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return [path.resolve().relative_to(folder).as_posix() for path in find_inputs([folder / name]).tracks]


LINES = {
    "as it is": "{0}\n{1}\n",
    "old Mac": "{0}\r{1}\r",
    "dots": "./{0}\nMusic/../{1}\n",
    "spaces behind": "{0}  \r\n\t{1}\t\r\n",
    "quotes": '"{0}"\n"{1}"\n',
    "drives": "C:\\Users\\Ann\\{0}\nD:/Backup/{1}\n",
    "shares": "\\\\server\\share\\{0}\n//server/{1}\n",
    "of another machine": "/home/ann/{0}\n/Volumes/Disk/{1}\n",
    "drive addresses": "file:///C:/Users/{0}\nfile:///D:/{1}\n",
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_lines_of_many_kinds_name_the_same_files(folder, lines):
    assert found(folder, "list.m3u8", lines.format(*SONGS)) == list(SONGS)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_is_read(folder, encoding):
    assert found(folder, "list.m3u", "#EXTM3U\r\n" + "\r\n".join(SONGS), encoding) == list(SONGS)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Песня.mp3", "cp1251"),
        ("Żółć.mp3", "cp1250"),
        ("夜の道.mp3", "cp932"),
        ("Café.mp3", "cp850"),
        ("夜曲.mp3", "gb18030"),
    ],
)
def test_old_encodings_are_told_by_the_files_that_are_there(folder, name, encoding):
    (folder / name).touch()
    assert found(folder, "list.m3u", f"{name}\r\ngone.mp3\r\n", encoding) == [name, "gone.mp3"]


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        str.upper,
        lambda song: song.replace("/", "\\"),
        lambda song: song.upper().replace("/", "\\"),
        lambda song: unicodedata.normalize("NFD", song),
        lambda song: song.replace(" ", "%20").replace("ö", "%C3%B6").replace("é", "%c3%a9"),
        lambda song: song.replace(" ", "%20").replace("ö", "%F6").replace("é", "%E9"),
    ],
    ids=["small", "capitals", "backslashes", "both", "accents apart", "percent", "old percent"],
)
def test_names_that_differ_in_form_only_are_found(folder, change):
    assert found(folder, "list.m3u8", "\n".join(map(change, SONGS))) == list(SONGS)


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST"])
def test_file_addresses_are_places(folder, host):
    lines = [(folder / song).as_uri().replace("file://", f"file://{host}") for song in SONGS]
    assert found(folder, "list.m3u", "\n".join(lines)) == list(SONGS)


def test_the_exact_name_is_taken_before_a_like_one(folder):
    (folder / "100%25.mp3").touch()
    (folder / "100%.mp3").touch()
    (folder / "a.mp3").touch()
    (folder / "A.mp3").touch()
    assert found(folder, "list.m3u", "100%25.mp3\nA.mp3\na.MP3\n") == ["100%25.mp3", "A.mp3", "a.MP3"]


def test_pls_is_ordered_by_its_numbers(folder):
    text = "[playlist]\r\nFile2={1}\r\nTitle2=Bo - Bee\r\nFile1={0}\r\nNumberOfEntries=2\r\n".format(*SONGS)
    assert found(folder, "list.PLS", text) == list(SONGS)
    names = find_inputs([folder / "list.PLS"]).names
    assert [(tags.artist, tags.title) for tags in names.values()] == [("Bo", "Bee")]


@pytest.mark.parametrize("form", [' xmlns="http://xspf.org/ns/0/"', ""])
def test_xspf_names_files_artists_and_titles(folder, form):
    tracks = "".join(
        f"<track><location>{(folder / song).as_uri()}</location><creator>Ann &amp; Bo</creator>"
        f"<title>Song {number}</title></track>"
        for number, song in enumerate(SONGS)
    )
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<playlist{form}><trackList>{tracks}</trackList></playlist>'
    )
    assert found(folder, "list.xspf", text) == list(SONGS)
    names = find_inputs([folder / "list.xspf"]).names.values()
    assert [(tags.artist, tags.title) for tags in names] == [("Ann & Bo", "Song 0"), ("Ann & Bo", "Song 1")]


def test_windows_media_players_lists_are_read(folder):
    media = "".join(
        '<media src="..\\{}"/>'.format(song.replace("/", "\\").replace("&", "&amp;")) for song in SONGS
    )
    (folder / "Playlists").mkdir()
    path = folder / "Playlists/list.wpl"
    path.write_text(f'<?wpl version="1.0"?><smil><body><seq>{media}</seq></body></smil>')
    tracks = find_inputs([path]).tracks
    assert [track.resolve() for track in tracks] == [(folder / song).resolve() for song in SONGS]


def test_a_cue_sheet_of_many_files_names_them(folder):
    """As EAC writes it: the pause in front of a song stands at the end of the file before."""
    text = (
        'PERFORMER "Ann"\nTITLE "Album"\nFILE "Music\\Ann\\01 Löwe.wav" WAVE\n'
        '  TRACK 01 AUDIO\n    TITLE "Löwe"\n    INDEX 01 00:00:00\n'
        '  TRACK 02 AUDIO\n    TITLE "Bee"\n    PERFORMER "Bo"\n    INDEX 00 03:00:00\n'
        'FILE "Music\\Bo\\02 Bee & Cé.wav" WAVE\n    INDEX 01 00:00:00\n'
    )
    assert found(folder, "album.cue", text, "cp1252") == list(SONGS)
    names = find_inputs([folder / "album.cue"]).names.values()
    assert [(tags.artist, tags.title) for tags in names] == [("Ann", "Löwe"), ("Bo", "Bee")]


SHEET = """PERFORMER "Ann"
TITLE "Album"
FILE "album.wav" WAVE
  TRACK 01 AUDIO
    TITLE "One"
    INDEX 01 00:01:00
  TRACK 02 AUDIO
    TITLE "Two"
    PERFORMER "Bo"
    INDEX 00 00:02:00
    INDEX 01 00:03:37
  TRACK 03 AUDIO
    INDEX 01 00:05:00
"""


def test_a_cue_sheet_of_one_file_gives_the_songs_in_it(tmp_path):
    """Every sample is in one of the songs, in order, and what lies before the first is in it."""
    sound = pink_noise(7.0)
    write_audio(tmp_path / "album.flac", sound, 44_100, "-sample_fmt", "s32")
    (tmp_path / "album.cue").write_text(SHEET)
    inputs = find_inputs([tmp_path / "album.cue"])
    with cut_into_songs(inputs, tmp_path / "parts", ffmpeg=find_ffmpeg(), should_stop=never) as (
        songs,
        origins,
    ):
        parts = [decode_file(path) for path in songs.tracks]
        names = [(tags.artist, tags.title, tags.track_number) for tags in map(songs.names.get, songs.tracks)]
        assert set(origins.values()) == {tmp_path / "album.flac"}
    assert [len(part) for part in parts] == [
        round((3 + 37 / 75) * 44_100),
        220_500 - round((3 + 37 / 75) * 44_100),
        88_200,
    ]
    assert np.array_equal(np.concatenate(parts), decode_file(tmp_path / "album.flac"))
    assert names == [("Ann", "One", 1), ("Bo", "Two", 2), ("Ann", "Track 3", 3)]
    assert not list((tmp_path / "parts").rglob("*.wav"))


def test_names_of_a_list_are_for_files_without_tags_alone(tmp_path):
    bare = write_wav(tmp_path / "01.wav", pink_noise(2.0))
    analysis = analyse_track(find_ffmpeg(), bare)
    assert named(analysis, bare, Tags("Rain", "Ann")).tags == Tags(
        "Rain", "Ann", "", analysis.tags.track_number
    )
    tagged = write_audio(tmp_path / "02.flac", pink_noise(2.0), 44_100, "-metadata", "title=Snow")
    assert named(analyse_track(find_ffmpeg(), tagged), tagged, Tags("Rain", "Ann")).tags.title == "Snow"


def test_extinf_names_the_next_file_only(folder):
    text = "#EXTM3U\n#EXTINF:12 tvg-id=x,Ann - Löwe\n#EXTVLCOPT:x\n" + "\n".join(SONGS)
    (folder / "list.m3u8").write_text(text)
    first, second = read_playlist(folder / "list.m3u8").entries
    assert (first.tags.artist, first.tags.title) == ("Ann", "Löwe")
    assert second.tags is None


def test_what_cannot_be_read_is_refused_in_a_sentence(folder):
    for name, text, words in (
        ("a.m3u", "http://example.org/a.mp3\n", "no file on this machine"),
        ("b.xspf", "<playlist><trackList>", "damaged"),
        ("c.pls", "[playlist]\nNumberOfEntries=0\n", "names no file"),
    ):
        with pytest.raises(EngineError, match=words):
            found(folder, name, text)


def test_addresses_of_the_network_are_passed_over_and_named(folder):
    (folder / "list.m3u").write_text(f"http://radio.example/live\n{SONGS[0]}\nHTTPS://a.example/b.mp3\n")
    inputs = find_inputs([folder / "list.m3u"])
    assert [path.name for path in inputs.tracks] == ["01 Löwe.mp3"]
    (note,) = inputs.notes
    assert "list.m3u" in note and "http://radio.example/live, HTTPS://a.example/b.mp3" in note


def test_places_of_another_machine_are_found_from_a_folder_of_playlists(folder):
    (folder / "Lists").mkdir()
    text = "\r\n".join(f"D:\\Data\\{song}".replace("/", "\\") for song in SONGS)
    assert found(folder, "Lists/list.m3u8", text) == list(SONGS)


def test_quotes_that_a_cue_sheet_lacks_are_not_needed(folder):
    track = 'TRACK 01 AUDIO\nTITLE Two words\nPERFORMER "Bo\nINDEX 01 00:00:00\n'
    (folder / "list.cue").write_text(f"FILE {SONGS[1]} MP3\n{track}")
    inputs = find_inputs([folder / "list.cue"])
    assert [path.name for path in inputs.tracks] == ["02 Bee & Cé.mp3"]
    assert [(tags.title, tags.artist) for tags in inputs.names.values()] == [("Two words", "Bo")]


def test_entities_of_a_list_are_not_expanded(folder):
    entities = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    bomb = f"{entities}<playlist><track><location>&b;</location></track></playlist>"
    with pytest.raises(EngineError, match="damaged"):
        found(folder, "bomb.xspf", bomb)


def test_a_folder_names_what_it_passes_over(tmp_path):
    for name in ("a.mp3", "b.WebM", "c.mov", "d.mp2", "e.dff", "f.zip", "cover.jpg", "list.m3u8", "._x.zip"):
        (tmp_path / name).touch()
    inputs = find_inputs([tmp_path])
    assert [path.name for path in inputs.tracks] == ["a.mp3", "b.WebM", "c.mov", "d.mp2"]
    assert len(inputs.notes) == 1 and inputs.notes[0].endswith("e.dff, f.zip.")


def test_a_folder_of_nothing_else_names_it_too(tmp_path):
    Path(tmp_path / "a.dff").touch()
    with pytest.raises(EngineError, match=r"a\.dff"):
        find_inputs([tmp_path])
