"""Fill in the user's template for the description of a published mix.

In: a template, the chapters, the title. Out: a `Description` within YouTube's limit, with a tracklist
(youtube.py) that the text around it cannot break.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixes.engine.text import ELLIPSIS, clean_text, shorten_to_bytes
from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.youtube import (
    LIMIT_BYTES,
    RATIO_SIGN,
    TIME_COLON,
    Tracklist,
    defuse_links,
    escape_for_youtube,
    youtube_lines,
)

MIN_TRACKLIST_BYTES = 2_500  # reserved for the tracklist: the text around it is cut first
MAX_ARTISTS_BYTES = 300  # the tracklist names the artists as well
MAX_HASHTAGS = 15  # YouTube ignores all of them when there are too many
DEFAULT_HASHTAGS = ("mix", "mixtape", "music")
DEFAULT_TEMPLATE = """\
{title}
{duration}, mixed on {date}

{tracklist}

Music by {artists}

{hashtags}
"""
NAMES = ("title", "tracklist", "duration", "date", "artists", "hashtags")
FIELD = re.compile(rf"\{{({'|'.join(NAMES)})\}}")
NAMED = re.compile(r"\{([^\W\d]\w{0,30})\}")
TRACKLIST = "{tracklist}"
NO_TRACKLIST = Tracklist((), (), youtube_chapters=False)
LINE_END = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
UNWRITABLE = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Description:
    """A finished description; `notes` are sentences for the user."""

    text: str
    notes: tuple[str, ...]
    youtube_chapters: bool


def render_description(
    template: str,
    chapters: Sequence[Chapter],
    duration_s: float,
    *,
    title: str,
    date: str = "",
    hashtags: Sequence[str] = DEFAULT_HASHTAGS,
) -> Description:
    """Fill in `template`; the text has at most LIMIT_BYTES of UTF-8, its last line end included.

    The names in FIELD are replaced in one pass: inserted text is not scanned again, other braces stay. A line
    whose fields are all empty is omitted. The tracklist is inserted once, on lines of its own.
    """
    values = {
        "title": clean_text(title),
        "duration": duration_in_words(duration_s),
        "date": clean_text(date),
        "artists": artist_list(chapters),
        "hashtags": hashtag_line(hashtags),
    }
    before, field, after = LINE_END.sub("\n", template).partition(TRACKLIST)
    above = _fill(before.rstrip(" \t").removesuffix("\n"), values)
    below = _fill(after.replace(TRACKLIST, "").lstrip(" \t").removeprefix("\n"), values)
    notes = [*_notes_on_names(template), *_notes_on_text(above + below, lists=template.count(TRACKLIST))]
    above, below = _to_writable(above), _to_writable(below)
    available_bytes = max(LIMIT_BYTES - _size(above) - _size(below), MIN_TRACKLIST_BYTES)
    tracklist = youtube_lines(chapters, duration_s, max_bytes=available_bytes) if field else NO_TRACKLIST
    kept_above = _cut(above, LIMIT_BYTES - _size(tracklist.lines))
    kept_below = _cut(below, LIMIT_BYTES - _size([*tracklist.lines, *kept_above]))
    notes += tracklist.notes
    if kept_above + kept_below != above + below:
        notes.append("The text around the tracklist is cut to stay within YouTube's limit.")
    text = "\n".join([*kept_above, *tracklist.lines, *kept_below]).strip("\n") + "\n"
    return Description(text, tuple(notes), tracklist.youtube_chapters)


def duration_in_words(seconds: float) -> str:
    """Return a rounded duration such as "1 hour 2 minutes": YouTube could read colons as a chapter time."""
    if seconds < 60:
        return _counted(int(seconds), "second")
    hours, minutes = divmod(int(seconds / 60 + 0.5), 60)
    return " ".join(
        _counted(number, unit) for number, unit in ((hours, "hour"), (minutes, "minute")) if number
    )


def artist_list(chapters: Sequence[Chapter]) -> str:
    """Return the artists in order of appearance, without duplicates, in about MAX_ARTISTS_BYTES of UTF-8."""
    names: dict[str, str] = {}
    for chapter in chapters:
        artist = defuse_links(clean_text(chapter.artist))
        names.setdefault(artist.casefold(), artist)
    rest = list(filter(None, names.values()))
    listed = shorten_to_bytes(rest.pop(0), MAX_ARTISTS_BYTES) if rest else ""
    while rest and len(f"{listed}, {rest[0]}".encode()) <= MAX_ARTISTS_BYTES:
        listed += f", {rest.pop(0)}"
    return f"{listed} and {len(rest)} more" if rest else listed


def hashtag_line(words: Sequence[str]) -> str:
    """Return "#word #word" of letters, digits and underscores: at most MAX_HASHTAGS, without duplicates."""
    tags = dict.fromkeys("".join(filter(_is_tag_letter, clean_text(word))) for word in words)
    return " ".join(f"#{tag}" for tag in list(filter(None, tags))[:MAX_HASHTAGS])


def _is_tag_letter(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _fill(text: str, values: Mapping[str, str]) -> list[str]:
    """Return the lines of a template part with its fields replaced."""
    lines: list[str] = []
    was_left_out = False
    for line in text.split("\n") if text else ():
        names = FIELD.findall(line)
        if names and not any(values[name] for name in names):
            was_left_out = True
        elif line or not was_left_out or (lines and lines[-1]):  # no two empty lines around an omitted one
            lines.append(FIELD.sub(lambda match: values[match[1]], line))
            was_left_out = False
    return lines


def _notes_on_names(template: str) -> list[str]:
    """Return a sentence on names in braces that there are not."""
    unknown = [name for name in dict.fromkeys(NAMED.findall(template)) if name not in NAMES]
    if not unknown:
        return []
    there_are = ", ".join(f"{{{name}}}" for name in NAMES)
    listed = ", ".join(f"{{{name}}}" for name in unknown)
    return [f"There is no {listed}: it stays as it is written. There are {there_are}."]


def _notes_on_text(lines: Sequence[str], *, lists: int) -> list[str]:
    """Return sentences on the changes to the text around the tracklist."""
    notes = []
    if lists == 0:
        notes.append("The template has no {tracklist}, so YouTube will show no chapters.")
    if lists > 1:
        notes.append(
            "The template asks for the tracklist more than once; it is written only in the first place."
        )
    if any(TIME_COLON.search(line) for line in lines):
        notes.append(
            f"Times outside the tracklist are written with {RATIO_SIGN}, so YouTube counts no chapters there."
        )
    if any("<" in line or ">" in line for line in lines):
        notes.append("YouTube does not allow < and >, so they are written as \u2039 and \u203a.")
    return notes


def _to_writable(lines: Sequence[str]) -> list[str]:
    return [escape_for_youtube(UNWRITABLE.sub("", line)).rstrip() for line in lines]


def _size(lines: Sequence[str]) -> int:
    """Return the size of the lines in bytes of UTF-8, each with its line end."""
    return sum(len(line.encode()) + 1 for line in lines)


def _cut(lines: Sequence[str], available_bytes: int) -> list[str]:
    """Return the first lines that fit into `available_bytes`, and the beginning of the next one."""
    kept: list[str] = []
    for line in lines:
        size = _size([line])
        if size > available_bytes:
            return (
                [*kept, shorten_to_bytes(line, available_bytes - 1)]
                if available_bytes > len(ELLIPSIS.encode())
                else kept
            )
        kept.append(line)
        available_bytes -= size
    return kept
