"""Choose the gain of each clip so that the whole mix reaches its target loudness.

In: a timeline without gains, and the tracks' momentary loudness curves. Out: gains in dB. The loudness of the
whole mix is predicted from the tracks' own curves as they lie on the timeline, so nothing is rendered twice.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.loudness import gate_integrated, lufs_to_power, power_to_lufs
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.curves import Fades
from mixes.engine.mixing.limiter import DEFAULT_CEILING_DBTP
from mixes.engine.mixing.mix_fades import envelope_gain
from mixes.engine.mixing.ride import ride_db, rides_of
from mixes.engine.mixing.transitions import STYLES
from mixes.engine.passthrough.facts import STEP_DB, Mp3Facts
from mixes.engine.passthrough.steps import choose_steps
from mixes.engine.timeline import Timeline

STEP_S = 0.1  # between two windows of momentary loudness, EBU Tech 3341
WINDOW_S = 0.4
LARGEST_CUT_DB = 12.0
LARGEST_BOOST_DB = 6.0
LARGEST_LIMITING_DB = 3.0  # what the limiter may take off a peak before music sounds squashed
CLOSE_ENOUGH_LU = 0.02
TOLERANCE_LU = 0.3  # further off the target, a note says so
EDGE_S = 20.0  # of body beside a join
WISH_TOLERANCE_DB = 0.01  # of a gain by hand that is taken for a step
ROUNDS = 12  # of raising what is not yet at its cap

KNOWN_CURVES_MAX = 600  # kept in this process, about 17 kB each; more than the tracks of the longest mix

Power = NDArray[np.float64]  # mean square of K-weighted sound, one value per STEP_S


@dataclass(frozen=True, slots=True)
class KnownCurve:
    """A momentary curve in LUFS, its powers, and a number that no other curve of this process gets."""

    momentary: tuple[float, ...]
    power: Power
    number: int


_known_curves: dict[int, KnownCurve] = {}
_numbers = count()


@dataclass(frozen=True, slots=True)
class LoudnessTarget:
    """What the user sets: a target in LUFS or None, and whether tracks keep their levels to each other."""

    target_lufs: float | None
    album_dynamics: bool = False
    even_joins: bool = False


@dataclass(frozen=True, slots=True)
class GainPlan:
    """One gain per clip in dB, what it is without a wish, and what could not be reached, in sentences."""

    gains_db: tuple[float, ...]
    automatic_db: tuple[float, ...]
    notes: tuple[str, ...] = ()
    steps: tuple[int | None, ...] = ()  # of clips whose frames are copied; empty where there is none


def plan_gains(
    timeline: Timeline,
    tracks: Sequence[TrackAnalysis],
    loudness: LoudnessTarget,
    groups: Sequence[int] | None = None,
    wishes_db: Sequence[float | None] = (),
    copied: Sequence[Mp3Facts | None] = (),
) -> GainPlan:
    """Choose the gains that bring every clip near the target, and the whole mix to it.

    Tracks with the same number in `groups` get the same gain: parts of one recording must not jump. A gain in
    `wishes_db` replaces the one of its clip at the end, so that no other clip changes with it. Clips with
    facts in `copied` get gains in steps, as far as the mix is near its target with them.
    """
    target = loudness.target_lufs
    if target is None:
        untouched = (0.0,) * len(tracks)
        untouched_steps = tuple(None if facts is None else 0 for facts in copied)
        return with_wishes(GainPlan(untouched, untouched, (), untouched_steps), wishes_db, copied)
    curves = place_curves(timeline, tracks)
    start = starting_gains(tracks, loudness, groups)
    gains, caps = np.array(start.gains_db), np.array(start.caps_db)
    missing_lu = 0.0
    for _ in range(ROUNDS):
        predicted = gate_integrated(predict_power(timeline, curves, gains))
        missing_lu = target - predicted if np.isfinite(predicted) else 0.0
        if abs(missing_lu) < CLOSE_ENOUGH_LU:
            break
        gains = np.clip(gains + missing_lu, -LARGEST_CUT_DB, caps)
    steps: tuple[int | None, ...] = ()
    if any(copied):
        numbers = [0] * len(tracks) if loudness.album_dynamics else groups or range(len(tracks))
        powers = [power_sums(curve) for curve in curves]
        gains, found = choose_steps(
            np.round(gains, 2),
            caps,
            numbers,
            copied,
            lambda tried: gate_integrated(predict_power(timeline, curves, tried)),
            lambda tried: share_power(np.array(powers), tried),
        )
        steps = tuple(found)
    automatic = tuple(
        round(float(gain), 2) if step is None else step * STEP_DB
        for gain, step in zip(gains, steps or [None] * len(gains), strict=True)
    )
    plan = with_wishes(GainPlan(automatic, automatic, explain(missing_lu, target), steps), wishes_db, copied)
    if plan.gains_db == automatic:
        return plan
    predicted = gate_integrated(predict_power(timeline, curves, np.array(plan.gains_db)))
    return replace(plan, notes=explain_wishes(predicted - target, target))


def with_wishes(
    plan: GainPlan, wishes_db: Sequence[float | None], copied: Sequence[Mp3Facts | None]
) -> GainPlan:
    """Return the plan with the gains that are set by hand: a clip is copied only if its gain is a step."""
    gains, steps = list(set_gains(plan.gains_db, wishes_db)), list(plan.steps)
    for index, wish in enumerate(wishes_db):
        if wish is not None and steps and (facts := copied[index]):
            step = round(wish / STEP_DB)
            is_step = abs(step * STEP_DB - wish) <= WISH_TOLERANCE_DB and step <= facts.highest_step
            steps[index] = step if is_step else None
            gains[index] = step * STEP_DB if is_step else wish
    return replace(plan, gains_db=tuple(gains), steps=tuple(steps))


def power_sums(curve: "PlacedCurve") -> float:
    """Return how much a clip adds to the power of the mix before its gain."""
    return float(curve.power.sum())


def share_power(powers: Power, gains_db: NDArray[np.float64]) -> Power:
    """Return the part of the mix's power that each clip has."""
    weighted = powers * gain_to_power(gains_db)
    return np.asarray(weighted / max(float(weighted.sum()), np.finfo(np.float64).tiny))


