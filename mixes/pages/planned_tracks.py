"""The tracks of a planned mix: start times, the join after each, and the reason for each join."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixes.engine.timeline import Transition
from mixes.models import Mix, MixTrack
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
        _planned_join(mix, item, transition, timeline.rate)
        for item, transition in zip(used, timeline.transitions, strict=False)
    ]
    return [
        PlannedTrack(item, clip.start / timeline.rate, join)
        for item, clip, join in zip(used, timeline.clips, [*joins, None], strict=True)
    ]


def _planned_join(mix: Mix, item: MixTrack, transition: Transition, rate: int) -> PlannedJoin:
    length_s = abs(transition.overlap) / rate
    by_hand = bool(item.join_style) or item.join_s is not None or item.join_auto or item.play_to_end
    hint = _hint(mix, item, transition, length_s)
    return PlannedJoin(transition.style, length_s, transition.reason, by_hand, hint)


def _hint(mix: Mix, item: MixTrack, transition: Transition, length_s: float) -> str:
    """Return the first reason that applies."""
    if transition.style in ("gapless", "gap", "cut"):
        return transition.style
    wanted_s = item.join_s if item.join_s is not None else mix.transition_s
    is_auto = item.join_auto or wanted_s is None
    if not is_auto and wanted_s is not None and length_s < wanted_s - SHORTER_S:
        return "shortened"
    return "fitted" if is_auto else ""
