import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.tags.file_names import TrackName, numbered_names, parse_track_name
from mixes.engine.text import clean_text

NAMES = [
    # plain
    ("Daft Punk - One More Time.mp3", "Daft Punk", "One More Time"),
    ("Artist \u2013 Title.flac", "Artist", "Title"),
    ("Artist — Title.flac", "Artist", "Title"),
    ("Artist- Title.mp3", "Artist", "Title"),
    ("Artist -Title.mp3", "Artist", "Title"),
    ("Prince - 1999.mp3", "Prince", "1999"),
    ("宇多田ヒカル - First Love【Official Video】.mp3", "宇多田ヒカル", "First Love"),
    ("R.E.M. - Losing My Religion.mp3", "R.E.M.", "Losing My Religion"),
    ("will.i.am - Scream & Shout.mp3", "will.i.am", "Scream & Shout"),
    ("Jay-Z - 99 Problems.mp3", "Jay-Z", "99 Problems"),
    ("a-ha - Take On Me.mp3", "a-ha", "Take On Me"),
    ("Artist - Title - Remix.mp3", "Artist", "Title - Remix"),
    ("Anti-Hero.mp3", "", "Anti-Hero"),
    ("Mr. Brightside.mp3", "", "Mr. Brightside"),
    ("Vol.2", "", "Vol.2"),
    ("e\u0301tude.mp3", "", "étude"),
    # endings and paths
    ("song.wav.mp3", "", "song"),
    ("SONG.MP3", "", "SONG"),
    ("C:\\Music\\Artist - Song.wav", "Artist", "Song"),
    ("../../Artist - Song.wav", "Artist", "Song"),
    # spaces written as something else
    ("daft_punk_-_one_more_time.mp3", "daft punk", "one more time"),
    ("daft_punk-one_more_time.mp3", "daft punk", "one more time"),
    ("AC_DC - Thunderstruck.mp3", "AC DC", "Thunderstruck"),
    ("What Is Love_ - Haddaway.mp3", "What Is Love", "Haddaway"),
    ("Artist%20-%20Title%20%28HD%29.mp3", "Artist", "Title"),
    ("Artist+-+My+Title.mp3", "Artist", "My Title"),
    ("Artist.Name.-.The.Title.mp3", "Artist Name", "The Title"),
    ("artist-name-song-title.mp3", "", "artist name song title"),
    # download sites
    (
        "y2mate.com - Rick Astley - Never Gonna Give You Up_320kbps.mp3",
        "Rick Astley",
        "Never Gonna Give You Up",
    ),
    ("y2mate.com - Never Gonna Give You Up_v720P.mp4", "", "Never Gonna Give You Up"),
    ("Y2meta.app - Artist - Song (320 kbps).mp3", "Artist", "Song"),
    ("yt5s.com - Artist - Song (128 kbps).mp3", "Artist", "Song"),
    ("[SPOTDOWNLOADER.COM] Blinding Lights.mp3", "", "Blinding Lights"),
    ("SpotifyMate.com - Artist - Song.mp3", "Artist", "Song"),
    ("www.somesite.net - Artist - Song.mp3", "Artist", "Song"),
    ("Artist - Song (mp3juices.cc).mp3", "Artist", "Song"),
    ("Artist - Song - YouTube.mp3", "Artist", "Song"),
    ("Artist - Song(MP3_160K)_1.mp3", "Artist", "Song"),
    # video pages
    ("Rick Astley - Never Gonna (Official Music Video) [dQw4w9WgXcQ].webm", "Rick Astley", "Never Gonna"),
    ("Rick Astley - Never Gonna-dQw4w9WgXcQ.m4a", "Rick Astley", "Never Gonna"),
    ("Artist - Song [a_b-C3d4E5f].mp3", "Artist", "Song"),
    ("Song [Anniversary].mp3", "", "Song [Anniversary]"),
    ("Rock-Celebration.mp3", "", "Rock-Celebration"),
    ("Queen \u2013 Bohemian Rhapsody (Official Video Remastered).mp3", "Queen", "Bohemian Rhapsody"),
    ("Queen - Bohemian Rhapsody (Remastered 2011).mp3", "Queen", "Bohemian Rhapsody (Remastered 2011)"),
    ("Artist - Title (feat. Someone) [Official Audio].mp3", "Artist", "Title (feat. Someone)"),
    ("Artist - Title (Remix) (HD).mp3", "Artist", "Title (Remix)"),
    ("Artist - Title (Official Video) Live.mp3", "Artist", "Title Live"),
    ("Artist - Title [Lyrics].mp3", "Artist", "Title"),
    ("Artist - Title (Official Lyric Video) [4K].mp3", "Artist", "Title"),
    ("Artist - Title (Official Video 2019).mp3", "Artist", "Title"),
    ("Artist - Title [Free Download].mp3", "Artist", "Title"),
    ("Artist - Title (Free).mp3", "Artist", "Title (Free)"),
    ("Artist - Title {Official Video}.mp3", "Artist", "Title"),
    ("Artist - Title (Clip Officiel).mp3", "Artist", "Title"),
    ("Artista - Canción (Video Oficial).mp3", "Artista", "Canción"),
    ("Кино - Группа крови (официальное видео).mp3", "Кино", "Группа крови"),
    ("Artist - Title Official Video HD.mp3", "Artist", "Title"),
    ("Artist - Title | Official Music Video.mp3", "Artist", "Title"),
    ("Artist - Title \uff5c Official Music Video.mp3", "Artist", "Title"),
    ("Artist - Title with Lyrics.mp3", "Artist", "Title"),
    ("Artist - Title 320kbps.mp3", "Artist", "Title"),
    ("Artist - Title HQ.mp3", "Artist", "Title"),
    ("Artist - Title (Live at Wembley 1986).mp3", "Artist", "Title (Live at Wembley 1986)"),
    ("Artist - Title (Original Mix).mp3", "Artist", "Title (Original Mix)"),
    # copies
    ("Artist - Title (1).mp3", "Artist", "Title"),
    ("Artist - Title (Official Video) (2).mp3", "Artist", "Title"),
    ("Artist - Title - Copy.mp3", "Artist", "Title"),
    # numbers that are names
    ("99 Problems.mp3", "", "99 Problems"),
    ("50 Cent - In Da Club.mp3", "50 Cent", "In Da Club"),
    ("2Pac - Changes.mp3", "2Pac", "Changes"),
    ("3 Doors Down - Kryptonite.mp3", "3 Doors Down", "Kryptonite"),
    ("10cc - I'm Not in Love.mp3", "10cc", "I'm Not in Love"),
    ("1979.mp3", "", "1979"),
    ("1999 - Something.mp3", "1999", "Something"),
    ("7-Eleven.mp3", "", "7-Eleven"),
    ("24K Magic.mp3", "", "24K Magic"),
    ("5.6.7.8.mp3", "", "5.6.7.8"),
    ("blink-182 - All The Small Things.mp3", "blink-182", "All The Small Things"),
    ("4:44.mp3", "", "4:44"),
    # never empty
    ("01.mp3", "", "01"),
    ("Track 01.mp3", "", "Track 01"),
    ("07 - .mp3", "", "07"),
    ("(Official Video).mp3", "", "(Official Video)"),
    ("HD.mp3", "", "HD"),
    ("Lyrics.mp3", "", "Lyrics"),
    ("y2mate.com.mp3", "", "y2mate.com"),
    ("???.mp3", "", "???"),
    ("🎵.mp3", "", "🎵"),
    ("!!! - Heart of Hearts.mp3", "!!!", "Heart of Hearts"),
    ("Ed Sheeran - ÷.mp3", "Ed Sheeran", "÷"),
    (".mp3", "", "Untitled"),
    ("..", "", "Untitled"),
    ("", "", "Untitled"),
    ("\u202e\u200b.mp3", "", "Untitled"),
    ("a\r\nSet-Cookie: x=1.mp3", "", "a Set-Cookie: x=1"),
]
NUMBERED = [
    ("01 - Daft Punk - One More Time.mp3", TrackName("One More Time", "Daft Punk", 1)),
    ("01. One More Time.flac", TrackName("One More Time", "", 1)),
    ("01 One More Time.m4a", TrackName("One More Time", "", 1)),
    ("12. Title.mp3", TrackName("Title", "", 12)),
    ("7) Title.mp3", TrackName("Title", "", 7)),
    ("[03] Title.mp3", TrackName("Title", "", 3)),
    ("track 7 - Title.mp3", TrackName("Title", "", 7)),
    ("01-daft_punk-one_more_time.mp3", TrackName("one more time", "daft punk", 1)),
    ("1-03 Digital Love.m4a", TrackName("Digital Love", "", 3, 1)),
    ("CD2 - 05 - Artist - Song.mp3", TrackName("Song", "Artist", 5, 2)),
    ("Artist - Album - 03 - Title.mp3", TrackName("Title", "Artist", 3)),
    ("Artist - Album - 03 Title.mp3", TrackName("Title", "Artist", 3)),
    ("007 - Theme.mp3", TrackName("Theme", "", 7)),
]


