"""A suggested order beside the user's own: each join with its reason, and whether it is better."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mixes.engine.ordering.fit import OrderSong, join_fit
from mixes.engine.ordering.problem import Locks
from mixes.engine.ordering.reasons import join_reason
from mixes.engine.ordering.suggest import suggest_order

NOTICED = 0.02  # difference of two scores that counts as better or worse

Change = Literal["kept", "better", "worse", "as good", "new"]


@dataclass(frozen=True, slots=True)
class SuggestedJoin:
    """One join of a suggested order."""

    reason: str
    change: Change  # beside the join into the same song before; "new" into the song that was first
    score: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An order of songs by their places in the user's order, with one join between every two."""

    order: tuple[int, ...]
    joins: tuple[SuggestedJoin, ...]

    @property
    def better(self) -> int:
        return sum(join.change == "better" for join in self.joins)

    @property
    def worse(self) -> int:
        return sum(join.change == "worse" for join in self.joins)

    @property
    def is_change(self) -> bool:
        return self.order != tuple(range(len(self.order)))


def suggestion_of(
    songs: Sequence[OrderSong], locks: Locks | None = None, arc: str | None = None
) -> Suggestion:
    """Return the suggested order of the songs; `arc` is one of ARCS or None."""
    order = suggest_order(songs, locks, arc)
    joins = tuple(_join(songs, before, after) for before, after in pairwise(order))
    return Suggestion(order, joins)


def _join(songs: Sequence[OrderSong], before: int, after: int) -> SuggestedJoin:
    score = join_fit(songs[before], songs[after]).score
    return SuggestedJoin(
        join_reason(songs[before], songs[after]), _change(songs, before, after, score), score
    )


def _change(songs: Sequence[OrderSong], before: int, after: int, score: float) -> Change:
    if before == after - 1:
        return "kept"
    if after == 0:
        return "new"
    gain = score - join_fit(songs[after - 1], songs[after]).score
    if abs(gain) < NOTICED:
        return "as good"
    return "better" if gain > 0 else "worse"
