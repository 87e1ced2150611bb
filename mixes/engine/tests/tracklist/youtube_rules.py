"""A strict checker of YouTube's rules for descriptions and chapters, for the tests."""

import re

# Format characters of the Basic Multilingual Plane, which a parser may ignore
UNSEEN = re.compile(
    "[\xad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
COLON = re.compile("[\ufe13\ufe55\uff1a]")
TIME = re.compile(r"(?<!\d)(?:(?P<hours>\d{1,3}):)?(?P<minutes>\d{1,3}):(?P<seconds>\d{1,2})(?!\d)")


def listed_times(text: str) -> list[int]:
    """Return the times at the beginnings of lines, in seconds."""
    starts = (TIME.match(line) for line in _visible_lines(text))
    return [_seconds(match) for match in starts if match]


def broken_rules(text: str, duration_s: float) -> list[str]:
    """Return the violations in a description that should have chapters; an empty list for a valid one."""
    broken = refused(text)
    times: list[int] = []
    for line in _visible_lines(text):
        for match in TIME.finditer(line):
            broken += _broken_in(line, match, has_hours=duration_s >= 3600)
            times.append(_seconds(match))
    if times[:1] != [0]:
        broken.append(f"begins at {times[:1]}")
    if len(times) < 3:
        broken.append(f"only {len(times)} entries")
    ends = [*times[1:], int(duration_s)]
    return broken + [
        f"{start} to {end} s" for start, end in zip(times, ends, strict=True) if end - start < 10
    ]


def _broken_in(line: str, match: re.Match[str], *, has_hours: bool) -> list[str]:
    if match.start():
        return [f"time within {line!r}"]
    broken = [] if re.match(r" \S", line[match.end() :]) else [f"no title in {line!r}"]
    if bool(match["hours"]) != has_hours:
        broken.append(f"hours or none in {line!r}")
    if len(match["seconds"]) != 2 or int(match["seconds"]) > 59:
        broken.append(f"no time in {line!r}")
    return broken


def refused(text: str) -> list[str]:
    """Return the violations that YouTube refuses in any description."""
    broken = [f"{sign} in it" for sign in "<>" if sign in text]
    return broken + ([f"{len(text.encode())} bytes"] if len(text.encode()) > 5000 else [])


def _visible_lines(text: str) -> list[str]:
    return COLON.sub(":", UNSEEN.sub("", text)).splitlines()


def _seconds(match: re.Match[str]) -> int:
    return int(match["hours"] or 0) * 3600 + int(match["minutes"]) * 60 + int(match["seconds"])
