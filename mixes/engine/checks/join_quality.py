"""What a listener faults at each join of the decoded mix: holes, pile-ups, lost music, clashes, silence.

In: the momentary power of the mix, its `Timeline`, the tracks' analyses. Out: a `JoinLoudness` per join with
points (1 is about the least that a careful listener names) and findings in words. The level of the mix is
measured. How much of each song is heard in it is not: that follows from the songs' own curves and the gain
laws of the timeline (`gains.fade_power`). Weights and thresholds are those by which `join_search` chooses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.loudness import LUFS_OFFSET, SHORT_TERM_HOPS, Powers, lufs_to_power
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.gains import fade_power
from mixes.engine.mixing.join_search import (
    AFTER_S,
    CLASH_FREE_S,
    CLASH_PER_POINT,
    CLASH_POWER,
    CLASH_UNDER_LU,
    DEEPEST_LU,
    HEARD_GAIN,
    HOLE_LU,
    HOLE_PER_POINT,
    HOP_S,
    INAUDIBLE_LU,
    LOST_PER_POINT,
    MARGIN_S,
    MASKED_POWER,
    PILE_LU,
    PILE_PER_POINT,
    SECOND_HOPS,
    SIDE_S,
    UNHEARD_GAIN,
    WINDOW_S,
    WORST_PART,
    Levels,
    Power,
    SongLevels,
    body_line,
    running_mean,
    to_db,
    to_power,
)
from mixes.engine.timeline import Clip, Timeline

SMOOTH_POINTS = 1.0  # up to here nobody names anything
NOTED_POINTS = 2.0  # up to here a listener may notice
DEEP_DIP_LU = 5.0  # songs dip less than this at 95 % of places without any join
UNJUDGED_STYLES = ("gap", "gapless")  # silence on purpose, or one recording that runs on
LEAST_FINDING = 0.3  # points
SHORT_TERM_MEANS = SHORT_TERM_HOPS - 3  # windows of 400 ms that cover 3 s together
SILENCE_LUFS = -70.0  # the absolute gate of BS.1770: below it there is no level to compare with
SILENT_LU = 35.0  # under the quieter song
SILENT_PER_S = 2.0  # points
LOST_REACH_S = 30.0  # before the end of A's body, and after the start of B's
HELD_SIDE_S = 5.0  # of an ending that is held: a soft one is music, and no hole
NEAR_S, PILE_MARGIN_S, LEAST_REGION_S = 0.5, 1.0, 1.0
FAR_PLACE = 0.25  # of the worst moment: what is less does not belong to the place of a finding

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a listener may name at a join, and what helps."""

    part: str  # hole, pile, lost, clash, silent or dip
    points: float
    at_s: float  # in the mix
    length_s: float
    what: str  # a sentence
    way_out: str  # a sentence


@dataclass(frozen=True, slots=True)
class JoinLoudness:
    """How well a join went. The dip is that of the 3 s loudness under the line between the songs' bodies."""

    start_s: float
    overlap_s: float
    style: str
    title: str  # of the incoming clip
    dip_lu: float | None  # None where silence is planned, or a song has no level
    dip_at_s: float | None  # the middle of the deepest 3 s
    points: float | None = None  # None where nothing is judged, and in sheets made before it was
    hole_lu_s: float = 0.0
    pile_lu_s: float = 0.0
    lost_s: float = 0.0
    clash_s: float = 0.0
    silent_s: float = 0.0
    findings: tuple[Finding, ...] = ()  # the worst first


def measure_joins(
    momentary_power: Powers, timeline: Timeline, tracks: Sequence[TrackAnalysis]
) -> tuple[JoinLoudness, ...]:
    """Return how well every join went, in order; `momentary_power` is that of 400 ms every HOP_S."""
    mix = MixLevels.of(momentary_power)
    return tuple(measure_join(mix, timeline, tracks, index) for index in range(len(timeline.transitions)))