def set_gains(gains_db: Sequence[float], wishes_db: Sequence[float | None]) -> tuple[float, ...]:
    """Return the gains with the wishes in their places; `wishes_db` is empty or has one entry per gain."""
    wishes = wishes_db or [None] * len(gains_db)
    return tuple(gain if wish is None else wish for gain, wish in zip(gains_db, wishes, strict=True))


@dataclass(frozen=True, slots=True)
class StartingGains:
    """The gain that brings each track to the target by itself, and the largest it may get, in dB."""

    gains_db: tuple[float, ...]
    caps_db: tuple[float, ...]


def starting_gains(
    tracks: Sequence[TrackAnalysis], loudness: LoudnessTarget, groups: Sequence[int] | None = None
) -> StartingGains:
    """Return each track's gain before anything is known of its neighbours."""
    target = loudness.target_lufs
    if target is None:
        return StartingGains((0.0,) * len(tracks), (0.0,) * len(tracks))
    caps = np.array([largest_gain_db(track) for track in tracks])
    wanted_db = np.zeros(len(tracks))
    if loudness.album_dynamics:
        caps = np.full(len(tracks), caps.min())
    else:
        # A track too short to be measured starts at its own level.
        own = [own_lufs(track, target, even_joins=loudness.even_joins) for track in tracks]
        wanted_db = target - np.array(own)
        numbers = np.array(groups or ())
        for group, size in Counter(groups or ()).items():
            if size > 1:
                members = numbers == group
                wanted_db[members], caps[members] = wanted_db[members].mean(), caps[members].min()
    gains = np.clip(wanted_db, -LARGEST_CUT_DB, caps)
    return StartingGains(tuple(map(float, gains)), tuple(map(float, caps)))


