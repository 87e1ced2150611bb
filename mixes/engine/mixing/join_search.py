"""Search for the join that a listener faults least: where A ends, how long both sound, how each is faded.

In: two songs' momentary power at their clips' gains, and where their bodies lie. Out: a `JoinChoice`. Every
candidate is scored on the power that its gain laws predict (different songs add by power), with the parts
that `checks/join_quality.py` measures on the finished mix: hole, pile-up, music lost, clash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.engine.club.voices import MOST_TWO_VOICES_S, two_voices_s
from mixes.engine.mixing.song_levels import HOP_S, Levels, Power, SongLevels, running_mean, to_db, to_power

Law = tuple[float, float]  # fade-out and fade-in, in overlaps

SECOND_HOPS, SHORT_TERM_HOPS = 7, 27  # windows of 400 ms that cover 1 s and 3 s together
SHORTEST_S = 1
FINE_S, LONGEST_S, COARSE_STEP_S = 20, 40, 2  # every second up to FINE_S, then every other ...
BEYOND_S = 6  # ... so far beyond the overlap at which the bodies meet
LAWS = ((1.0, 1.0), (0.5, 0.5), (0.25, 0.25), (0.1, 0.1), (0.0, 1.0), (1.0, 0.0))  # fades, in overlaps
RADIO_LAWS = ((1.0, 0.0), (0.5, 0.0), (0.25, 0.0), (0.1, 0.0))  # B at full level from its start
TAIL_LEVELS_LU = (-30.0, -20.0)  # below the song's loudness: where a tail may be left out
LONGEST_TAIL_S = 15.0
TAIL_MUSIC_S = 2.5  # weighted seconds of music that a tail left out may hold at most
TIE = 0.05
WORTH_PARTED_VOICES = 1.0  # points that a join may cost more where two voices are parted ...
WORTH_SHORTER_S = 0.2  # ... by so much at least
FULL_STOP_S = 0.5  # a shorter outro is an ending at full level ...
FULL_STOP_FADE_S = 2.0  # ... which is faded over at least this
AFTER_S = 12.0  # after A's end: what is quiet later is B's own beginning
MARGIN_S = 2.0
WORST_PART = 6.0  # points at most
DIP_PER_POINT, DIP_FREE_LU, DEEPEST_DIP_LU = 20.0, 2.0, 8.0  # of 3 s; no part of the points
# The weights and thresholds of the points are those of checks/join_quality.py
HOLE_LU, PILE_LU, DEEPEST_LU = 3.0, 1.0, 20.0
HOLE_PER_POINT, PILE_PER_POINT = 10.0, 6.0  # LU x s
LOST_PER_POINT, CLASH_PER_POINT, CLASH_FREE_S = 3.0, 3.0, 2.0  # s
HEARD_GAIN, UNHEARD_GAIN = 0.06, 0.063  # power gains of about -12 dB
INAUDIBLE_LU = -42.0
MASKED_POWER = 10 ** (-15 / 10)  # under the other song by more: not heard
CLASH_POWER, CLASH_UNDER_LU = 10 ** (6 / 10), 12.0


@dataclass(frozen=True, slots=True)
class JoinChoice:
    """One way to join two songs."""

    end_s: float  # place in A's file where it is heard last
    overlap_s: float
    fade_out_s: float  # 0: A is not faded
    fade_in_s: float
    cost: float  # predicted points
    is_shorter_for_voices: bool = False


def find_join(
    a: SongLevels,
    b: SongLevels,
    overlap_s: float | None = None,
    laws: Sequence[Law] = LAWS,
    *,
    to_end: bool = False,
) -> JoinChoice:
    """Return the join of least cost. With `overlap_s` (a fixed length) or `to_end`, A keeps its whole end."""
    room_s = min(a.longest_overlap_s, b.longest_overlap_s)
    overlaps_s = candidate_overlaps(a, b, room_s, overlap_s)
    ends_s = [a.cue_out_s] if to_end or overlap_s is not None else candidate_ends(a)
    choices = [choice for end_s in ends_s for choice in score_end(a, b, end_s, overlaps_s, laws)]
    least = min(choice.cost for choice in choices)
    tied = [choice for choice in choices if choice.cost <= least + TIE]
    best = min(tied, key=lambda c: (c.overlap_s, -c.fade_out_s - c.fade_in_s, -c.end_s))
    if overlap_s is None:
        best = part_voices(a, b, choices, best)
    return soften_full_stop(a, best, room_s, is_fixed=overlap_s is not None)


def candidate_ends(a: SongLevels) -> list[float]:
    """Return where A may end: at its cue, or before a tail that holds next to no music."""
    if a.is_held:
        return [a.cue_out_s]
    ends = {a.cue_out_s}
    for level_lu in TAIL_LEVELS_LU:
        end_s = a.last_above(level_lu)
        tail_s = a.cue_out_s - end_s
        if 0.0 < tail_s <= LONGEST_TAIL_S and a.music_s(end_s, a.cue_out_s) < TAIL_MUSIC_S:
            ends.add(end_s)
    return sorted(ends, reverse=True)


def candidate_overlaps(a: SongLevels, b: SongLevels, room_s: float, wished_s: float | None) -> list[float]:
    """Return the overlaps to try, in ascending order; among them the one at which the bodies meet."""
    if wished_s is not None:
        return [min(wished_s, room_s)]
    meet_s = min(max(a.outro_s + b.intro_s, SHORTEST_S), LONGEST_S)
    longest_s = int(min(max(meet_s + BEYOND_S, FINE_S), LONGEST_S))
    fine, coarse = range(SHORTEST_S, FINE_S), range(FINE_S, longest_s + 1, COARSE_STEP_S)
    overlaps = {*map(float, fine), *map(float, coarse), round(meet_s, 2)}
    return sorted(seconds for seconds in overlaps if seconds <= room_s) or [room_s]


def soften_full_stop(a: SongLevels, choice: JoinChoice, room_s: float, *, is_fixed: bool) -> JoinChoice:
    """Let a song that stops at full level fade over FULL_STOP_FADE_S at least."""
    if a.outro_s >= FULL_STOP_S:
        return choice
    overlap_s = choice.overlap_s if is_fixed else min(max(choice.overlap_s, FULL_STOP_FADE_S), room_s)
    fade_out_s = min(max(choice.fade_out_s, FULL_STOP_FADE_S), overlap_s)
    fade_in_s = min(choice.fade_in_s, overlap_s)
    return replace(choice, overlap_s=overlap_s, fade_out_s=fade_out_s, fade_in_s=fade_in_s)


def part_voices(a: SongLevels, b: SongLevels, choices: Sequence[JoinChoice], best: JoinChoice) -> JoinChoice:
    """Return the join at which two voices are heard at once for the shortest time, half as long at least.

    That is the best one where this is short enough, where voices are not known, and where another would be
    faulted for something else.
    """
    if a.voices is None or b.voices is None:
        return best
    voices_a, voices_b = a.voices, b.voices

    def both_s(choice: JoinChoice) -> float:
        start_s, overlap_s = choice.end_s - choice.overlap_s, choice.overlap_s
        return two_voices_s(voices_a, voices_b, start_s, b.cue_in_s, overlap_s)

    now_s = both_s(best)
    if now_s <= MOST_TWO_VOICES_S:
        return best
    shortest_s = best.overlap_s / 2
    others = [
        choice
        for choice in choices
        if shortest_s <= choice.overlap_s < best.overlap_s
        and choice.end_s == best.end_s
        and choice.cost <= best.cost + WORTH_PARTED_VOICES
    ]
    least = min(others, key=lambda choice: (both_s(choice), choice.cost), default=best)
    return replace(least, is_shorter_for_voices=True) if both_s(least) < now_s - WORTH_SHORTER_S else best


def score_end(
    a: SongLevels, b: SongLevels, end_s: float, overlaps_s: Sequence[float], laws: Sequence[Law]
) -> Iterator[JoinChoice]:
    """Yield every overlap with every pair of fades, scored, for one end of A."""
    costs = predict_costs(a, b, end_s, np.asarray(overlaps_s, dtype=np.float64), laws)
    for overlap_s, row in zip(overlaps_s, costs, strict=True):
        for (out, into), cost in zip(laws, row, strict=True):
            yield JoinChoice(end_s, overlap_s, out * overlap_s, into * overlap_s, float(cost))


def predict_costs(
    a: SongLevels,
    b: SongLevels,
    end_s: float,
    overlaps_s: NDArray[np.float64],
    laws: Sequence[Law] = LAWS,
) -> NDArray[np.float64]:
    """Return the predicted points, shape (overlaps, laws), with no limit: of two bad joins one is better."""
    heard = Prediction.of(a, b, end_s, overlaps_s, laws)
    parts = (
        hole_lu_s(heard) / HOLE_PER_POINT,
        pile_lu_s(heard) / PILE_PER_POINT,
        lost_s(heard, a, b) / LOST_PER_POINT,
        np.maximum(0.0, clash_s(heard) - CLASH_FREE_S) / CLASH_PER_POINT,
        np.clip(dip_lu(heard) - DIP_FREE_LU, 0.0, DEEPEST_DIP_LU) / DIP_PER_POINT,
    )
    return np.asarray(np.stack(parts).sum(axis=0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is heard over many candidates: arrays of shape (overlaps, laws, moments), or broadcast to it.

    Times are seconds of A's file, powers are at the clips' gains, levels in dB.
    """

    times: Power
    own_a: Power  # before any fade
    own_b: Power
    gain_a: Power  # power gains of the fades
    gain_b: Power
    last_heard_a: Power  # the moment A is heard last
    start_b: Power
    body_end_a: float
    body_start_b: Power
    level_a: float  # of the end of A's body
    level_b: float  # of the start of B's body
    sum_power: Power  # of what is heard of both
    second_db: Levels  # its level over one second

    @classmethod
    def of(
        cls,
        a: SongLevels,
        b: SongLevels,
        end_s: float,
        overlaps_s: NDArray[np.float64],
        laws: Sequence[Law],
    ) -> "Prediction":
        """Lay both songs out for every overlap and law; A is cut off at `end_s`."""
        first_s = min(a.body_end_s, end_s - overlaps_s.max()) - MARGIN_S
        times = np.arange(first_s, max(end_s, a.cue_out_s) + AFTER_S + MARGIN_S, HOP_S)
        shares_out, shares_in = (np.array(shares)[None, :, None] for shares in zip(*laws, strict=True))
        overlap = overlaps_s[:, None, None]
        start_b = end_s - overlap
        gain_a = fade(end_s - times, shares_out * overlap)
        gain_b = fade(times - start_b, shares_in * overlap)
        own_a = a.levels_at(times)[None, None, :]
        own_b = np.stack([b.levels_at(times - end_s + o + b.cue_in_s) for o in overlaps_s])[:, None, :]
        is_heard = (gain_a > HEARD_GAIN) & (own_a * gain_a > to_power(a.end_level_db + INAUDIBLE_LU))
        last_heard = np.where(is_heard, times, -np.inf).max(axis=2, keepdims=True)
        sum_power = own_a * gain_a + own_b * gain_b
        return cls(
            times=times,
            own_a=own_a.astype(np.float32),
            own_b=own_b.astype(np.float32),
            gain_a=gain_a,
            gain_b=gain_b,
            last_heard_a=np.where(np.isfinite(last_heard), last_heard, a.body_end_s),
            start_b=start_b,
            body_end_a=a.body_end_s,
            body_start_b=start_b + b.intro_s,
            level_a=a.end_level_db,
            level_b=b.start_level_db,
            sum_power=sum_power,
            second_db=to_db(running_mean(sum_power, SECOND_HOPS)),
        )

    @property
    def high(self) -> float:
        return max(self.level_a, self.level_b)

    @property
    def heard_a(self) -> Power:
        return self.own_a * self.gain_a

    @property
    def heard_b(self) -> Power:
        return self.own_b * self.gain_b

    @property
    def line(self) -> Levels:
        """The level that is expected at each moment."""
        return body_line(self.times, self.body_end_a, self.body_start_b, self.level_a, self.level_b)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Return which moments belong to the join; what is quiet AFTER_S after A is B's own beginning."""
        begins = np.minimum(np.minimum(self.body_end_a, self.start_b), self.body_start_b)
        ends = np.minimum(np.maximum(self.body_start_b, self.last_heard_a), self.last_heard_a + AFTER_S)
        return (self.times >= begins - 0.5) & (self.times <= np.maximum(ends, begins + 1.0) + 0.5)