def measure_join(
    mix: "MixLevels", timeline: Timeline, tracks: Sequence[TrackAnalysis], index: int
) -> JoinLoudness:
    """Measure the join that leads out of clip `index`."""
    before, after, transition = list(timeline.joins())[index]
    rate = timeline.rate
    facts = (
        round(after.start / rate, 2),
        round(transition.overlap / rate, 3),
        transition.style,
        after.title,
    )
    pair = tracks[index], tracks[index + 1]
    if transition.overlap < 0 or any(track.integrated_lufs is None for track in pair):
        return JoinLoudness(*facts, None, None)
    a, b = song_levels(pair[0], before, rate), song_levels(pair[1], after, rate)
    join = Join.of(mix, timeline, index, a, b)
    if not join.inside.any() or min(join.level_a, join.level_b) + LUFS_OFFSET < SILENCE_LUFS:
        return JoinLoudness(*facts, None, None)
    dips = np.where(join.inside, join.line - join.short_term, -np.inf)
    deepest = int(np.argmax(dips))
    dip_lu, dip_at_s = float(dips[deepest]), float(join.times[deepest])
    if transition.style in UNJUDGED_STYLES:
        return JoinLoudness(*facts, round(dip_lu, 2), round(dip_at_s, 1))
    parts = Parts.of(join, a, b)
    found = list(describe_parts(join, parts, before.title, after.title))
    if dip_lu > DEEP_DIP_LU and not any(finding.part in ("hole", "silent") for finding in found):
        found.append(describe_dip(dip_lu, dip_at_s, after.title))
    return JoinLoudness(
        *facts,
        round(dip_lu, 2),
        round(dip_at_s, 1),
        points=round(sum(parts.points().values()), 2),
        hole_lu_s=seconds_of(parts.hole),
        pile_lu_s=seconds_of(parts.pile),
        lost_s=seconds_of(parts.lost_a + parts.lost_b),
        clash_s=seconds_of(parts.clash),
        silent_s=seconds_of(parts.silent),
        findings=tuple(sorted(found, key=lambda finding: -finding.points)),
    )


def song_levels(track: TrackAnalysis, clip: Clip, rate: int) -> SongLevels:
    """Return a track's power and its body as its file has them, at the gain of its clip."""
    return SongLevels(
        power=lufs_to_power(np.asarray(track.momentary, dtype=np.float64) + clip.gain_db),
        loudness_db=(track.integrated_lufs or 0.0) + clip.gain_db - LUFS_OFFSET,
        cue_in_s=clip.cue_in / rate,
        body_start_s=track.cues.intro_end / track.rate,
        body_end_s=track.cues.outro_start / track.rate,
        cue_out_s=(clip.cue_in + clip.length) / rate,
        is_held=track.cues.sustained or track.cues.long_tail,
    )


@dataclass(frozen=True, slots=True)
class MixLevels:
    """The level of the whole mix in dB: of 400 ms, 1 s and 3 s around the middle of each momentary window."""

    momentary: Levels
    second: Levels
    short_term: Levels

    @classmethod
    def of(cls, power: Powers) -> "MixLevels":
        return cls(*(to_db(running_mean(power, hops)) for hops in (1, SECOND_HOPS, SHORT_TERM_MEANS)))


