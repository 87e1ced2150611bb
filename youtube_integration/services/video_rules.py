"""YouTube's limits for titles, descriptions, tags and chapters, counted as YouTube counts them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mixes.engine.tracklist.youtube import FEWEST_CHAPTERS, LIMIT_BYTES, SHORTEST_CHAPTER_S
from mixes.services.wording import clock
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubePublication

TITLE_CHARACTERS = 100
DESCRIPTION_BYTES = LIMIT_BYTES
TAG_CHARACTERS = 500  # all tags together, including the commas between them
QUOTES = 2  # a tag with a space counts two more, for its quotes
FORBIDDEN = "<>"
LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # a day later overflows `datetime` in some time zones
PRIVATE = YouTubePublication.Privacy.PRIVATE
# A timestamp as YouTube finds it in a line, with or without hours
TIME = re.compile(r"(?<![\d:])(?:(\d{1,2}):)?(\d{1,2}):(\d{2})(?![\d:])")


@dataclass(frozen=True, slots=True)
class Fault:
    """A detail that YouTube would refuse: the field, and a sentence with the fix."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class ChapterRule:
    """A rule of YouTube for chapters; `reason` says why it is broken, "" when it holds."""

    text: str
    reason: str = ""

    @property
    def holds(self) -> bool:
        return not self.reason


def find_faults(details: VideoDetails) -> tuple[Fault, ...]:
    """Return what YouTube would refuse about a video."""
    parts = (
        ("title", title_faults(details.title)),
        ("description", description_faults(details.description)),
        ("tags", tag_faults(details.tags)),
        ("category", category_faults(details.category)),
        ("privacy", privacy_faults(details.privacy)),
        ("publish_at", schedule_faults(details)),
    )
    return tuple(Fault(field, text) for field, texts in parts for text in texts)


def title_faults(title: str) -> Iterator[str]:
    if not title.strip():
        yield _("A video needs a title.")
    if len(title) > TITLE_CHARACTERS:
        yield _("YouTube accepts at most %(most)d characters; this has %(count)d.") % {
            "most": TITLE_CHARACTERS,
            "count": len(title),
        }
    yield from forbidden_faults(title)


def description_faults(description: str) -> Iterator[str]:
    size = len(description.encode())
    if size > DESCRIPTION_BYTES:
        yield _(
            "YouTube accepts at most %(most)d bytes; this has %(count)d. "
            "Letters with accents take two, most other scripts three, an emoji four."
        ) % {"most": DESCRIPTION_BYTES, "count": size}
    yield from forbidden_faults(description)


def tag_faults(tags: Sequence[str]) -> Iterator[str]:
    count = count_tags(tags)
    if count > TAG_CHARACTERS:
        yield _(
            "YouTube accepts at most %(most)d characters of tags; these have %(count)d. "
            "The commas count, and two more for each tag with a space."
        ) % {"most": TAG_CHARACTERS, "count": count}
    yield from forbidden_faults("".join(tags))


def category_faults(category: str) -> Iterator[str]:
    if not (category.isascii() and category.isdigit()):
        yield _("Choose a category.")


def privacy_faults(privacy: str) -> Iterator[str]:
    if privacy not in YouTubePublication.Privacy.values:
        yield _("Choose who can see it.")


def schedule_faults(details: VideoDetails) -> Iterator[str]:
    if details.publish_at is None:
        return
    if details.privacy != PRIVATE:
        yield _("Only a private video can become public at a set time. Choose Private, or remove the time.")
    if details.publish_at <= timezone.now():
        yield _("This time is in the past: YouTube would make the video public at once.")
    if details.publish_at > LATEST:
        yield _("This time is too far in the future.")


def forbidden_faults(text: str) -> Iterator[str]:
    found = [character for character in FORBIDDEN if character in text]
    if found:
        yield _("YouTube does not accept %s. Write it another way.") % _(" or ").join(found)


def count_tags(tags: Sequence[str]) -> int:
    """Return the number of characters of tags as YouTube counts them."""
    return sum(len(tag) + QUOTES * (" " in tag) for tag in tags) + max(0, len(tags) - 1)


def read_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a comma-separated line, without duplicates."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.replace("\n", ",").split(",")))))


def fitting_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return as many of the suggested tags as fit, in order."""
    kept: list[str] = []
    for tag in dict.fromkeys(" ".join(re.sub(r"[<>,\"]", " ", tag).split()) for tag in tags):
        if tag and count_tags([*kept, tag]) <= TAG_CHARACTERS:
            kept.append(tag)
    return tuple(kept)


def fitting_title(title: str) -> str:
    """Return a suggested title within YouTube's rules."""
    plain = " ".join(title.replace("<", "\u2039").replace(">", "\u203a").split())
    return plain if len(plain) <= TITLE_CHARACTERS else plain[: TITLE_CHARACTERS - 1].rstrip() + "…"


def chapter_rules(description: str, duration_s: float) -> tuple[ChapterRule, ...]:
    """Return YouTube's rules for chapters, checked against the description."""
    starts_s = read_times_s(description)
    return (
        ChapterRule(_("The first one begins at 0:00"), begin_fault(starts_s)),
        ChapterRule(_("There are three or more"), number_fault(starts_s)),
        ChapterRule(_("Each begins after the one before it"), order_fault(starts_s)),
        ChapterRule(_("Each lasts 10 seconds or longer"), length_fault(starts_s, duration_s)),
    )


def read_times_s(description: str) -> tuple[int, ...]:
    """Return the first timestamp of each line that has one, in seconds."""
    found = (TIME.search(line) for line in description.splitlines())
    return tuple(int(time[1] or 0) * 3600 + int(time[2]) * 60 + int(time[3]) for time in filter(None, found))


def begin_fault(starts_s: Sequence[int]) -> str:
    if not starts_s:
        return _("no line has a time")
    return "" if starts_s[0] == 0 else _("it begins at %s") % clock(starts_s[0])


def number_fault(starts_s: Sequence[int]) -> str:
    count = len(starts_s)
    if count >= FEWEST_CHAPTERS:
        return ""
    return ngettext("there is %d", "there are %d", count) % count


def order_fault(starts_s: Sequence[int]) -> str:
    for before_s, after_s in pairwise(starts_s):
        if after_s <= before_s:
            return _("%(after)s comes after %(before)s") % {
                "after": clock(after_s),
                "before": clock(before_s),
            }
    return "" if starts_s else _("no line has a time")


def length_fault(starts_s: Sequence[int], duration_s: float) -> str:
    """Return a sentence about the first chapter that is too short; the video's end closes the last one."""
    for start_s, end_s in pairwise([*starts_s, int(duration_s)]):
        if 0 <= end_s - start_s < SHORTEST_CHAPTER_S:
            return _("the one at %(time)s lasts %(seconds)d s") % {
                "time": clock(start_s),
                "seconds": end_s - start_s,
            }
    if starts_s and starts_s[-1] > duration_s:
        return _("%s is after the end") % clock(starts_s[-1])
    return "" if starts_s else _("no line has a time")
