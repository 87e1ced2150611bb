import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.tests.tracklist.youtube_rules import broken_rules, refused
from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.description import (
    DEFAULT_TEMPLATE,
    Description,
    artist_list,
    duration_in_words,
    hashtag_line,
    render_description,
)

SONGS = [("Neon", "Ada"), ("Tide", "Ben"), ("Dune", "ada"), ("夜の道", "Ben")]
CHAPTERS = [Chapter(s * 44_100 * 200, s * 200.0, *names) for s, names in enumerate(SONGS)]
LIST = "0:00 Ada \u2013 Neon\n3:20 Ben \u2013 Tide\n6:40 ada \u2013 Dune\n10:00 Ben \u2013 夜の道\n"


def render(template: str, title: str = "My Mix", **options: str) -> Description:
    return render_description(template, CHAPTERS, 800.0, title=title, hashtags=["mix"], **options)


def test_the_default_template_is_filled_in() -> None:
    description = render(DEFAULT_TEMPLATE, date="22 November 2026")
    assert description == Description(
        f"My Mix\n13 minutes, mixed on 22 November 2026\n\n{LIST}\nMusic by Ada, Ben\n\n#mix\n", (), True
    )


@pytest.mark.parametrize(
    ("template", "above"),
    [
        ("{title}", "My Mix"),
        ("{{title}}", "{My Mix}"),
        ("{Title} {x} {} { } {0} {title!r} {title:>9} {title.x} {title[0]} %s $title", None),
        ("{title}{date}{title}", "My MixtodayMy Mix"),
        ("{artists} {duration} {hashtags}", "Ada, Ben 13 minutes #mix"),
        ("a\r\nb\rc\x85d\u2028e", "a\nb\nc\nd\ne"),
        ("\x00a\x1b[31m\udcff", "a[31m"),
    ],
)
def test_only_known_names_are_replaced(template: str, above: str | None) -> None:
    above = template if above is None else above
    above = above.replace("<", "\u2039").replace(">", "\u203a")
    assert render(template + "\n{tracklist}", date="today").text == f"{above}\n{LIST}"


def test_inserted_text_is_never_expanded_again() -> None:
    text = render("{title}\n{tracklist}", title="{artists} {title} {tracklist}").text
    assert text == f"{{artists}} {{title}} {{tracklist}}\n{LIST}"


def test_a_line_whose_fields_are_all_empty_is_omitted() -> None:
    silent = [Chapter(0, 0.0, "Song", "")]
    description = render_description(DEFAULT_TEMPLATE, silent, 200.0, title="Mix", hashtags=[])
    assert description.text == "Mix\n3 minutes, mixed on\n\n0:00 Song\n"


@pytest.mark.parametrize(
    "template",
    [
        "Songs:{tracklist}and so on",
        "Songs:\n  {tracklist}\t\nand so on",
        "Songs:\r\n{tracklist}\r\nand so on",
        "Songs:\n{tracklist}{tracklist} \tand so on",
    ],
)
def test_the_tracklist_gets_lines_of_its_own(template: str) -> None:
    description = render(template)
    assert description.text == f"Songs:\n{LIST}and so on\n"
    assert broken_rules(description.text, 800) == []


def test_a_second_tracklist_is_omitted_with_a_note() -> None:
    description = render("{tracklist}\n\n{tracklist}\nend")
    assert description.text == f"{LIST}\n\nend\n"
    assert description.notes[0].startswith("The template asks for the tracklist more than once")


def test_a_template_without_a_tracklist_gives_a_note() -> None:
    description = render("{title}\n0:00 a\n1:00 b\n2:00 c")
    assert description.text == "My Mix\n0\u223600 a\n1\u223600 b\n2\u223600 c\n"
    assert not description.youtube_chapters
    assert "no chapters" in description.notes[0]


def test_times_around_the_tracklist_cannot_break_it() -> None:
    template = (
        "0:00 Doors\n{title}:30\n{tracklist}\n12:30 after\u200b1\u200b:\u200b15 \uff11\uff1a\uff10\uff10"
    )
    description = render(template, title="Live at 10")
    assert broken_rules(description.text, 800) == []
    assert description.text.startswith("0\u223600 Doors\nLive at 10\u223630\n0:00 Ada")
    assert any("Times outside the tracklist" in note for note in description.notes)


