"""Improve an order of many songs: turn a piece round (2-opt), carry up to three runs elsewhere (Or-opt).

The gain of every such move is worked out in one table. A move changes nothing outside the piece of the order
that it touches, so all of the best moves that do not touch each other are made at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.ordering.move_gains import CARRIED, GainTable
from mixes.engine.ordering.problem import Order, Problem

MOST_AT_ONCE = 64  # moves looked at per table
TABLE_WORK = 20_000  # entries whose time passes while a table is set up
ARC_WORK = 2  # as much time an entry where places count too


@dataclass
class Work:
    """Counts entries of tables, so that a search ends at the same point on every machine."""

    most: int
    done: int = 0

    @property
    def is_over(self) -> bool:
        return self.done >= self.most


@dataclass(frozen=True, slots=True)
class Move:
    """One change of an order. Places count from 1."""

    first: int  # the first place that it changes
    last: int
    shift: int | None  # by how many places the piece is rolled; None turns it round

    def apply(self, order: Order) -> Order:
        piece = order[self.first - 1 : self.last]
        changed = piece[::-1] if self.shift is None else np.roll(piece, self.shift)
        return np.concatenate([order[: self.first - 1], changed, order[self.last :]])

    def adjoins(self, other: "Move") -> bool:
        """Tell whether the two change the same place, or places side by side."""
        return self.first <= other.last + 1 and other.first <= self.last + 1


def improve(problem: Problem, order: Order, work: Work) -> Order:
    """Return an order that no single move makes better, or the best one so far when the work is done."""
    table = GainTable(problem)
    while not work.is_over:
        gains = table.gains(order)
        work.done += gains.size * (1 if problem.places is None else ARC_WORK) + TABLE_WORK
        made: list[Move] = []
        for at in _best_first(gains):
            move = _move_at(at, len(order))
            if not any(move.adjoins(other) for other in made):
                order = move.apply(order)
                made.append(move)
        if not made:
            return order
    return order


def _best_first(gains: NDArray[np.int64]) -> list[int]:
    """Return the indices of the highest gains above 0, of equal ones the first: no two keys are equal."""
    useful = np.flatnonzero(gains > 0)
    keys = gains.ravel()[useful] * gains.size - useful
    if useful.size > MOST_AT_ONCE:
        highest = np.argpartition(-keys, MOST_AT_ONCE)[:MOST_AT_ONCE]
        useful, keys = useful[highest], keys[highest]
    found: list[int] = useful[np.argsort(-keys)].tolist()
    return found


def _move_at(index: int, count: int) -> Move:
    """Return the move of an entry of the table: (kinds, places, places + 1), as `GainTable` lays it out."""
    kind, rest = divmod(index, count * (count + 1))
    first, to = divmod(rest, count + 1)
    first += 1
    if kind == 0:
        return Move(first, to, None)
    size = CARRIED[kind - 1]
    return Move(first, to, -size) if to > first else Move(to + 1, first + size - 1, size)
