"""Write the tracklist of a mix as other sites and programs read it.

In: the chapters and the duration. Out: a text for each of FORMS.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import quoteattr

from mixes.engine.text import clean_text
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss
from mixes.engine.tracklist.chapters import Chapter, group_by_ms, seconds_to_ms, shared_label
from mixes.engine.tracklist.youtube import youtube_lines

PODLOVE = "http://podlove.org/simple-chapters"
COLUMNS = ("number", "start", "start_s", "length_s", "artist", "title")
FORMULA_STARTS = ("=", "+", "-", "@")  # of cells that spreadsheets would calculate
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes UTF-8 for the encoding of its country


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of tracklist: what its file name ends with, its type, and what writes it."""

    suffix: str
    content_type: str
    write: Callable[[Sequence[Chapter], float], str]


def for_youtube(chapters: Sequence[Chapter], duration_s: float) -> str:
    """Return a line for each song, its time first, as YouTube reads chapters."""
    return _joined(youtube_lines(chapters, duration_s).lines)


def for_mixcloud(chapters: Sequence[Chapter], duration_s: float) -> str:
    """Return artist and title of each song, without times, which Mixcloud would take for names."""
    return _joined([_dashed(chapter) for chapter in chapters])


def for_1001tracklists(chapters: Sequence[Chapter], duration_s: float) -> str:
    """Return artist and title of each song behind its time in brackets."""
    return _joined([f"[{_padded(chapter, duration_s)}] {_dashed(chapter)}" for chapter in chapters])


def as_csv(chapters: Sequence[Chapter], duration_s: float) -> str:
    """Return a table with the start and length of each song in seconds.

    A name that begins as a formula does gets an apostrophe: tags are of any origin.
    """
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    ends_s = [*(chapter.start_s for chapter in chapters), duration_s]
    for number, (chapter, (start_s, end_s)) in enumerate(zip(chapters, pairwise(ends_s), strict=True), 1):
        length_s = f"{end_s - start_s:.3f}"
        names = (_cell(chapter.artist), _cell(chapter.title))
        writer.writerow((number, _padded(chapter, duration_s), f"{start_s:.3f}", length_s, *names))
    return BYTE_ORDER_MARK + table.getvalue()


def as_podlove(chapters: Sequence[Chapter], duration_s: float) -> str:
    """Return Podlove Simple Chapters 1.2, as podcast feeds hold them."""
    lines = [
        f"  <psc:chapter start={quoteattr(_normal_play_time(start_ms))} title={quoteattr(label)}/>"
        for start_ms, label in _by_ms(chapters)
    ]
    opening = f'<psc:chapters version="1.2" xmlns:psc="{PODLOVE}">'
    return _joined(['<?xml version="1.0" encoding="UTF-8"?>', opening, *lines, "</psc:chapters>"])


def as_chapter_marks(chapters: Sequence[Chapter], duration_s: float) -> str:
    """Return lines of time with milliseconds and title, as Podlove Publisher, Auphonic and mp4chaps do."""
    return _joined([f"{_normal_play_time(start_ms)} {label}" for start_ms, label in _by_ms(chapters)])


FORMS = {
    "youtube": Form(".youtube.txt", "text/plain; charset=utf-8", for_youtube),
    "mixcloud": Form(".mixcloud.txt", "text/plain; charset=utf-8", for_mixcloud),
    "1001tracklists": Form(".1001tracklists.txt", "text/plain; charset=utf-8", for_1001tracklists),
    "csv": Form(".tracklist.csv", "text/csv; charset=utf-8", as_csv),
    "podlove": Form(".psc.xml", "application/xml", as_podlove),
    "marks": Form(".chapters.txt", "text/plain; charset=utf-8", as_chapter_marks),
}


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _dashed(chapter: Chapter) -> str:
    names = (clean_text(chapter.artist), clean_text(chapter.title))
    return " - ".join(name for name in names if name)


def _padded(chapter: Chapter, duration_s: float) -> str:
    """Return the time with two digits of minutes, and with hours in all lines of a mix that has one."""
    seconds = int(chapter.start_s)
    return format_h_mm_ss(seconds) if duration_s >= 3600 else format_m_ss(seconds).rjust(5, "0")


def _cell(name: str) -> str:
    text = clean_text(name)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _by_ms(chapters: Sequence[Chapter]) -> list[tuple[int, str]]:
    groups = group_by_ms(chapters)
    return [(seconds_to_ms(group[0].start_s), clean_text(shared_label(group))) for group in groups]


def _normal_play_time(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
