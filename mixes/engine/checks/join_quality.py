"""What a listener faults at each join of the decoded mix: holes, pile-ups, lost music, clashes, silence.

In: the momentary power of the mix, its `Timeline`, the tracks' analyses. Out: a `JoinLoudness` per join with
points (1 is about the least that a careful listener names) and findings in words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixes.engine.analysis.loudness import LUFS_OFFSET, Powers
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.checks.bass_clash import bass_clash
from mixes.engine.checks.faults import planned_gain
from mixes.engine.checks.join_moments import LEAST_FADE, Join, MixLevels, Parts, seconds_of, song_levels
from mixes.engine.mixing.join_search import HOLE_LU, PILE_LU
from mixes.engine.mixing.song_levels import HOP_S, WINDOW_S, Levels
from mixes.engine.timeline import Timeline
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss

SMOOTH_POINTS = 1.0  # up to here nobody names anything
NOTED_POINTS = 2.0  # up to here a listener may notice
DEEP_DIP_LU = 5.0  # songs dip less than this at 95 % of places without any join
UNJUDGED_STYLES = ("gap", "gapless")  # silence on purpose, or one recording that runs on
LEAST_FINDING = 0.3  # points
SILENCE_LUFS = -70.0  # the absolute gate of BS.1770: below it there is no level to compare with
FAR_PLACE = 0.25  # of the worst moment: what is less does not belong to the place of a finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a listener may name at a join, and what helps."""

    part: str  # hole, pile, lost, clash, bass, silent or dip
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
    bass_s: float = 0.0
    silent_s: float = 0.0
    findings: tuple[Finding, ...] = ()  # the worst first

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "JoinLoudness":
        """Read plain types; entries of earlier sheets lack points and findings."""
        return cls(**{**data, "findings": tuple(Finding(**entry) for entry in data.get("findings", ()))})

    @property
    def is_faulted(self) -> bool:
        """Return whether most listeners would name something."""
        return self.points is not None and self.points > NOTED_POINTS

    @property
    def is_noticed(self) -> bool:
        """Return whether a careful listener may notice something."""
        return self.points is not None and (self.points > SMOOTH_POINTS or (self.dip_lu or 0.0) > DEEP_DIP_LU)

    def say(self) -> str:
        """Return where the worst was found, what it is, and the way out."""
        if not self.findings:
            return f"Into “{self.title}” at {say_position(self.start_s)}."
        worst = self.findings[0]
        return f"Into “{self.title}” at {say_position(worst.at_s)}: {worst.what} {worst.way_out}"


def measure_joins(
    momentary_power: Powers, timeline: Timeline, tracks: Sequence[TrackAnalysis]
) -> tuple[JoinLoudness, ...]:
    """Return how well every join went, in order; `momentary_power` is that of 400 ms every HOP_S."""
    fade = np.maximum(planned_gain(timeline, len(momentary_power)), LEAST_FADE)
    mix = MixLevels.of(momentary_power / fade**2)  # as without the fades of the whole mix
    return tuple(measure_join(mix, timeline, tracks, index) for index in range(len(timeline.transitions)))


def measure_join(
    mix: MixLevels, timeline: Timeline, tracks: Sequence[TrackAnalysis], index: int
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
    parts = Parts.of(join, a, b, bass_clash(join, timeline, index, pair, (a, b)))
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
        bass_s=seconds_of(parts.bass),
        silent_s=seconds_of(parts.silent),
        findings=tuple(sorted(found, key=lambda finding: -finding.points)),
    )


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
    if points["bass"] >= LEAST_FINDING:
        what = f"Two strong basses are heard at once for {say_seconds(seconds_of(parts.bass))}."
        yield find(join, "bass", points["bass"], parts.bass, what, "Set a shorter length.")


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


def say_position(seconds: float) -> str:
    whole = int(seconds)
    return format_h_mm_ss(whole) if whole >= 3600 else format_m_ss(whole)
