"""The one list of chapters, and the two formats that are nothing but it.

In: a `Timeline`. Out: `Chapter`s, one for each clip, read by every writer of chapters (id3.py, cuesheet.py,
description.py), and here as ffmpeg's metadata text (for MP4) and as Podcasting 2.0 JSON.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mixes.engine.text import clean_text, cut_to_bytes
from mixes.engine.timeline import Timeline

PODCAST_VERSION = "1.2.0"
MAX_MP4_TITLE_BYTES = 255  # bytes: the chapter atom counts them in one, and ffmpeg cuts without care


@dataclass(frozen=True, slots=True)
class Chapter:
    """Where a song becomes the louder one, and what it is called. `start_s` is `start` in seconds."""

    start: int  # frames at the mix rate
    start_s: float
    title: str
    artist: str

    @property
    def label(self) -> str:
        """Artist and title, as far as they are known."""
        return f"{self.artist} \u2013 {self.title}" if self.artist else self.title


Group = tuple[Chapter, ...]  # chapters that share one entry


def chapters_of(timeline: Timeline) -> tuple[Chapter, ...]:
    """Return one chapter for each clip, in order; the first starts at 0, and none is without a title."""
    return tuple(
        Chapter(
            start,
            start / timeline.rate,
            clean_text(clip.title) or f"Track {number}",
            clean_text(clip.artist),
        )
        for number, (start, clip) in enumerate(zip(timeline.chapter_starts(), timeline.clips, strict=True), 1)
    )


def group_near(
    chapters: Iterable[Chapter], position: Callable[[Chapter], int], min_distance: int
) -> tuple[Group, ...]:
    """Let chapters nearer than `min_distance` share an entry, as `position` counts."""
    groups: list[list[Chapter]] = []
    for chapter in chapters:
        if groups and position(chapter) - position(groups[-1][0]) < min_distance:
            groups[-1].append(chapter)
        else:
            groups.append([chapter])
    return tuple(map(tuple, groups))


def group_evenly(groups: Sequence[Group], count: int) -> tuple[Group, ...]:
    """Join neighbours so that `count` groups are left, evenly over the mix."""
    borders = [index * len(groups) // count for index in range(count + 1)]
    return tuple(
        tuple(chapter for group in groups[start:end] for chapter in group) for start, end in pairwise(borders)
    )


def shared_label(group: Group) -> str:
    """Return the label of an entry that stands for one song or more."""
    return " / ".join(chapter.label for chapter in group)


def seconds_to_ms(seconds: float) -> int:
    """Return the nearest whole millisecond."""
    return int(seconds * 1000 + 0.5)


def group_by_ms(chapters: Iterable[Chapter]) -> tuple[Group, ...]:
    """Join chapters of the same millisecond: players have no use for one without length."""
    return group_near(chapters, lambda chapter: seconds_to_ms(chapter.start_s), 1)


def ffmetadata(
    chapters: Sequence[Chapter], *, frames: int, rate: int, title: str = "", artist: str = ""
) -> str:
    """Return a text for ffmpeg's `-f ffmetadata`: title, artist, chapters exact to the frame.

    `frames` is the length of the mix, at `rate` Hz like the chapters' starts.
    """
    lines = [";FFMETADATA1"]
    lines += [f"{key}={_escape(text)}" for key, text in (("title", title), ("artist", artist)) if text]
    groups = group_by_ms(chapters)
    ends = [group[0].start for group in groups[1:]] + [frames]
    for group, end in zip(groups, ends, strict=True):
        label = cut_to_bytes(shared_label(group), MAX_MP4_TITLE_BYTES)
        lines += ["", "[CHAPTER]", f"TIMEBASE=1/{rate}", f"START={group[0].start}", f"END={end}"]
        lines += [f"title={_escape(label)}"]
    return "\n".join(lines) + "\n"


def podcast_json(chapters: Sequence[Chapter], *, title: str = "", author: str = "") -> str:
    """Return a Podcasting 2.0 chapters file (`application/json+chapters`), times exact to the microsecond."""
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


def _escape(text: str) -> str:
    """Return one line in which nothing means anything to ffmpeg's reader."""
    return re.sub(r"([=;#\\])", r"\\\1", clean_text(text))
