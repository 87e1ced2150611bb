"""Chapters of a mix, as an MP4 holds them and as Podcasting 2.0 JSON.

In: a `Timeline`. Out: one `Chapter` for each listed clip, which every writer of chapters reads (id3.py,
cue_sheet.py, description.py).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mixes.engine.text import clean_text, cut_to_bytes
from mixes.engine.timeline import Timeline

PODCAST_VERSION = "1.2.0"
MAX_MP4_TITLE_BYTES = 255  # the list of chapters has a one-byte length


@dataclass(frozen=True, slots=True)
class Chapter:
    """The position where a song becomes the louder one, and its names. `start_s` is `start` in seconds."""

    start: int  # frames at the mix rate
    start_s: float
    title: str
    artist: str

    @property
    def label(self) -> str:
        """Artist and title, or only the title."""
        return f"{self.artist} \u2013 {self.title}" if self.artist else self.title


Group = tuple[Chapter, ...]  # chapters that share one entry


def chapters_of(timeline: Timeline) -> tuple[Chapter, ...]:
    """Return one chapter for each listed clip, in order; the first starts at 0, every chapter has a title.

    The seconds of an unlisted clip belong to the chapter before it, or to the first. Where no clip is
    listed, the first one is.
    """
    placed = list(zip(timeline.chapter_starts(), timeline.clips, strict=True))
    listed = [(start, clip) for start, clip in placed if not clip.unlisted] or placed[:1]
    starts = [0, *(start for start, _ in listed[1:])]
    return tuple(
        Chapter(
            start,
            start / timeline.rate,
            clean_text(clip.title) or f"Track {number}",
            clean_text(clip.artist),
        )
        for number, (start, (_, clip)) in enumerate(zip(starts, listed, strict=True), 1)
    )


def group_near(
    chapters: Iterable[Chapter], position: Callable[[Chapter], int], min_distance: int
) -> tuple[Group, ...]:
    """Group neighbours whose distance to the first of their group is below `min_distance`.

    `position` returns the position of a chapter, in the unit of `min_distance`.
    """
    groups: list[list[Chapter]] = []
    for chapter in chapters:
        if groups and position(chapter) - position(groups[-1][0]) < min_distance:
            groups[-1].append(chapter)
        else:
            groups.append([chapter])
    return tuple(map(tuple, groups))


def group_evenly(groups: Sequence[Group], count: int) -> tuple[Group, ...]:
    """Merge neighbouring groups into `count` groups, evenly over the mix."""
    borders = [index * len(groups) // count for index in range(count + 1)]
    return tuple(
        tuple(chapter for group in groups[start:end] for chapter in group) for start, end in pairwise(borders)
    )


def shared_label(group: Group) -> str:
    """Return the label of an entry for one or more songs."""
    return " / ".join(chapter.label for chapter in group)


def seconds_to_ms(seconds: float) -> int:
    """Return seconds as the nearest whole millisecond."""
    return int(seconds * 1000 + 0.5)


def group_by_ms(chapters: Iterable[Chapter]) -> tuple[Group, ...]:
    """Group chapters that start in the same millisecond: players cannot show one without length."""
    return group_near(chapters, lambda chapter: seconds_to_ms(chapter.start_s), 1)


def mp4_chapters(chapters: Iterable[Chapter]) -> list[tuple[int, str]]:
    """Return start (in frames, exact) and title of each chapter of an MP4."""
    return [
        (group[0].start, cut_to_bytes(shared_label(group), MAX_MP4_TITLE_BYTES))
        for group in group_by_ms(chapters)
    ]


def podcast_json(chapters: Sequence[Chapter], *, title: str = "", author: str = "") -> str:
    """Return a Podcasting 2.0 chapters file (`application/json+chapters`), times in whole microseconds."""
    names = {"title": clean_text(title), "author": clean_text(author)}
    document = {
        "version": PODCAST_VERSION,
        **{key: text for key, text in names.items() if text},
        "chapters": [
            {"startTime": round(group[0].start_s, 6), "title": shared_label(group)}
            for group in group_by_ms(chapters)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
