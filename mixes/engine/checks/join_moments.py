"""Measure a join moment by moment: how loud the mix is, how much of each song is heard, what is at fault.

In: the momentary power of the mix, its `Timeline`, the tracks' analyses. Out: `Join` and its `Parts`. The
level of the mix is measured. How much of each song is heard in it is not: that follows from the songs' own
curves and the gain laws of the timeline (`gains.fade_power`). Weights and thresholds are those by which
`join_search` chooses.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.loudness import SHORT_TERM_HOPS, Powers
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
    INAUDIBLE_LU,
    LOST_PER_POINT,
    MARGIN_S,
    MASKED_POWER,
    PILE_LU,
    PILE_PER_POINT,
    SECOND_HOPS,
    UNHEARD_GAIN,
    WORST_PART,
    body_line,
)
from mixes.engine.mixing.mix_fades import envelope_gain
from mixes.engine.mixing.ride import ride_db, rides_of
from mixes.engine.mixing.song_levels import (
    HOP_S,
    WINDOW_S,
    Levels,
    Power,
    SongLevels,
    running_mean,
    to_db,
    to_power,
)
from mixes.engine.timeline import Clip, Timeline

SHORT_TERM_MEANS = SHORT_TERM_HOPS - 3  # windows of 400 ms that cover 3 s together
BOTH_LOUD_GISTS = ("club", "overlay")
SILENT_LU = 35.0  # under the quieter song
SILENT_PER_S = 2.0  # points
BASS_PER_POINT = 3.0  # s
LOST_REACH_S = 30.0  # before the end of A's body, and after the start of B's
LEAST_FADE = 0.1  # gain of the whole mix: where it is lower no join is judged
NEAR_S, PILE_MARGIN_S, LEAST_REGION_S = 0.5, 1.0, 1.0

Mask = NDArray[np.bool_]


def song_levels(track: TrackAnalysis, clip: Clip, rate: int) -> SongLevels:
    """Return a track at the gain of its clip; its body is that of the file, also where a clip cuts it."""
    cues = track.cues
    whole = SongLevels.of(track, cues.cue_in / track.rate, cues.cue_out / track.rate, clip.gain_db)
    return replace(whole, cue_in_s=clip.cue_in / rate, cue_out_s=(clip.cue_in + clip.source_length) / rate)


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
    is_ours: Mask  # no other join, inside the mix, and not faded away with it
    momentary: Levels  # of the mix, in dB
    second: Levels
    short_term: Levels
    own_a: Power  # before any fade, also where the mix leaves it out
    own_b: Power
    gain_a: Power  # power gains
    gain_b: Power
    level_a: float  # of the end of A's body, in dB
    level_b: float  # of the start of B's body
    body_end: float
    body_start: float
    end_a: float  # of the clip
    start_b: float
    is_meant: bool  # that both are equally loud: beat on beat, or one calm song over another

    @classmethod
    def of(cls, mix: MixLevels, timeline: Timeline, index: int, a: SongLevels, b: SongLevels) -> "Join":
        """Lay both songs out on the time of the mix."""
        rate, clips = timeline.rate, timeline.clips
        before, after = clips[index], clips[index + 1]
        end_a, start_b = before.end / rate, after.start / rate
        # Starts of the files, where what is stretched at the start of A is over
        zero_a = (before.start - before.head_source + before.head_frames) / rate - a.cue_in_s
        zero_b = start_b - b.cue_in_s
        body_end = zero_a + a.body_end_s
        body_start = start_b + after.place_of((b.body_start_s - b.cue_in_s) * rate) / rate
        file_end_s = zero_a + len(a.power) * HOP_S
        first_s = min(body_end - LOST_REACH_S, start_b, zero_b) - MARGIN_S
        last_s = max(file_end_s, end_a, body_start + LOST_REACH_S) + AFTER_S + MARGIN_S
        hops = np.arange(int(first_s / HOP_S), int(last_s / HOP_S) + 1)
        times = np.asarray(hops * HOP_S + WINDOW_S / 2, dtype=np.float64)
        fade_a, fade_b = fade_power(timeline, index, times * rate)
        ride = 10.0 ** (ride_db(rides_of(timeline), rate, times * rate) / 10)
        earliest_s = clips[index - 1].end / rate if index else 0.0
        latest_s = clips[index + 2].start / rate if index + 2 < len(clips) else np.inf
        is_audible = envelope_gain(timeline.fades, times * rate) >= LEAST_FADE
        is_measured = (hops >= 0) & (hops < len(mix.second)) & is_audible
        at = np.clip(hops, 0, max(0, len(mix.second) - 1))
        return cls(
            times=times,
            is_ours=is_measured & (times >= earliest_s) & (times <= latest_s),
            momentary=take(mix.momentary, at),
            second=take(mix.second, at),
            short_term=take(mix.short_term, at),
            own_a=a.levels_at(times - zero_a),
            own_b=b.levels_at(times - zero_b + after.drift((times - start_b) * rate) / rate),
            gain_a=fade_a * ride * (times < end_a),
            gain_b=fade_b * ride * (times >= start_b),
            level_a=a.end_level_db,
            level_b=b.start_level_db,
            body_end=body_end,
            body_start=body_start,
            end_a=end_a,
            start_b=start_b,
            is_meant=timeline.transitions[index].gist in BOTH_LOUD_GISTS,
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
    bass: Levels  # 0 or 1
    silent: Levels  # 0 or 1

    @classmethod
    def of(cls, join: Join, a: SongLevels, b: SongLevels, bass: Levels) -> "Parts":
        """Measure one join, of which `bass` is known."""
        times, heard_a, heard_b = join.times, join.heard_a, join.heard_b
        loud, low = to_power(join.high - CLASH_UNDER_LU), min(join.level_a, join.level_b)
        equal = (heard_a < heard_b * CLASH_POWER) & (heard_b < heard_a * CLASH_POWER)
        # What is lost further away belongs to the songs' other joins
        middle_a = join.end_a - a.longest_overlap_s
        middle_b = join.start_b + b.longest_overlap_s
        near_end = times >= max(min(join.body_end - LOST_REACH_S, join.begins), middle_a)
        near_start = times <= min(max(join.body_start + LOST_REACH_S, join.ends), middle_b)
        if join.is_meant:  # one song takes over from the other all along: only what is cut is lost
            near_end &= times >= join.end_a
            near_start &= times < join.start_b
        unheard_a = (join.gain_a < UNHEARD_GAIN) | (heard_a < heard_b * MASKED_POWER)
        unheard_b = (join.gain_b < UNHEARD_GAIN) | (heard_b < heard_a * MASKED_POWER)
        clash = equal & (heard_a > loud) & (heard_b > loud) & (not join.is_meant)
        return cls(
            hole=np.clip(join.line - join.second - HOLE_LU, 0.0, DEEPEST_LU) * join.inside,
            pile=pile_lu(join),
            lost_a=a.music_weight(join.own_a) * (unheard_a & near_end),
            lost_b=b.music_weight(join.own_b) * (unheard_b & near_start),
            clash=np.asarray(clash, dtype=np.float64),
            bass=bass,
            silent=np.asarray((join.momentary < low - SILENT_LU) & join.inside, dtype=np.float64),
        )

    def points(self) -> dict[str, float]:
        """Return the points of each part."""
        points = {
            "hole": seconds_of(self.hole) / HOLE_PER_POINT,
            "pile": seconds_of(self.pile) / PILE_PER_POINT,
            "lost": seconds_of(self.lost_a + self.lost_b) / LOST_PER_POINT,
            "clash": max(0.0, seconds_of(self.clash) - CLASH_FREE_S) / CLASH_PER_POINT,
            "bass": seconds_of(self.bass) / BASS_PER_POINT,
            "silent": seconds_of(self.silent) * SILENT_PER_S,
        }
        return {part: min(value, WORST_PART) for part, value in points.items()}


def pile_lu(join: Join) -> Levels:
    """Return by how many LU more than PILE_LU the mix is louder than both songs by themselves."""
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
