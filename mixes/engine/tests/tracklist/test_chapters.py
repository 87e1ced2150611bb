import json
from dataclasses import replace

import pytest

from mixes.engine.timeline import Clip, Timeline, Transition
from mixes.engine.tracklist.chapters import Chapter, chapters_of, group_evenly, mp4_chapters, podcast_json
from mixes.engine.tracklist.cue_sheet import cue_sheet
from mixes.engine.tracklist.description import render_description
from mixes.engine.tracklist.id3 import id3_bytes
from mixes.engine.tracklist.youtube import youtube_lines

RATE = 44_100
HOSTILE = 'He said "hi"; a=b #1 \\ [CHAPTER] é 夜の道 🎵'


def make_timeline(lengths_s: list[float], overlap_s: float, crossover_s: float, rate: int = RATE) -> Timeline:
    overlap, crossover = round(overlap_s * rate), round(crossover_s * rate)
    clips: list[Clip] = []
    for number, length_s in enumerate(lengths_s, 1):
        start = clips[-1].end - overlap if clips else 0
        clips.append(Clip(f"Song {number}", "Artist", 0, round(length_s * rate), start, 0.0))
    joins = tuple(Transition("smooth", overlap, "", crossover) for _ in clips[1:])
    return Timeline(rate, tuple(clips), joins)


def make_chapters(*starts: int, rate: int = RATE) -> list[Chapter]:
    return [Chapter(start, start / rate, f"Song {number}", "") for number, start in enumerate(starts, 1)]


def test_chapters_start_where_the_incoming_song_becomes_the_louder_one() -> None:
    chapters = chapters_of(make_timeline([100, 80, 60], 8, 4.5))
    assert [chapter.start for chapter in chapters] == [0, round(96.5 * RATE), round(168.5 * RATE)]
    assert [chapter.start_s for chapter in chapters] == [0, 96.5, 168.5]
    assert chapters[1].label == "Artist \u2013 Song 2"


def test_a_clip_without_a_title_gets_a_number_and_names_are_cleaned() -> None:
    clips = (Clip("\x00", "", 0, 10, 0, 0.0), Clip("a\nb\u202e", "c\x07", 0, 10, 10, 0.0))
    first, second = chapters_of(Timeline(RATE, clips, (Transition("cut", 0, ""),)))
    assert (first.label, second.label) == ("Track 1", "c \u2013 a b")


def without(timeline: Timeline, *places: int) -> Timeline:
    """Return the timeline with clips left out of the tracklist."""
    clips = (replace(clip, unlisted=place in places) for place, clip in enumerate(timeline.clips))
    return replace(timeline, clips=tuple(clips))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ((1,), [(0, "Song 1"), (168.5, "Song 3"), (220.5, "Song 4")]),
        ((0, 1), [(0, "Song 3"), (220.5, "Song 4")]),
        ((3,), [(0, "Song 1"), (96.5, "Song 2"), (168.5, "Song 3")]),
        ((0, 1, 2, 3), [(0, "Song 1")]),
    ],
)
def test_the_seconds_of_an_unlisted_song_belong_to_the_one_before_or_to_the_first(
    places: tuple[int, ...], expected: list[tuple[float, str]]
) -> None:
    chapters = chapters_of(without(make_timeline([100, 80, 60, 40], 8, 4.5), *places))
    assert [(chapter.start_s, chapter.title) for chapter in chapters] == expected


def test_every_text_and_tag_lacks_an_unlisted_song() -> None:
    timeline = without(make_timeline([100, 5, 60, 40, 50], 2, 1), 1)
    chapters, names = chapters_of(timeline), ("Song 1", "Song 3", "Song 4", "Song 5")
    texts = (
        render_description("{tracklist}", chapters, timeline.duration_s, title="Mix").text,
        cue_sheet(chapters, file_name="mix.mp3", title="Mix"),
        podcast_json(chapters),
        id3_bytes(chapters, duration_s=timeline.duration_s, title="Mix").decode("utf-16-le", "replace"),
        str(mp4_chapters(chapters)),
    )
    for text in texts:
        assert all(name in text or name.encode("utf-16-le").decode("latin1") in text for name in names)
        assert "Song 2" not in text


def test_youtube_shows_chapters_that_a_jingle_of_five_seconds_would_share() -> None:
    timeline = make_timeline([5, 100, 5, 60, 40], 2, 1)
    assert any("share a line" in note for note in youtube_lines(chapters_of(timeline), 200.0).notes)
    found = youtube_lines(chapters_of(without(timeline, 0, 2)), timeline.duration_s)
    assert found.youtube_chapters and found.notes == ()
    assert [line.split()[0] for line in found.lines] == ["0:00", "1:45", "2:43"]
    assert not youtube_lines(chapters_of(without(timeline, 0, 2, 3)), timeline.duration_s).youtube_chapters


def test_groups_are_even() -> None:
    groups = [(chapter,) for chapter in make_chapters(*range(10))]
    shared = group_evenly(groups, 4)
    assert [len(group) for group in shared] == [2, 3, 2, 3]
    assert [chapter for group in shared for chapter in group] == [
        chapter for group in groups for chapter in group
    ]
    assert group_evenly(groups, 10) == tuple(groups)


def test_mp4_chapters_are_exact_to_the_frame() -> None:
    chapters = [Chapter(0, 0.0, HOSTILE, ""), Chapter(12_345, 12_345 / RATE, "Two", "AC/DC")]
    assert mp4_chapters(chapters) == [(0, HOSTILE), (12_345, "AC/DC \u2013 Two")]


def test_chapters_of_one_millisecond_share_an_entry() -> None:
    found = mp4_chapters(make_chapters(0, 10, 20, RATE))
    assert found == [(0, "Song 1 / Song 2 / Song 3"), (RATE, "Song 4")]


def test_a_long_title_is_cut_between_graphemes() -> None:
    assert mp4_chapters([Chapter(0, 0.0, "夜" * 300, "")]) == [(0, "夜" * 85)]


def test_podcast_chapters_are_exact() -> None:
    chapters = [*make_chapters(0, 12_345, 12_346), Chapter(RATE * 3_601, 3_601.0, HOSTILE, "AC/DC")]
    document = json.loads(podcast_json(chapters, title="Mix", author=""))
    assert document == {
        "version": "1.2.0",
        "title": "Mix",
        "chapters": [
            {"startTime": 0.0, "title": "Song 1"},
            {"startTime": 0.279932, "title": "Song 2 / Song 3"},
            {"startTime": 3601.0, "title": f"AC/DC \u2013 {HOSTILE}"},
        ],
    }
    assert "夜の道" in podcast_json(chapters)
