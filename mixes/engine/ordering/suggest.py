"""Suggest an order: exactly for a few songs, by a search of bounded work for many."""

import random
from collections.abc import Iterator, Sequence

import numpy as np

from mixes.engine.ordering.exact import MOST_EXACT, best_order
from mixes.engine.ordering.fit import OrderSong
from mixes.engine.ordering.local_search import Work, improve
from mixes.engine.ordering.problem import SCALE, Locks, Order, Problem, build_problem

STARTS = 8  # nearest-neighbour orders that the search begins with, besides the user's own
MOST_WORK = 40_000_000  # entries of tables
SEED = 1  # of the kicks; any other gives orders as good
LEAST_GAIN = SCALE // 50  # over the user's own order; less is not worth a change
KICKED = 30  # places that a kick touches at most


def suggest_order(
    songs: Sequence[OrderSong], locks: Locks | None = None, arc: str | None = None
) -> tuple[int, ...]:
    """Return the places of the songs in the user's order, in the order in which their joins fit best.

    `arc` is one of ARCS or None. What is locked stays. Where no order is better by LEAST_GAIN, all stays.
    """
    if len(songs) < 2:
        return tuple(range(len(songs)))
    problem = build_problem(songs, locks or Locks(), arc)
    own = np.arange(len(problem.runs))
    found = best_order(problem) if len(own) <= MOST_EXACT else search(problem)
    return problem.songs_of(found if problem.score(found) - problem.score(own) >= LEAST_GAIN else own)


def search(problem: Problem, most_work: int = MOST_WORK) -> Order:
    """Return the best order reached from several starts, then from kicks of the best and from chance."""
    work = Work(most_work)
    best = improve(problem, np.arange(len(problem.runs)), work)
    for start in _starts(problem):
        best = _better(problem, best, improve(problem, start, work))
    chance = random.Random(SEED)
    while not work.is_over:
        for start in (_kicked(problem, best, chance), _shuffled(problem, chance)):
            best = _better(problem, best, improve(problem, start, work))
    return best


def _better(problem: Problem, best: Order, found: Order) -> Order:
    return found if problem.score(found) > problem.score(best) else best


def _starts(problem: Problem) -> Iterator[Order]:
    """Yield orders in which the best follower among the runs left comes next, from several first runs."""
    count = len(problem.runs)
    keeps_first, last = bool(problem.start.any()), count - 1 if problem.end.any() else None
    firsts = [0] if keeps_first else np.unique(np.linspace(0, count - 1, STARTS).astype(int)).tolist()
    for first in firsts:
        if first == last:
            continue
        left = np.ones(count, bool)
        order, left[first] = [first], False
        if last is not None:
            left[last] = False
        while left.any():
            order.append(int(np.where(left, problem.joins[order[-1]], -np.inf).argmax()))
            left[order[-1]] = False
        yield np.array([*order, *([] if last is None else [last])], dtype=np.intp)


def _kicked(problem: Problem, order: Order, chance: random.Random) -> Order:
    """Return the order with two adjoining pieces exchanged; a first or last run that is locked stays."""
    lowest, end = int(problem.start.any()), len(order) - int(problem.end.any())
    first = lowest + int(chance.random() * (end - lowest - 1))
    room = min(KICKED, end - first)
    middle = first + 1 + int(chance.random() * (room - 1))
    last = middle + 1 + int(chance.random() * (first + room - middle))
    return np.concatenate([order[:first], order[middle:last], order[first:middle], order[last:]])


def _shuffled(problem: Problem, chance: random.Random) -> Order:
    """Return the runs by chance; a first or last run that is locked stays."""
    order = list(range(len(problem.runs)))
    lowest, end = int(problem.start.any()), len(order) - int(problem.end.any())
    middle = sorted(order[lowest:end], key=lambda run: chance.random())
    return np.array([*order[:lowest], *middle, *order[end:]], dtype=np.intp)
