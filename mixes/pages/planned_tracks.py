"""The tracks of a planned mix: start times, the join after each, and the reason for each join."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mixes.engine.timeline import Transition
from mixes.models import Mix, MixTrack
from mixes.services.editing.engine_settings import join_settings
from mixes.services.editing.plans import MixPlan

SHORTER_S = 0.05  # shorter than set by this much: shown as shortened


@dataclass(frozen=True, slots=True)
class PlannedJoin:
    """The join after a track, for the chip between two rows."""

    style: str
    length_s: float  # silence of the style `gap`
    reason: str  # sentences
    by_hand: bool
    hint: str  # the reason: a key of `wording.HINTS`, or empty


@dataclass(frozen=True, slots=True)
class PlannedTrack:
    """An item's place in the plan, and the join after it; the last one has none."""

    item: MixTrack
    start_s: float
    join: PlannedJoin | None


def planned_tracks(mix: Mix, plan: MixPlan, items: Sequence[MixTrack]) -> list[PlannedTrack]:
    """Return one entry per clip of the plan, in order. `items` are all items of the mix."""
    timeline, used = plan.timeline, plan.used(items)
    joins = [
        _planned_join(mix, pair, transition, timeline.rate)
        for pair, transition in zip(pairwise(used), timeline.transitions, strict=True)
    ]
    return [
        PlannedTrack(item, clip.start / timeline.rate, join)
        for item, clip, join in zip(used, timeline.clips, [*joins, None], strict=True)
    ]


def _planned_join(
    mix: Mix, pair: tuple[MixTrack, MixTrack], transition: Transition, rate: int
) -> PlannedJoin:
    item, into = pair
    length_s = abs(transition.overlap) / rate
    cut_by_hand = item.cue_out_s is not None or into.cue_in_s is not None
    by_hand = item.is_joined_by_hand_with(into) or item.play_to_end or cut_by_hand
    hint = _hint(mix, pair, transition, length_s)
    return PlannedJoin(transition.style, length_s, transition.reason, by_hand, hint)


def _hint(mix: Mix, pair: tuple[MixTrack, MixTrack], transition: Transition, length_s: float) -> str:
    """Return the first reason that applies."""
    item, into = pair
    if item.has_join_set and not item.is_joined_by_hand_with(into):
        return "parted"
    if transition.style in ("gapless", "gap", "cut"):
        return transition.style
    wanted = join_settings(item, into).transition_s
    wanted_s = (mix.transition_s if mix.transition_s is not None else "auto") if wanted is None else wanted
    if wanted_s != "auto" and length_s < wanted_s - SHORTER_S:
        return "shortened"
    return (transition.gist or "fitted") if wanted_s == "auto" else ""