def own_lufs(track: TrackAnalysis, target_lufs: float, *, even_joins: bool) -> float:
    """Return the loudness by which a track gets its gain; too short ones start at the target."""
    if track.integrated_lufs is None:
        return target_lufs
    if not even_joins:
        return track.integrated_lufs
    return (track.integrated_lufs + edges_lufs(track)) / 2


def edges_lufs(track: TrackAnalysis) -> float:
    """Return the mean of how loud the first and the last EDGE_S of a track's body are."""
    curve = momentary_power(track.momentary)
    body = track.cues.intro_end, track.cues.outro_start
    start, end = (round(frame / track.rate / STEP_S) for frame in body)
    hops = round(EDGE_S / STEP_S)
    edges = (curve[start : min(start + hops, end)], curve[max(start, end - hops) : end])
    levels = [float(power_to_lufs(edge.mean())) for edge in edges if edge.any()]
    return sum(levels) / len(levels) if levels else float(track.integrated_lufs or 0.0)


def largest_gain_db(track: TrackAnalysis) -> float:
    """Return the boost at which the limiter takes LARGEST_LIMITING_DB off the track's highest peak."""
    allowed = DEFAULT_CEILING_DBTP + LARGEST_LIMITING_DB - track.true_peak_dbtp
    return float(np.clip(allowed, -LARGEST_CUT_DB, LARGEST_BOOST_DB))


def explain(missing_lu: float, target_lufs: float) -> tuple[str, ...]:
    """Return why the target is missed, if it is."""
    if missing_lu > TOLERANCE_LU:
        text = (
            f"The mix stays about {missing_lu:.1f} LU below {target_lufs:g} LUFS: raising it further would "
            f"take more than {LARGEST_LIMITING_DB:g} dB off the peaks, or lift a track by more than "
            f"{LARGEST_BOOST_DB:g} dB."
        )
        return (text,)
    if missing_lu < -TOLERANCE_LU:
        text = (
            f"The mix stays about {-missing_lu:.1f} LU above {target_lufs:g} LUFS: no track is lowered by "
            f"more than {LARGEST_CUT_DB:g} dB."
        )
        return (text,)
    return ()


def explain_wishes(over_lu: float, target_lufs: float) -> tuple[str, ...]:
    """Return how far levels set by hand take the mix from its target, if they do."""
    if not np.isfinite(over_lu) or abs(over_lu) <= TOLERANCE_LU:
        return ()
    side = "above" if over_lu > 0 else "below"
    return (
        f"With the levels that are set by hand the mix is about {abs(over_lu):.1f} LU {side} "
        f"{target_lufs:g} LUFS. The other songs keep their levels.",
    )


def gain_to_power(gain_db: NDArray[np.float64] | float) -> Power:
    """Convert decibels to a factor of power."""
    return np.asarray(10.0 ** (np.asarray(gain_db) / 10.0))


def predict_power(
    timeline: Timeline, curves: Sequence["PlacedCurve"], gains_db: NDArray[np.float64]
) -> Power:
    """Add the clips' powers as they sound together: different songs are not correlated."""
    total = np.zeros(int(timeline.duration_s / STEP_S) + 2)
    for curve, factor in zip(curves, gain_to_power(gains_db), strict=True):
        total[curve.first : curve.first + len(curve.power)] += curve.power * factor
    return total


@dataclass(frozen=True, slots=True)
class PlacedCurve:
    """A clip's power at its position in the mix, faded, before its gain; `first` counts steps of the mix."""

    first: int
    power: Power


def place_curves(timeline: Timeline, tracks: Sequence[TrackAnalysis]) -> list[PlacedCurve]:
    """Return the power of every clip at its position, with its fades, and rides and fades of the mix."""
    curves = [place_curve(timeline, tracks, index) for index in range(len(tracks))]
    apply_rides(timeline, curves)
    return curves