def test_text_that_is_no_time_is_unchanged() -> None:
    template = "https://example.com:8080/a:b http://10.0.0.1:8000/ a:1 1:a 16:900\n{tracklist}"
    description = render(template)
    assert description.text.splitlines()[0] == template.splitlines()[0]
    assert description.notes == ()


def test_angle_brackets_are_replaced_with_a_note() -> None:
    description = render("<b>{title}</b>\n{tracklist}", title="a > b")
    assert description.text.startswith("\u2039b\u203aa \u203a b\u2039/b\u203a\n")
    assert description.notes == ("YouTube does not allow < and >, so they are written as \u2039 and \u203a.",)


def test_a_long_text_is_cut_for_the_tracklist() -> None:
    description = render("é" * 3_000 + "\n{tracklist}\n" + "more words " * 200)
    assert len(description.text.encode()) <= 5_000
    assert LIST in description.text and description.text.startswith("é" * 2_000)
    assert broken_rules(description.text, 800) == []
    assert any("text around the tracklist is cut" in note for note in description.notes)


def test_names_are_shortened_before_text_is_cut() -> None:
    songs = [Chapter(0, start_s * 60.0, "Song" * 20, "Artist" * 20) for start_s in range(60)]
    description = render_description("{tracklist}\n" + "x" * 2_400, songs, 3_600.0, title="Mix")
    assert description.text.endswith("\n" + "x" * 2_400 + "\n")
    assert [note[:22] for note in description.notes] == ["Names in the tracklist"]
    assert broken_rules(description.text, 3_600) == []


def test_text_below_the_tracklist_is_cut_first() -> None:
    description = render("a" * 2_000 + "\n{tracklist}\n" + "b" * 4_000)
    assert description.text.startswith("a" * 2_000 + "\n0:00") and description.text.endswith("b…\n")
    assert len(description.text.encode()) == 5_000


def test_exactly_five_thousand_bytes_are_not_cut() -> None:
    room = 5_000 - len(LIST.encode()) - 1
    assert render("{tracklist}\n" + "x" * room).notes == ()
    assert render("{tracklist}\n" + "x" * (room + 1)).notes != ()


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.characters(), max_size=300)
    | st.text(alphabet="{}<>titleracks :0123\n", max_size=200)
    | st.integers(0, 3_000).map("é \n".__mul__)
)
def test_any_template_gives_a_valid_description(template: str) -> None:
    description = render(template)
    assert refused(description.text) == []
    if description.youtube_chapters:
        assert broken_rules(description.text, 800) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (89, "1 minute"),
        (90, "2 minutes"),
        (3_569, "59 minutes"),
        (3_571, "1 hour"),
        (3_660, "1 hour 1 minute"),
        (7_200 + 35 * 60, "2 hours 35 minutes"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words


def test_each_artist_is_named_once_and_many_are_counted() -> None:
    assert artist_list(CHAPTERS) == artist_list(CHAPTERS[:3]) == "Ada, Ben"
    assert artist_list([]) == ""
    assert artist_list([Chapter(0, 0.0, "x", "www.evil.example")]) == "www\u2024evil\u2024example"
    crowd = [Chapter(0, 0.0, "x", f"Artist {number}") for number in range(100)]
    assert artist_list(crowd).startswith("Artist 0, Artist 1, ")
    assert artist_list(crowd).endswith(", Artist 27 and 72 more")
    assert len(artist_list([Chapter(0, 0.0, "x", "é" * 300)]).encode()) <= 300


def test_hashtags_are_letters_and_digits() -> None:
    assert (
        hashtag_line(["dj mix", "#Mix", "Mix", "", "!", "हिन्दी", "90s", "lo-fi"])
        == "#djmix #Mix #हिन्दी #90s #lofi"
    )
    assert len(hashtag_line([f"tag{number}" for number in range(100)]).split()) == 15


def test_unknown_names_in_braces_get_a_note():
    found = render_description("{title} {episode} {Show}\n{tracklist} {0} {}", CHAPTERS, 600.0, title="Mix")
    assert "{episode} {Show}" in found.text
    (note,) = [note for note in found.notes if "There is no" in note]
    assert note.startswith("There is no {episode}, {Show}: it stays as it is written. There are {title}, ")
