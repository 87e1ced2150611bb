import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.tests.tracklist.youtube_rules import broken_rules, listed_times, refused
from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.description import DEFAULT_TEMPLATE, render_description
from mixes.engine.tracklist.youtube import Tracklist, youtube_lines

RATE = 44_100


def make_chapters(starts_s: list[float], titles: list[str] | None = None, artist: str = "") -> list[Chapter]:
    titles = titles or [f"Song {number}" for number in range(1, len(starts_s) + 1)]
    return [
        Chapter(round(start_s * RATE), start_s, title, artist)
        for start_s, title in zip(starts_s, titles, strict=True)
    ]


def evenly(count: int, step_s: float, **names: str) -> list[Chapter]:
    return make_chapters([index * step_s for index in range(count)], **names)


def text_of(tracklist: Tracklist) -> str:
    return "\n".join(tracklist.lines) + "\n"


def test_a_plain_list_has_a_line_for_each_song() -> None:
    tracklist = youtube_lines(make_chapters([0, 61.99, 3599.2], artist="Artist"), 3599.9 + 9.2)
    assert tracklist.lines[0] == "0:00:00 Artist \u2013 Song 1"
    tracklist = youtube_lines(make_chapters([0, 61.99, 3580], artist="Artist"), 3599.9)
    assert tracklist.lines == (
        "0:00 Artist \u2013 Song 1",
        "1:01 Artist \u2013 Song 2",
        "59:40 Artist \u2013 Song 3",
    )
    assert tracklist.youtube_chapters and not tracklist.notes


def test_all_times_have_hours_when_the_mix_lasts_an_hour() -> None:
    tracklist = youtube_lines(make_chapters([0, 100, 3600, 36_000]), 40_000)
    assert [line.split()[0] for line in tracklist.lines] == ["0:00:00", "0:01:40", "1:00:00", "10:00:00"]


def test_songs_less_than_ten_seconds_apart_share_a_line() -> None:
    tracklist = youtube_lines(make_chapters([0, 9.99, 20, 29.5, 31, 45]), 60)
    assert tracklist.lines == ("0:00 Song 1 / Song 2", "0:20 Song 3 / Song 4", "0:31 Song 5", "0:45 Song 6")
    assert tracklist.notes == ("2 of 6 songs share a line: YouTube wants 10 seconds for each.",)


def test_the_last_entry_lasts_at_least_ten_seconds() -> None:
    tracklist = youtube_lines(make_chapters([0, 20, 40, 60, 65]), 69.9)
    assert tracklist.lines[-1] == "0:40 Song 3 / Song 4 / Song 5"
    assert youtube_lines(make_chapters([0, 20, 40, 60]), 70).lines[-1] == "1:00 Song 4"


@pytest.mark.parametrize(
    ("starts_s", "duration_s"),
    [([0], 200), ([0, 100], 200), ([0, 5, 10], 15), ([0, 100, 195], 200), ([0, 0, 0, 0], 100)],
)
def test_without_three_chapters_there_are_plain_times(starts_s: list[float], duration_s: float) -> None:
    tracklist = youtube_lines(make_chapters(starts_s), duration_s)
    assert not tracklist.youtube_chapters
    assert tracklist.notes[0].startswith("YouTube will show no chapters")
    assert listed_times(text_of(tracklist)) == starts_s


def test_times_and_refused_characters_in_names_are_replaced() -> None:
    titles = ["4:44", "Live 10:30 pm", "12\uff1a05", "\u0663:\u0664\u0665", "<b>1\u200b:30</b>", "16:9:2"]
    tracklist = youtube_lines(make_chapters([0, 20, 40, 60, 80, 100], titles), 200)
    assert broken_rules(text_of(tracklist), 200) == []
    assert tracklist.lines[0] == "0:00 4\u223644"
    assert tracklist.lines[4] == "1:20 \u2039b\u203a1\u223630\u2039/b\u203a"


def test_links_in_tags_are_defused() -> None:
    titles = [
        "http://evil.example/x?y",
        "see WWW.evil.example",
        "evil.example/x",
        "will.i.am",
        "AC/DC R.E.M.",
    ]
    tracklist = youtube_lines(make_chapters([0, 20, 40, 60, 80], titles), 200)
    assert [line.split(" ", 1)[1] for line in tracklist.lines] == [
        "http\u2236//evil\u2024example/x?y",
        "see WWW\u2024evil\u2024example",
        "evil\u2024example/x",
        "will.i.am",
        "AC/DC R.E.M.",
    ]


def test_names_are_kept_whole_while_they_fit() -> None:
    chapters = evenly(20, 60, artist="A" * 100)
    whole = youtube_lines(chapters, 1200)
    assert not whole.notes and whole.lines[10] == f"10:00 {'A' * 100} \u2013 Song 11"
    size = len(text_of(whole).encode())
    assert youtube_lines(chapters, 1200, max_bytes=size) == whole
    shortened = youtube_lines(chapters, 1200, max_bytes=size - 1)
    assert shortened.lines[10] == "10:00 Song 11"
    assert shortened.notes == ("Names in the tracklist are shortened to stay within YouTube's limit.",)


