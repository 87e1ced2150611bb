import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.cue_sheet import cue_sheet

RATE = 44_100


def make_chapter(start_s: float, title: str = "Song", artist: str = "") -> Chapter:
    return Chapter(round(start_s * RATE), start_s, title, artist)


def test_a_sheet_names_its_file_and_every_song() -> None:
    chapters = [
        make_chapter(0, "One", "Ada"),
        make_chapter(61.999, "Two"),
        make_chapter(6_000 + 1 / 75, "Three", "Ben"),
    ]
    assert cue_sheet(chapters, file_name="my-mix.mp3", title="My Mix", artist="DJ") == (
        'PERFORMER "DJ"\n'
        'TITLE "My Mix"\n'
        'FILE "my-mix.mp3" MP3\n'
        "  TRACK 01 AUDIO\n"
        '    TITLE "One"\n'
        '    PERFORMER "Ada"\n'
        "    INDEX 01 00:00:00\n"
        "  TRACK 02 AUDIO\n"
        '    TITLE "Two"\n'
        "    INDEX 01 01:01:74\n"
        "  TRACK 03 AUDIO\n"
        '    TITLE "Three"\n'
        '    PERFORMER "Ben"\n'
        "    INDEX 01 100:00:01\n"
    )


def test_quotes_in_names_are_replaced() -> None:
    chapter = make_chapter(0, 'a "b"\n  INDEX 01 09:09:09\r\n', 'x"\u2028y')
    sheet = cue_sheet([chapter], file_name="夜の道.mp3", title='"')
    assert sheet == (
        'TITLE "\'"\n'
        'FILE "夜の道.mp3" MP3\n'
        "  TRACK 01 AUDIO\n"
        "    TITLE \"a 'b' INDEX 01 09:09:09\"\n"
        '    PERFORMER "x\' y"\n'
        "    INDEX 01 00:00:00\n"
    )


def test_more_songs_than_tracks_share_them_evenly() -> None:
    chapters = [make_chapter(index * 30.0, f"Song {index}", f"Artist {index % 2}") for index in range(250)]
    sheet = cue_sheet(chapters, file_name="mix.mp3", title="Mix")
    assert sheet.startswith('REM COMMENT "250 songs on 99 tracks: some neighbours share one"\n')
    numbers = re.findall(r"TRACK (\d+) AUDIO", sheet)
    assert numbers == [f"{number:02d}" for number in range(1, 100)]
    titles = re.findall(r'^    TITLE "(.*)"', sheet, re.MULTILINE)
    assert " / ".join(titles).split(" / ") == [f"Song {index}" for index in range(250)]
    assert {title.count("Song") for title in titles} == {2, 3}
    assert 'PERFORMER "Artist 0, Artist 1"' in sheet


def test_songs_of_one_cue_frame_share_a_track() -> None:
    sheet = cue_sheet(
        [make_chapter(0), make_chapter(0.013, "Blink"), make_chapter(0.014)], file_name="m", title="M"
    )
    assert re.findall(r'    TITLE "(.*)"', sheet) == ["Song / Blink", "Song"]
    assert re.findall(r"INDEX 01 (\S+)", sheet) == ["00:00:00", "00:00:01"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 500), st.text(max_size=30), st.text(max_size=10)), min_size=1, max_size=150
    ),
    st.text(max_size=20),
)
def test_every_sheet_has_ascending_times_and_known_lines(
    songs: list[tuple[float, str, str]], title: str
) -> None:
    start_s, chapters = 0.0, []
    for length_s, name, artist in songs:
        chapters.append(make_chapter(start_s, name, artist))
        start_s += length_s
    sheet = cue_sheet(chapters, file_name="mix.mp3", title=title, artist=title)
    known = r' *((PERFORMER|TITLE|REM COMMENT|FILE) "[^"]*"( MP3)?|TRACK \d\d AUDIO|INDEX 01 \d\d+:\d\d:\d\d)'
    assert all(re.fullmatch(known, text) for text in sheet.splitlines())
    times = [list(map(int, time.split(":"))) for time in re.findall(r"INDEX 01 (\S+)", sheet)]
    assert times[0] == [0, 0, 0] and len(times) <= 99
    assert all(earlier < later for earlier, later in pairwise(times))
    assert all(seconds < 60 and frames < 75 for _, seconds, frames in times)
