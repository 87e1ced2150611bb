"""The gain of every move of an order, in one table and without a loop over songs.

Sums along the order, forwards and backwards, give a turned piece in one subtraction though a join's score is
another one backwards.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mixes.engine.ordering.problem import LOCK, Order, Problem, Table

CARRIED: Final = (1, 2, 3)  # runs that move together
IMPOSSIBLE = -3 * LOCK


class GainTable:
    """Works out tables of shape (kinds, count, count + 1): turned, then carried by 1, 2 and 3 runs.

    Row f, column t (places from 1, row f at f - 1): turn the piece from f to t, or put the runs from f on
    behind place t.
    """

    def __init__(self, problem: Problem) -> None:
        count = len(problem.runs)
        self._problem = problem
        self._padded = np.zeros(
            (count + 1, count + 1), np.int64
        )  # run `count` is before the first and after the last
        self._padded[:count, :count] = problem.joins
        self._padded[count, :count], self._padded[:count, count] = problem.start, problem.end
        self._impossible = np.stack([_not_turned(count), *(_not_carried(count, size) for size in CARRIED)])
        self._mirror = np.arange(2 * count - 1)[:, None] - np.arange(count)[None, :]
        self._both = np.add.outer(np.arange(count), np.arange(-1, count))  # first + last, both from 0

    def gains(self, order: Order) -> Table:
        """Return the gain of each move; IMPOSSIBLE where there is no such move."""
        count = len(order)
        placed = np.concatenate([[count], order, [count]])
        joins = self._padded[placed[:, None], placed[None, :]]  # by places
        table = np.empty((1 + len(CARRIED), count, count + 1), np.int64)
        table[0] = _turned_joins(joins)
        for kind, size in enumerate(CARRIED, 1):
            table[kind] = _carried_joins(joins, size)
        if self._problem.places is not None:
            self._add_places(table, self._problem.places[order])
        table[self._impossible] = IMPOSSIBLE
        return table

    def _add_places(self, table: Table, scores: Table) -> None:
        """Add what the moves gain at places; `scores` are those of the order's runs, (runs, places)."""
        stay = _sums(np.diagonal(scores))
        table[0] += self._turned_places(scores, stay)
        for kind, size in enumerate(CARRIED, 1):
            if size < len(scores):
                table[kind, : len(scores) - size + 1] += _carried_places(scores, stay, size)

    def _turned_places(self, scores: Table, stay: Table) -> Table:
        """Return what is gained when a piece is turned: run k goes to place first + last - k."""
        count = len(scores)
        is_place = (self._mirror >= 0) & (self._mirror < count)
        mirrored = np.where(is_place, scores[np.arange(count), np.clip(self._mirror, 0, count - 1)], 0)
        sums = np.concatenate([np.zeros((len(mirrored), 1), np.int64), mirrored.cumsum(axis=1)], axis=1)
        to, before = np.arange(count + 1), np.arange(count)[:, None]
        both = np.clip(self._both, 0, 2 * count - 2)
        gain: Table = sums[both, to] - sums[both, before] - (stay[None, :] - stay[:-1, None])
        return gain


def _not_turned(count: int) -> NDArray[np.bool_]:
    return ~np.triu(np.ones((count, count + 1), bool), 2)


def _not_carried(count: int, size: int) -> NDArray[np.bool_]:
    first, to = np.arange(1, count + 1)[:, None], np.arange(count + 1)[None, :]
    return (first + size - 1 > count) | ((to >= first - 1) & (to <= first + size - 1))


def _sums(values: Table) -> Table:
    return np.concatenate([[0], np.cumsum(values)])


def _turned_joins(joins: Table) -> Table:
    """Return what joins gain when the piece from each place to each later one is turned."""
    ahead, behind = _sums(np.diagonal(joins, 1)), _sums(np.diagonal(joins, -1))
    gain: Table = (
        joins[:-2, :-1]  # the place before the first to the last
        + joins[1:-1, 1:]  # the first to the place behind the last
        + (behind[None, :-1] - behind[1:-1, None])
        - (ahead[None, 1:] - ahead[:-2, None])
    )
    return gain


def _carried_joins(joins: Table, size: int) -> Table:
    """Return what joins gain when `size` runs from each place on are put behind each other place."""
    count = len(joins) - 2
    first = np.arange(1, count - size + 2)
    last = first + size - 1
    left = joins[first - 1, last + 1] - joins[first - 1, first] - joins[last, last + 1]
    gain = np.zeros((count, count + 1), np.int64)
    gain[: len(first)] = (
        left[:, None]
        + joins[:-1, 1 : count - size + 2].T  # from the place to the first
        + joins[size : count + 1, 1:]  # from the last to the place behind it
        - np.diagonal(joins, 1)[None, :]
    )
    return gain


def _carried_places(scores: Table, stay: Table, size: int) -> Table:
    """Return what is gained at places when `size` runs are put elsewhere and those between close up."""
    count = len(scores)
    rows = count - size + 1
    first, to = np.arange(rows)[:, None], np.arange(count + 1)[None, :]  # first from 0
    own = np.zeros((rows, rows), np.int64)  # of the runs from a row on, at the places from a column on
    for step in range(size):
        own += scores[step : step + rows, step : step + rows]
    earlier, later = _shifted_sums(scores, -size), _shifted_sums(scores, size)
    gain = np.zeros((rows, count + 1), np.int64)
    gain[:, size:] = own + (earlier[size:] - earlier[size:, None]) - (stay[size:] - stay[:rows, None])
    back = own + (later[:rows, None] - later[:rows]) - (stay[size:, None] - stay[:rows])
    gain[:, :rows] = np.where(to[:, :rows] < first, back, gain[:, :rows])
    return gain


def _shifted_sums(scores: Table, by: int) -> Table:
    """Return the scores up to each run when every run is `by` places from where it is."""
    diagonal = np.diagonal(scores, by)
    start = max(0, -by)
    padded = np.zeros(len(scores), np.int64)
    padded[start : start + len(diagonal)] = diagonal
    return _sums(padded)