def test_when_the_shortest_names_do_not_fit_neighbours_share_lines_evenly() -> None:
    tracklist = youtube_lines(evenly(400, 30), 400 * 30, max_bytes=2_500)
    times = listed_times(text_of(tracklist))
    steps = {after - before for before, after in pairwise(times)}
    assert len(steps) == 2 and max(steps) - min(steps) == 30
    assert 400 * 30 - times[-1] <= max(steps)
    assert 2_000 < len(text_of(tracklist).encode()) <= 2_500
    assert any(f"neighbours share {len(times)} lines" in note for note in tracklist.notes)


def test_a_shortened_line_of_several_songs_counts_them() -> None:
    chapters = make_chapters([0, 1, 2, 20, 40], ["First song of three", *("x" * 50,) * 4])
    tracklist = youtube_lines(chapters, 60, max_bytes=200)
    assert tracklist.lines[0] == "0:00 First song of three +2"


WORDS = (
    *(
        "Love",
        "Night",
        "Blue",
        "Road",
        "Again",
        "Heart",
        "Fire",
        "Rain",
        "-",
        "+1",
        "/",
        "{title}",
        "{tracklist}",
    ),
    *(
        "夜の道",
        "사랑",
        "Ночь",
        "شب",
        "לילה",
        "रात",
        "คืน",
        "🎵🔥",
        "👩\u200d👩\u200d👧",
        "e\u0301\u0301\u0301",
    ),
    *("0:00", "1:02:03", "٣:٤٥", "1\uff1a30", "12:5", "<b>", ">", "&amp;", "\\", '"', "\n0:30 forged"),
    *("\u2028 1:00 forged", "\u202egnp", "\x00", "z" + "\u0335" * 40, "ß" * 60),
)
TEMPLATES = [
    DEFAULT_TEMPLATE,
    "{tracklist}",
    "Tracks: {tracklist} end 3:00",
    "0:00 mine\r\n1:00 too\n{title}\n\n{tracklist}\n{tracklist}\n12:30 {artists} {title}:30",
    "{title}10:3{duration}\u2028{{title}} {0} {title.x} {hashtags}\n  {tracklist}  \n"
    + ("long <text> 1:11 " * 20 + "\n") * 12,
]


def random_mix(rng: random.Random) -> tuple[list[Chapter], float]:
    """Return a random mix: one song to hundreds, long to far too short, with any names."""
    count = rng.choices(
        [1, 2, rng.randint(3, 12), rng.randint(13, 60), rng.randint(61, 400)], [5, 5, 60, 28, 2]
    )[0]
    shortest_s, longest_s = rng.choice(
        [(120, 400), (120, 400), (0, 12), (0, 60), (8, 11), (0, 0.5), (600, 3000)]
    )
    longest_name = rng.choice([1, 1, 2, 3, 4, 6, 6, 60])
    starts_s = [0.0]
    chapters = []
    for _ in range(count):
        title, artist = (" ".join(rng.choices(WORDS, k=rng.randint(0, longest_name))) for _ in range(2))
        chapters.append(Chapter(round(starts_s[-1] * RATE), starts_s[-1], title or "Track", artist))
        starts_s.append(starts_s[-1] + rng.uniform(shortest_s, longest_s))
    return chapters, starts_s[-1] + rng.choice([0, 0, 5, 30])


def possible_chapters(chapters: list[Chapter], duration_s: float) -> list[int]:
    """Return the longest list of chapter times, in whole seconds, with at least 10 s for each."""
    times = [0]
    for second in sorted({int(chapter.start_s) for chapter in chapters}):
        if times[-1] + 10 <= second <= int(duration_s) - 10:
            times.append(second)
    return times


def check_description(template: str, chapters: list[Chapter], duration_s: float) -> None:
    description = render_description(template, chapters, duration_s, title=chapters[-1].title, date="today")
    possible = possible_chapters(chapters, duration_s)
    assert description.youtube_chapters == (len(possible) >= 3)
    if not description.youtube_chapters:
        assert refused(description.text) == []
        assert any("no chapters" in note for note in description.notes)
        return
    assert broken_rules(description.text, duration_s) == []
    listed = listed_times(description.text)
    if not any("evenly" in note for note in description.notes):
        assert listed == possible
        return
    # Every line stands for the same number of chapters, plus or minus one, and so does the last line
    borders = [*(possible.index(time) for time in listed), len(possible)]
    sizes = [after - before for before, after in pairwise(borders)]
    assert max(sizes) - min(sizes) <= 1 and max(sizes) == math.ceil(len(possible) / len(listed))


def test_ten_thousand_tracklists_break_no_rule() -> None:
    rng = random.Random(440)
    for _ in range(10_000):
        chapters, duration_s = random_mix(rng)
        check_description(rng.choice(TEMPLATES), chapters, duration_s)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.characters(), max_size=200) | st.text(alphabet="{}titleracks\n 0:1", max_size=100),
    st.lists(
        st.tuples(st.floats(0, 500), st.text(max_size=40), st.text(max_size=20)), min_size=1, max_size=40
    ),
)
def test_no_text_around_the_list_breaks_a_rule(around: str, songs: list[tuple[float, str, str]]) -> None:
    start_s = 0.0
    chapters = []
    for length_s, title, artist in songs:
        chapters.append(Chapter(round(start_s * RATE), start_s, title or "Track", artist))
        start_s += length_s
    check_description(around + "{tracklist}" + around, chapters, start_s)