def hole_lu_s(heard: Prediction) -> Power:
    """Return LU x s by which the sum is more than HOLE_LU below the line between the bodies."""
    deep = np.clip(heard.line - heard.second_db - HOLE_LU, 0.0, DEEPEST_LU)
    return np.asarray((deep * heard.inside).sum(axis=2) * HOP_S)


def dip_lu(heard: Prediction) -> Levels:
    """Return how far the sum of 3 s falls below the line between the bodies at its deepest."""
    short_term_db = to_db(running_mean(heard.sum_power, SHORT_TERM_HOPS))
    return np.asarray(np.where(heard.inside, heard.line - short_term_db, -np.inf).max(axis=2))


def pile_lu_s(heard: Prediction) -> Power:
    """Return LU x s by which the sum is more than PILE_LU above both songs by themselves."""
    times = heard.times
    first = np.minimum(heard.start_b, heard.body_end_a) - 1.0
    last = np.maximum(heard.last_heard_a, heard.body_start_b) + 1.0
    second_a = np.where(
        times <= heard.last_heard_a + 0.5, to_db(running_mean(heard.own_a, SECOND_HOPS)), -99.0
    )
    second_b = to_db(running_mean(np.where(times >= heard.start_b, heard.own_b, 0.0), SECOND_HOPS))
    top = np.maximum(heard.high, np.maximum(second_a, second_b))
    over = np.clip(heard.second_db - top - PILE_LU, 0.0, DEEPEST_LU)
    return np.asarray((over * ((times >= first) & (times <= last))).sum(axis=2) * HOP_S)