@pytest.mark.parametrize(("name", "artist", "title"), NAMES)
def test_a_file_name_gives_artist_and_title(name: str, artist: str, title: str) -> None:
    parsed = parse_track_name(name)
    assert (parsed.artist, parsed.title) == (artist, title)


@pytest.mark.parametrize(("name", "parsed"), NUMBERED)
def test_a_file_name_gives_its_numbers(name: str, parsed: TrackName) -> None:
    assert parse_track_name(name) == parsed


@pytest.mark.parametrize(
    ("names", "numbered"),
    [
        (["08 H.mp3", "09 Song I.mp3", "10 Song J.mp3", "11 Song K.mp3"], ["10 Song J.mp3", "11 Song K.mp3"]),
        (["01 A.mp3", "02 B.mp3", "99 Problems.mp3"], []),
        (["01_A.mp3", "09_I.mp3", "11_K.mp3", "99_Problems.mp3"], ["11_K.mp3"]),
        (["1 A.mp3", "2 B.mp3", "3 C.mp3", "10 J.mp3", "11 K.mp3"], ...),
        (["5 E.mp3", "6 F.mp3", "7 G.mp3"], ...),
        (["1 A.mp3", "2 B.mp3"], ...),
        (["7 Rings.mp3", "8 Mile.mp3", "99 Problems.mp3"], []),
        (["50 Ways.mp3", "99 Problems.mp3", "500 Miles.mp3", "Rain.mp3"], []),
        (["1 Thing.mp3", "2 Become 1.mp3", "3 AM.mp3", *(f"Song {c}.mp3" for c in "ABCDEF")], []),
        (["A1 Song.mp3", "A2 Song.mp3", "B1 Song.mp3"], []),
        (["1. A.mp3", "2. B.mp3", "[03] C.mp3"], []),
        (["98 X.mp3", "099 Y.mp3", "100 Z.mp3"], ["100 Z.mp3"]),
        (["10 Song.mp3"], []),
        ([], []),
    ],
)
def test_numbers_are_judged_by_the_files_beside_them(names: list[str], numbered: list[str]) -> None:
    assert numbered_names(names) == set(names if numbered is ... else numbered)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80) | st.text(alphabet="0a -_.()[]%+|", max_size=30))
def test_any_name_gives_a_clean_title(name: str) -> None:
    parsed = parse_track_name(name)
    assert parsed.title
    assert parsed.title == clean_text(parsed.title) and parsed.artist == clean_text(parsed.artist)