@dataclass(frozen=True, slots=True)
class Join:
    """What is heard around one join: arrays with one value per HOP_S, times in seconds of the mix."""

    times: Power
    is_ours: Mask  # no other join, and inside the mix
    momentary: Levels  # of the mix, in dB
    second: Levels
    short_term: Levels
    own_a: Power  # before any fade, also where the mix leaves it out
    own_b: Power
    gain_a: Power  # power gains
    gain_b: Power
    level_a: float  # of the end of A's body, in dB
    level_b: float  # of the first SIDE_S of B's body
    body_end: float
    body_start: float
    end_a: float  # of the clip
    start_b: float

    @classmethod
    def of(cls, mix: MixLevels, timeline: Timeline, index: int, a: SongLevels, b: SongLevels) -> "Join":
        """Lay both songs out on the time of the mix."""
        rate, clips = timeline.rate, timeline.clips
        before, after = clips[index], clips[index + 1]
        end_a, start_b = before.end / rate, after.start / rate
        zero_a, zero_b = before.start / rate - a.cue_in_s, start_b - b.cue_in_s  # starts of the files
        body_end, body_start = zero_a + a.body_end_s, zero_b + b.body_start_s
        file_end_s = zero_a + len(a.power) * HOP_S
        first_s = min(body_end - LOST_REACH_S, start_b, zero_b) - MARGIN_S
        last_s = max(file_end_s, end_a, body_start + LOST_REACH_S) + AFTER_S + MARGIN_S
        hops = np.arange(int(first_s / HOP_S), int(last_s / HOP_S) + 1)
        times = np.asarray(hops * HOP_S + WINDOW_S / 2, dtype=np.float64)
        fade_a, fade_b = fade_power(timeline, index, times * rate)
        earliest_s = clips[index - 1].end / rate if index else 0.0
        latest_s = clips[index + 2].start / rate if index + 2 < len(clips) else np.inf
        side_s = HELD_SIDE_S if a.is_held else SIDE_S
        is_measured = (hops >= 0) & (hops < len(mix.second))
        at = np.clip(hops, 0, max(0, len(mix.second) - 1))
        return cls(
            times=times,
            is_ours=is_measured & (times >= earliest_s) & (times <= latest_s),
            momentary=take(mix.momentary, at),
            second=take(mix.second, at),
            short_term=take(mix.short_term, at),
            own_a=a.levels_at(times - zero_a),
            own_b=b.levels_at(times - zero_b),
            gain_a=fade_a * (times < end_a),
            gain_b=fade_b * (times >= start_b),
            level_a=a.body_level_db(a.body_end_s - side_s, a.body_end_s),
            level_b=b.body_level_db(b.body_start_s, b.body_start_s + SIDE_S),
            body_end=body_end,
            body_start=body_start,
            end_a=end_a,
            start_b=start_b,
        )

    @property
    def heard_a(self) -> Power:
        return self.own_a * self.gain_a

    @property
    def heard_b(self) -> Power:
        return self.own_b * self.gain_b

    @property
    def last_heard_a(self) -> float:
        """Return the moment A is heard last."""
        heard = (self.gain_a > HEARD_GAIN) & (self.heard_a > to_power(self.level_a + INAUDIBLE_LU))
        return float(self.times[heard][-1]) if heard.any() else self.body_end

    @property
    def first_heard_b(self) -> float:
        """Return the moment B is heard first."""
        heard = (self.gain_b > HEARD_GAIN) & (self.heard_b > to_power(self.level_b + INAUDIBLE_LU))
        return float(self.times[heard][0]) if heard.any() else self.body_start

    @property
    def high(self) -> float:
        return max(self.level_a, self.level_b)

    @property
    def line(self) -> Levels:
        """Return the level expected at each moment, in dB."""
        return body_line(self.times, self.body_end, np.asarray(self.body_start), self.level_a, self.level_b)

    @property
    def begins(self) -> float:
        return min(self.body_end, self.first_heard_b, self.body_start)

    @property
    def ends(self) -> float:
        """Return where the join is over; what is quiet AFTER_S later is B's own beginning."""
        last_s = self.last_heard_a
        return min(max(self.body_start, last_s), last_s + AFTER_S)

    @property
    def inside(self) -> Mask:
        """Return which moments belong to the join."""
        last_s = max(self.ends, self.begins + LEAST_REGION_S)
        return self.is_ours & (self.times >= self.begins - NEAR_S) & (self.times <= last_s + NEAR_S)