def lost_s(heard: Prediction, a: SongLevels, b: SongLevels) -> Power:
    """Return weighted seconds of A's end and B's start that nobody hears: faded, or under the other song."""
    heard_a, heard_b = heard.heard_a, heard.heard_b
    masked_a = (heard.gain_a < UNHEARD_GAIN) | (heard_a < heard_b * MASKED_POWER)
    masked_b = (heard.gain_b < UNHEARD_GAIN) | (heard_b < heard_a * MASKED_POWER)
    weight_b = b.music_weight(heard.own_b) * (heard.times >= heard.start_b)
    lost = a.music_weight(heard.own_a) * masked_a + weight_b * masked_b
    return np.asarray(lost.sum(axis=2) * HOP_S)


def clash_s(heard: Prediction) -> Power:
    """Return seconds in which both songs are heard, equally loud and near full level."""
    heard_a, heard_b = heard.heard_a, heard.heard_b
    loud = to_power(heard.high - CLASH_UNDER_LU)
    equal = (heard_a < heard_b * CLASH_POWER) & (heard_b < heard_a * CLASH_POWER)
    return np.asarray((equal & (heard_a > loud) & (heard_b > loud)).sum(axis=2) * HOP_S)


def fade(elapsed: NDArray[np.float64], length: NDArray[np.float64]) -> Power:
    """Return the power gain of a sine fade, `elapsed` seconds into it; a fade of 0 s is a step."""
    share = np.clip(elapsed / np.maximum(length, HOP_S / 100), 0.0, 1.0).astype(np.float32)
    return np.asarray(np.sin(share * np.float32(np.pi / 2)) ** 2)


def body_line(
    times: NDArray[np.float64],
    end_a: float,
    start_b: NDArray[np.float64],
    level_a: float,
    level_b: float,
) -> NDArray[np.float64]:
    """Return the level expected at each moment: A's until its body ends, B's from its body's start on."""
    gap = start_b - end_a
    share = np.clip((times - end_a) / np.maximum(gap, 1e-9), 0.0, 1.0)
    step = (times >= (end_a + start_b) / 2).astype(np.float64)
    return np.asarray(level_a + (level_b - level_a) * np.where(gap > 0, share, step))