def place_curve(timeline: Timeline, tracks: Sequence[TrackAnalysis], index: int) -> PlacedCurve:
    """Read one track's momentary curve at the mix's own steps, with the fades of its joins."""
    clip, rate = timeline.clips[index], timeline.rate
    first = int(clip.start / rate / STEP_S)
    steps = np.arange(first, int(clip.end / rate / STEP_S) + 1, dtype=np.float64)
    starts_s: Power = steps * STEP_S
    length_s = clip.length / rate
    into_s = starts_s - clip.start / rate  # where in the clip each window starts
    covered_s = np.minimum(into_s + WINDOW_S, length_s) - np.maximum(into_s, 0.0)
    last_s = max(0.0, length_s - WINDOW_S)  # a window that starts here is the last one inside the clip
    inside_s = np.minimum(np.maximum(into_s, 0.0), last_s)
    drift_s = clip.drift(inside_s * rate) / rate if clip.head_frames else 0.0
    power = power_at(tracks[index], clip.cue_in / rate + inside_s + drift_s)
    middles: Power = (starts_s + WINDOW_S / 2) * rate
    power *= np.minimum(np.maximum(covered_s / WINDOW_S, 0.0), 1.0)
    if index > 0:  # a fade is computed only where it is: most of a clip is neither faded nor ridden
        faded_in = slice(np.searchsorted(middles, clip.start + timeline.transitions[index - 1].overlap))
        power[faded_in] *= fade_power(timeline, index - 1, middles[faded_in])[1]
    if index < len(timeline.transitions):
        faded_out = slice(np.searchsorted(middles, timeline.clips[index + 1].start), None)
        power[faded_out] *= fade_power(timeline, index, middles[faded_out])[0]
    return PlacedCurve(first, power)


def apply_rides(timeline: Timeline, curves: Sequence[PlacedCurve]) -> None:
    """Raise placed curves by the rides of the timeline and fade them with the whole mix, in place."""
    if not timeline.fades and not any(transition.ride for transition in timeline.transitions):
        return
    starts_s = np.arange(int(timeline.duration_s / STEP_S) + 2) * STEP_S
    middles = np.asarray((starts_s + WINDOW_S / 2) * timeline.rate, np.float64)
    ride: Power = ride_db(rides_of(timeline), timeline.rate, middles)
    factor = envelope_gain(timeline.fades, middles) ** 2
    ridden = np.flatnonzero(ride)
    factor[ridden] *= gain_to_power(ride[ridden])
    for curve in curves:
        curve.power[:] *= factor[curve.first : curve.first + len(curve.power)]


def known_curve(momentary: tuple[float, ...]) -> KnownCurve:
    """Return a momentary curve in LUFS as powers; kept, because one plan reads each curve several times.

    Known curves are found by identity: hashing thousands of numbers costs more than the rest of a look-up.
    """
    known = _known_curves.get(id(momentary))
    if known is not None and known.momentary is momentary:
        return known
    if len(_known_curves) >= KNOWN_CURVES_MAX:
        _known_curves.clear()
    power: Power = lufs_to_power(np.asarray(momentary, dtype=np.float64))
    known = _known_curves[id(momentary)] = KnownCurve(momentary, power, next(_numbers))
    return known


def momentary_power(momentary: tuple[float, ...]) -> Power:
    """Return a momentary curve in LUFS as powers."""
    return known_curve(momentary).power


def power_at(track: TrackAnalysis, window_starts_s: NDArray[np.float64]) -> Power:
    """Read the power of the 400 ms windows that start at the given places of the file."""
    curve = momentary_power(track.momentary)
    if not len(curve):
        return np.zeros(len(window_starts_s))
    return np.interp(window_starts_s / STEP_S, np.arange(len(curve)), curve)


def fade_power(timeline: Timeline, index: int, places: Power) -> tuple[Power, Power]:
    """Return how much power transition `index` leaves of its two clips at each place (frames of the mix)."""
    transition, incoming = timeline.transitions[index], timeline.clips[index + 1]
    if transition.overlap <= 0:
        return np.ones(len(places)), np.ones(len(places))
    position = np.minimum(np.maximum((places - incoming.start) / transition.overlap, 0.0), 1.0)
    law = STYLES[transition.style].gains
    falling, rising = law(position, Fades.of(transition, timeline.rate))
    return falling**2, rising**2