def take(levels: Levels, at: NDArray[np.int64]) -> Levels:
    return levels[at] if len(levels) else np.full(len(at), -np.inf)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is faulted at each moment of a join."""

    hole: Levels  # LU too deep
    pile: Levels  # LU too high
    lost_a: Levels  # 0 to 1: how much music of A is not heard
    lost_b: Levels
    clash: Levels  # 0 or 1
    silent: Levels  # 0 or 1

    @classmethod
    def of(cls, join: Join, a: SongLevels, b: SongLevels) -> "Parts":
        """Measure one join."""
        times, heard_a, heard_b = join.times, join.heard_a, join.heard_b
        loud, low = to_power(join.high - CLASH_UNDER_LU), min(join.level_a, join.level_b)
        equal = (heard_a < heard_b * CLASH_POWER) & (heard_b < heard_a * CLASH_POWER)
        # What is lost further away belongs to the songs' other joins
        middle_a = join.end_a - a.longest_overlap_s
        middle_b = join.start_b + b.longest_overlap_s
        near_end = times >= max(min(join.body_end - LOST_REACH_S, join.begins), middle_a)
        near_start = times <= min(max(join.body_start + LOST_REACH_S, join.ends), middle_b)
        unheard_a = (join.gain_a < UNHEARD_GAIN) | (heard_a < heard_b * MASKED_POWER)
        unheard_b = (join.gain_b < UNHEARD_GAIN) | (heard_b < heard_a * MASKED_POWER)
        return cls(
            hole=np.clip(join.line - join.second - HOLE_LU, 0.0, DEEPEST_LU) * join.inside,
            pile=pile_lu(join),
            lost_a=a.music_weight(join.own_a) * (unheard_a & near_end),
            lost_b=b.music_weight(join.own_b) * (unheard_b & near_start),
            clash=np.asarray(equal & (heard_a > loud) & (heard_b > loud), dtype=np.float64),
            silent=np.asarray((join.momentary < low - SILENT_LU) & join.inside, dtype=np.float64),
        )

    def points(self) -> dict[str, float]:
        """Return the points of each part."""
        points = {
            "hole": seconds_of(self.hole) / HOLE_PER_POINT,
            "pile": seconds_of(self.pile) / PILE_PER_POINT,
            "lost": seconds_of(self.lost_a + self.lost_b) / LOST_PER_POINT,
            "clash": max(0.0, seconds_of(self.clash) - CLASH_FREE_S) / CLASH_PER_POINT,
            "silent": seconds_of(self.silent) * SILENT_PER_S,
        }
        return {part: min(value, WORST_PART) for part, value in points.items()}


def pile_lu(join: Join) -> Levels:
    """Return by how many LU more than PILE_LU the mix lies above both songs by themselves."""
    times, last_s = join.times, join.last_heard_a
    first_s = min(join.first_heard_b, join.body_end) - PILE_MARGIN_S
    near = join.is_ours & (times >= first_s) & (times <= max(last_s, join.body_start) + PILE_MARGIN_S)
    second_a = np.where(times <= last_s + NEAR_S, to_db(running_mean(join.own_a, SECOND_HOPS)), -np.inf)
    second_b = to_db(running_mean(join.own_b, SECOND_HOPS))
    top = np.maximum(join.high, np.maximum(second_a, second_b))
    return np.clip(join.second - top - PILE_LU, 0.0, DEEPEST_LU) * near


def seconds_of(moments: Levels) -> float:
    """Return the sum over time."""
    return round(float(moments.sum()) * HOP_S, 2)


def describe_parts(join: Join, parts: Parts, a: str, b: str) -> Iterator[Finding]:
    """Yield what a listener may name, with the titles of both songs."""
    points = parts.points()
    if points["hole"] + points["silent"] >= LEAST_FINDING:
        yield describe_quiet(join, parts, points["hole"] + points["silent"], a, b)
    if points["pile"] >= LEAST_FINDING:
        over_lu = float(parts.pile.max()) + PILE_LU
        what = f"Both songs together are louder than either by itself (by {over_lu:.0f} LU)."
        yield find(join, "pile", points["pile"], parts.pile, what, "Set a shorter length.")
    if points["lost"] >= LEAST_FINDING:
        yield from describe_lost(join, parts, points["lost"], a, b)
    if points["clash"] >= LEAST_FINDING:
        what = f"Both songs are equally loud for {say_seconds(seconds_of(parts.clash))}."
        yield find(join, "clash", points["clash"], parts.clash, what, "Set a shorter length.")


def describe_quiet(join: Join, parts: Parts, points: float, a: str, b: str) -> Finding:
    """Return the finding of silence or of a hole: the beginning of B, the ending of A, or both faded."""
    hole, quiet_s = parts.hole, float((parts.hole > 0).sum()) * HOP_S
    silent_s = seconds_of(parts.silent)
    if silent_s > quiet_s / 2:
        what = f"There is silence for {say_seconds(silent_s)} before “{b}”."
        return find(join, "silent", points, parts.silent, what, f"Let “{b}” begin earlier.")
    length, deep_lu = say_seconds(quiet_s), f"{hole.max() + HOLE_LU:.0f} LU"
    after_a = float(hole[join.times > join.last_heard_a].sum())
    before_b = float(hole[join.times < join.first_heard_b].sum())
    if after_a > hole.sum() / 2:
        what = f"“{b}” begins very quietly for {length} (up to {deep_lu} under both songs)."
        way_out = f"Let “{b}” begin earlier, or trim it."
    elif before_b > hole.sum() / 2:
        what = f"“{a}” dies away for {length} before “{b}” begins (up to {deep_lu} under both songs)."
        way_out = f"Let “{b}” begin earlier, or trim “{a}”."
    elif before_b + after_a > hole.sum() / 2:
        what = f"“{a}” dies away and “{b}” begins quietly: {length} up to {deep_lu} under both songs."
        way_out = f"Let “{b}” begin earlier."
    else:
        what = f"The mix is too quiet for {length} (up to {deep_lu} under both songs)."
        way_out = "Let the length follow the songs, or set one by ear."
    return find(join, "hole", points, hole, what, way_out)


def describe_lost(join: Join, parts: Parts, points: float, a: str, b: str) -> Iterator[Finding]:
    """Yield what is never heard of the ending of A and of the beginning of B."""
    lost_a, lost_b = seconds_of(parts.lost_a), seconds_of(parts.lost_b)
    share_a = lost_a / (lost_a + lost_b)
    if points * share_a >= LEAST_FINDING:
        left_out = float(parts.lost_a[join.times >= join.end_a].sum()) > parts.lost_a.sum() / 2
        what = f"About {say_seconds(lost_a)} of the ending of “{a}” are not heard."
        way_out = f"Set a length: then “{a}” is played to its end." if left_out else "Set a shorter length."
        yield find(join, "lost", points * share_a, parts.lost_a, what, way_out)
    if points * (1 - share_a) >= LEAST_FINDING:
        what = f"About {say_seconds(lost_b)} of the beginning of “{b}” are not heard."
        yield find(join, "lost", points * (1 - share_a), parts.lost_b, what, "Set a shorter length.")


def describe_dip(dip_lu: float, at_s: float, b: str) -> Finding:
    """Return the finding of a dip that is too short to be a hole."""
    what = f"Loudness falls for a moment (by {dip_lu:.0f} LU)."
    return Finding("dip", 0.0, round(at_s, 1), 3.0, what, f"Let “{b}” begin earlier.")


def find(join: Join, part: str, points: float, moments: Levels, what: str, way_out: str) -> Finding:
    """Return a finding where `moments` are worst."""
    where = np.flatnonzero(moments > FAR_PLACE * moments.max())
    at_s = max(0.0, float(join.times[where[0]]) - WINDOW_S / 2)
    length_s = round((where[-1] - where[0] + 1) * HOP_S, 1)
    return Finding(part, round(points, 2), round(at_s, 1), float(length_s), what, way_out)


def say_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 2.5 else f"{seconds:.1f} s"
