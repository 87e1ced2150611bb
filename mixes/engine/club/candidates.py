"""Where a beat-matched join may lie: so many bars, from a downbeat of both songs on.

What is set by hand is kept: then the join starts inside a bar, at the same place of the bar in both songs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mixes.engine.club.beat_lines import BeatLine, Beats
from mixes.engine.club.sides import ClubSide, MusicMeter

FARTHEST_END_S = 40.0  # before A's end: where a join may end at the earliest
FARTHEST_ENTRY_S = 12.0  # behind B's start: where it may enter at the latest
MOST_LOST_A_S = 8.0  # of A's ending, in seconds of music
MOST_LOST_B_S = 2.0  # of B's beginning
EARLY_S = 0.05  # so much before the first sound, or behind the last, a downbeat may lie
TOGETHER_S = 0.010  # no further apart, two beats are one
EPSILON = 1e-6  # beats


@dataclass(frozen=True, slots=True)
class Pair:
    """Both songs with their beats; B's tempo times `fold` fits A's."""

    a: ClubSide
    b: ClubSide
    beats_a: Beats
    beats_b: Beats
    fold: float
    music_a_s: MusicMeter
    music_b_s: MusicMeter

    @classmethod
    def of(cls, a: ClubSide, b: ClubSide, fold: float) -> "Pair":
        assert a.track.rhythm is not None and b.track.rhythm is not None
        beats_a, beats_b = Beats.of(a.track.rhythm, a.track.rate), Beats.of(b.track.rhythm, b.track.rate)
        return cls(a, b, beats_a, beats_b, fold, a.meter_music(), b.meter_music())


@dataclass(frozen=True, slots=True)
class Window:
    """Where both are heard, in A: from beat `start` of its line until `end_s` of its file."""

    line: BeatLine
    start: float
    end_s: float

    @property
    def start_s(self) -> float:
        return self.line.at(self.start)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place for a join. Seconds of the files; bars as `Beats.bar_of` counts them."""

    bars: int
    start_a_s: float
    end_a_s: float
    entry_b_s: float
    stretch: float  # seconds of B per second of the overlap
    middle_s: float  # from the start to the downbeat nearest the middle
    bar_a: int  # of A, in which it starts
    bar_b: int  # of B
    is_entry_moved: bool

    @property
    def overlap_s(self) -> float:
        return self.end_a_s - self.start_a_s


def candidates(pair: Pair, bars: int, length_s: float | None) -> Iterator[Candidate]:
    """Yield the places for a join of so many bars; with `length_s`, of that length instead."""
    meter = pair.beats_a.meter
    beats = bars * meter if length_s is None else math.ceil(length_s / pair.a.beat_s)
    lines_b = list(entry_lines(pair, math.ceil(beats / pair.fold)))
    for window in windows(pair, beats, length_s, set_offset(pair, lines_b)):
        downbeat = pair.beats_a.downbeat_until(window.start)
        for entry, line_b in lines_b:
            place = entry + (window.start - downbeat) / pair.fold
            if pair.b.is_set:
                wanted = (pair.b.first_s - line_b.start_s) / line_b.period_s
                apart = meter * min(1.0, 1 / pair.fold)
                off = (place - wanted + apart / 2) % apart - apart / 2
                if abs(off) * line_b.period_s > TOGETHER_S:
                    continue
                place = wanted
            entry_s = line_b.at(place)
            if entry_s >= pair.b.first_s - EARLY_S - EPSILON:
                yield lay_out(pair, bars, window, downbeat, entry, entry_s, line_b)


def entry_lines(pair: Pair, beats: int) -> Iterator[tuple[int, BeatLine]]:
    """Yield the downbeats of B that may meet one of A, the earliest first, and the line from there."""
    b, numbers = pair.b, pair.beats_b
    near = numbers.number_near(b.first_s)
    line = numbers.line(near, near + beats)
    if line is None:
        return
    first = (b.first_s - EARLY_S - line.start_s) / line.period_s
    if b.is_set:
        yield numbers.downbeat_until(first + EARLY_S / line.period_s + EPSILON), line
        return
    # an earlier one too: a join may start inside a bar, where its length is set
    place = numbers.downbeat_until(first)
    while line.at(place) <= min(b.first_s + FARTHEST_ENTRY_S, b.last_s):
        if pair.music_b_s(b.first_s, line.at(place)) > MOST_LOST_B_S:
            return  # and later ones leave out more
        around = numbers.line(place, place + beats)
        if around is not None:
            yield place, around
        place += numbers.meter


def set_offset(pair: Pair, lines_b: list[tuple[int, BeatLine]]) -> float:
    """Return how many beats of A after a downbeat the join starts, because B's start is set; else 0."""
    if not pair.b.is_set or not lines_b:
        return 0.0
    entry, line = lines_b[0]
    offset = ((pair.b.first_s - line.start_s) / line.period_s - entry) * pair.fold
    return 0.0 if abs(offset) * line.period_s < TOGETHER_S else offset


def windows(pair: Pair, beats: int, length_s: float | None, offset: float) -> Iterator[Window]:
    """Yield where both may be heard in A; `offset` is that of `set_offset`. The latest come first.

    A plays to its last used moment where that is set by hand, and where the length is and B may move.
    """
    a, numbers = pair.a, pair.beats_a
    near = numbers.number_near(a.last_s)
    last_line = numbers.line(near - beats, near)
    if last_line is None:
        return
    last = (a.last_s - last_line.start_s) / last_line.period_s
    if length_s is not None and (a.is_set or not pair.b.is_set):
        yield Window(last_line, last - length_s / last_line.period_s, a.last_s)
        return
    if a.is_set:
        start = numbers.downbeat_until(last - beats - offset + EPSILON) + offset
        yield Window(last_line, start, a.last_s)
        return
    tolerance = EARLY_S / last_line.period_s
    start = numbers.downbeat_until(last + tolerance - beats - offset) + offset
    while (latest_s := last_line.at(start + beats)) >= a.last_s - FARTHEST_END_S:
        if pair.music_a_s(latest_s, a.last_s) > MOST_LOST_A_S + 1.0:
            return  # and earlier ones leave out more
        line = numbers.line(math.floor(start), math.ceil(start + beats))
        if line is not None and line.at(start) >= a.free_from_s - TOGETHER_S:
            end_s = line.at(start + beats) if length_s is None else line.at(start) + length_s
            yield Window(line, start, min(end_s, a.last_s))
        start -= numbers.meter


def lay_out(
    pair: Pair,
    bars: int,
    window: Window,
    downbeat: int,
    entry: int,
    entry_s: float,
    line_b: BeatLine,
) -> Candidate:
    """Return the join of A's window with B from `entry_s` on, a little later where the file begins later."""
    meter = pair.beats_a.meter
    stretch = line_b.period_s / (pair.fold * window.line.period_s)
    late_s = max(0.0, -entry_s)
    start_s = window.start_s + late_s / stretch
    middle = (window.end_s - window.start_s) / 2 / window.line.period_s + window.start
    swap = downbeat + round((middle - downbeat) / meter) * meter
    return Candidate(
        bars=bars,
        start_a_s=start_s,
        end_a_s=window.end_s,
        entry_b_s=entry_s + late_s,
        stretch=stretch,
        middle_s=window.line.at(swap) - start_s,
        bar_a=pair.beats_a.bar_of(downbeat),
        bar_b=pair.beats_b.bar_of(entry),
        is_entry_moved=entry_s > pair.b.first_s + meter * line_b.period_s + EARLY_S,
    )
