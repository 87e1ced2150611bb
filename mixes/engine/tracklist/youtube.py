"""Write a tracklist that YouTube reads as chapters: one song a line, its time first.

In: the chapters, the duration, the byte limit. Out: lines, and sentences on the compromises made. YouTube
drops all chapters for one violation and does not report it, so a list either meets every rule or is reported
as no chapter list. The rules: it starts at 0:00, has three or more entries, and each lasts at least 10 s. No
other text may contain times.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from mixes.engine.text import clean_text, shorten_to_bytes
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss
from mixes.engine.tracklist.chapters import Chapter, Group, group_evenly, group_near, shared_label

LIMIT_BYTES = 5_000  # of UTF-8, for YouTube's whole description
FEWEST_CHAPTERS = 3
SHORTEST_CHAPTER_S = 10
MIN_LABEL_BYTES = 20  # shorter labels are unreadable: songs then share lines instead
RATIO_SIGN = "\u2236"  # looks like a colon
# Anything YouTube could parse as a time: digits of any script, any colon, invisible characters between them
TIME_COLON = re.compile(
    "(?<=\\d)[\u200b-\u200f\u2060]*[:\ufe13\ufe55\uff1a][\u200b-\u200f\u2060]*(?=\\d\\d?(?!\\d))"
)

DOT_LEADER = "\u2024"  # looks like a full stop
LINK = re.compile(r"(?:https?://|ftp://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*", re.IGNORECASE)

NO_CHAPTERS = (
    "YouTube will show no chapters: it wants three or more of at least 10 seconds each. "
    "The tracklist has plain times."
)


@dataclass(frozen=True, slots=True)
class Tracklist:
    """The lines, sentences for the user on changes to them, and whether they are YouTube chapters."""

    lines: tuple[str, ...]
    notes: tuple[str, ...]
    youtube_chapters: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the tracklist, with labels of several lengths."""

    time: str
    full: str  # artists and titles of its songs
    titles: str
    first: str  # title of the first song
    more: str  # " +2" for two more songs, or empty

    def label(self, limit: int) -> str:
        """Return the fullest label of at most `limit` bytes (MIN_LABEL_BYTES or more)."""
        for label in (self.full, self.titles):
            if len(label.encode()) <= limit:
                return label
        return shorten_to_bytes(self.first, limit - len(self.more)) + self.more

    def max_bytes(self, limit: int) -> int:
        """Return the largest size of the line with a label of `limit` bytes, its line end included."""
        shortened = min(limit, len(self.first.encode()) + len(self.more))
        sizes = (len(label.encode()) for label in (self.full, self.titles))
        return len(self.time) + len(" \n") + next((size for size in sizes if size <= limit), shortened)


def escape_for_youtube(text: str) -> str:
    """Return `text` without characters that YouTube refuses or could parse as a time."""
    return TIME_COLON.sub(RATIO_SIGN, text).replace("<", "\u2039").replace(">", "\u203a")


def defuse_links(text: str) -> str:
    """Return `text` with its web addresses made unclickable: untrusted tags may contain spam links."""
    return LINK.sub(lambda match: match[0].replace("://", f"{RATIO_SIGN}//").replace(".", DOT_LEADER), text)


def youtube_lines(
    chapters: Sequence[Chapter], duration_s: float, *, max_bytes: int = LIMIT_BYTES
) -> Tracklist:
    """Return the tracklist in at most `max_bytes` of UTF-8 (200 or more), the line end of each line included.

    All times have hours when the mix lasts an hour or longer. Songs less than 10 s apart share a line. When
    the list is too long, names are shortened; when that is not enough, neighbours share lines evenly over the
    whole mix.
    """
    songs = _youtube_chapters(chapters)
    groups = _chapter_groups(songs, int(duration_s))
    is_valid = len(groups) >= FEWEST_CHAPTERS
    if not is_valid:
        groups = tuple((song,) for song in songs)
    format_time = format_h_mm_ss if duration_s >= 3600 else format_m_ss

    @cache
    def entries(count: int) -> list[Entry]:
        return [_entry(group, format_time) for group in group_evenly(groups, count)]

    least = FEWEST_CHAPTERS if is_valid else 1
    count = _largest(
        least, len(groups), lambda count: _max_bytes(entries(count), MIN_LABEL_BYTES) <= max_bytes
    )
    chosen = entries(count)
    limit = _largest(MIN_LABEL_BYTES, max_bytes, lambda limit: _max_bytes(chosen, limit) <= max_bytes)
    labels = [entry.label(limit) for entry in chosen]
    notes = [] if is_valid else [NO_CHAPTERS]
    notes += _sharing_notes(len(songs), len(groups), count)
    if labels != [entry.full for entry in chosen]:
        notes.append("Names in the tracklist are shortened to stay within YouTube's limit.")
    lines = tuple(f"{entry.time} {label}" for entry, label in zip(chosen, labels, strict=True))
    return Tracklist(lines, tuple(notes), is_valid)


def _youtube_chapters(chapters: Sequence[Chapter]) -> list[Chapter]:
    """Return the chapters with names escaped for YouTube; every chapter has a title."""
    return [
        replace(
            chapter,
            title=escape_for_youtube(defuse_links(clean_text(chapter.title))) or f"Track {number}",
            artist=escape_for_youtube(defuse_links(clean_text(chapter.artist))),
        )
        for number, chapter in enumerate(chapters, 1)
    ]


def _whole_s(chapter: Chapter) -> int:
    return int(chapter.start_s)


def _chapter_groups(chapters: Sequence[Chapter], end_s: int) -> tuple[Group, ...]:
    """Group songs so that each entry, including the last one, lasts at least SHORTEST_CHAPTER_S."""
    groups = list(group_near(chapters, _whole_s, SHORTEST_CHAPTER_S))
    while len(groups) > 1 and end_s - _whole_s(groups[-1][0]) < SHORTEST_CHAPTER_S:
        last = groups.pop()
        groups[-1] += last
    return tuple(groups)


def _entry(group: Group, format_time: Callable[[int], str]) -> Entry:
    titles = [chapter.title for chapter in group]
    more = f" +{len(group) - 1}" if len(group) > 1 else ""
    return Entry(format_time(_whole_s(group[0])), shared_label(group), " / ".join(titles), titles[0], more)


def _max_bytes(entries: Sequence[Entry], limit: int) -> int:
    return sum(entry.max_bytes(limit) for entry in entries)


def _largest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number from `low` to `high` that fits, by bisection; `low` is assumed to fit."""
    if high <= low or fits(high):
        return max(low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _sharing_notes(songs: int, groups: int, lines: int) -> list[str]:
    """Return sentences on songs without a line of their own, and the reason."""
    notes = []
    if groups < songs:
        notes.append(f"{songs - groups} of {songs} songs share a line: YouTube wants 10 seconds for each.")
    if lines < groups:
        notes.append(
            f"{songs} songs are more than YouTube's description holds: neighbours share {lines} lines, "
            "evenly over the mix."
        )
    return notes
