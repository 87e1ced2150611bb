"""Thousands of random tracklists through the description writer, checked against YouTube's rules."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from benchmarks.ours import Bench
from benchmarks.report import Row
from mixes.engine.timeline import Clip, Timeline, Transition
from mixes.engine.tracklist.chapters import Chapter, chapters_of
from mixes.engine.tracklist.description import DEFAULT_TEMPLATE, Description, render_description

LISTS, QUICK_LISTS = 10_000, 1_000
RATE = 44_100
LENGTHS_S = ((0.5, 12), (5, 60), (90, 420), (600, 7_200))  # seconds: jingles, short songs, songs, sets
MOST_BYTES = 5_000
SHORTEST_S, FEWEST = 10, 3
TIME_LINE = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})(?: (.*))?$")
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ  ",
    "äöüßéèñçøåðþœ ÀÉÎÕÜ -'",
    "夜の道に雨が降る静かな街ひかり東京",
    "ночной автобус едет домой ",
    "שלום עולם مرحبا بالعالم ",
    "नमस्ते दुनिया ",
    "🎶🌙👩‍🎤🏳️‍🌈e\u0301a\u0308 ",
    "<>&\"'{}[]()=;#\\/|%$@ \n\r\t\u2028\u202e\u200b\x00",
    "0123456789: ",
)
TRICKS = (
    "0:00 not a chapter",
    "{tracklist}",
    "{title.__class__}",
    "12:34",
    "\n0:00 line",
    "</a>",
    "",
    " ",
    "#tag",
)


def tracklists(bench: Bench) -> Iterator[Row]:
    """Write many descriptions and count those that break a rule or report a wrong status."""
    count = QUICK_LISTS if bench.quick else LISTS
    rng = np.random.default_rng(440)
    broken: list[str] = []
    without = 0
    for _ in range(count):
        timeline = invent(rng)
        chapters, duration_s = chapters_of(timeline), timeline.duration_s
        description = render_description(DEFAULT_TEMPLATE, chapters, duration_s, title=_text(rng))
        without += not description.youtube_chapters
        broken += faults(description, chapters, duration_s)[:1]
    yield Row(
        f"{count:,} invented tracklists",
        "not one breaks a YouTube rule",
        f"{len(broken)} broken{': ' + broken[0] if broken else ''}",
        f"{without} too short for chapters, and said so",
        not broken,
        "1 to 600 tracks of 0.5 s to 2 h; scripts of the world, control characters, 300 characters a title.",
    )


def invent(rng: np.random.Generator) -> Timeline:
    """Return a random plausible mix, with titles as unusual as tags can be."""
    count = int(rng.choice((1, 2, 3, int(rng.integers(3, 30)), int(rng.integers(30, 600)))))
    low, high = LENGTHS_S[int(rng.choice(4, p=(0.2, 0.2, 0.5, 0.1)))]
    clips: list[Clip] = []
    for length_s in rng.uniform(low, high, count):
        start = clips[-1].end if clips else 0
        clips.append(Clip(_text(rng), _text(rng), 0, round(length_s * RATE), start, 0.0))
    joins = [Transition("gapless", 0, "Invented.")] * (count - 1)
    return Timeline(RATE, tuple(clips), tuple(joins))


def _text(rng: np.random.Generator) -> str:
    if rng.random() < 0.05:
        return str(rng.choice(TRICKS))
    letters = list(ALPHABETS[int(rng.integers(len(ALPHABETS)))])
    length = int(rng.integers(100, 300)) if rng.random() < 0.2 else int(rng.integers(1, 40))
    return "".join(rng.choice(letters, length))


def faults(description: Description, chapters: Sequence[Chapter], duration_s: float) -> list[str]:
    """Return every rule of YouTube that the description breaks."""
    text, listed = description.text, description.youtube_chapters
    found = []
    if len(text.encode("utf-8")) > MOST_BYTES:
        found.append("more than 5,000 bytes")
    if "<" in text or ">" in text:
        found.append("an angle bracket")
    if listed != possible(chapters, duration_s):
        found.append("chapters promised that cannot be" if listed else "chapters given up that could be")
    matches = [match for line in text.splitlines() if (match := TIME_LINE.match(line))]
    if not listed:
        said = any("YouTube" in note for note in description.notes)
        return found if said and matches else [*found, "no chapters, and not said or without plain times"]
    return found + list_faults(matches, chapters, duration_s)


def list_faults(
    entries: Sequence[re.Match[str]], chapters: Sequence[Chapter], duration_s: float
) -> list[str]:
    """Return the faults of a list of chapters: the time of each line, then its label."""
    found = []
    times = [int(h or 0) * 3600 + int(m) * 60 + int(s) for h, m, s, _ in (e.groups() for e in entries)]
    if len(times) < FEWEST or times[0] != 0:
        found.append("fewer than three entries, or the first not at 0:00")
    if any(later - earlier < SHORTEST_S for earlier, later in pairwise([*times, duration_s])):
        found.append("a chapter under 10 s, or times that do not ascend")
    if not set(times) <= {int(chapter.start_s) for chapter in chapters}:
        found.append("a time at which no song begins")
    if any(bool(entry[1]) != (duration_s >= 3600) for entry in entries):
        found.append("a time in the wrong form")
    if not all((entry[4] or "").strip() for entry in entries):
        found.append("an entry without a label")
    return found


def possible(chapters: Sequence[Chapter], duration_s: float) -> bool:
    """Return whether three entries of ten seconds each are possible when neighbours may share a line."""
    entries, last_s = 0, -SHORTEST_S
    for chapter in chapters:
        second = int(chapter.start_s)
        if second - last_s >= SHORTEST_S and duration_s - second >= SHORTEST_S:
            entries, last_s = entries + 1, second
    return entries >= FEWEST
