"""Suggested orders of generated songs: time taken, distance from the best order, locks kept."""

import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.ours import Bench
from benchmarks.report import Row
from mixes.engine.ordering.arcs import ARCS
from mixes.engine.ordering.exact import MOST_EXACT, best_order
from mixes.engine.ordering.problem import Locks, Problem, build_problem
from mixes.engine.ordering.suggest import search, suggest_order
from mixes.engine.tests.ordering.libraries import make_songs

LIBRARIES, QUICK_LIBRARIES = 5, 1
MOST_S = {60: 2.0, 200: 2.5}  # by number of songs
FEW = (8, MOST_EXACT)


def order(bench: Bench) -> Iterator[Row]:
    """Measure orders of few and of many songs, with and without locks."""
    seeds = range(QUICK_LIBRARIES if bench.quick else LIBRARIES)
    for count in FEW:
        below = max(distance_to_exact(count, seed) for seed in seeds)
        figure = f"search of {count} songs, below the exact order"
        yield Row(figure, "0.00%", f"{below:.2%}", "", below < 0.00005)
    kept = []
    for count, most_s in MOST_S.items():
        runs = [measure_many(count, seed) for seed in seeds]
        took_s, share = max(run[0] for run in runs), float(np.mean([run[1] for run in runs]))
        kept += [run[2] for run in runs]
        note = "wall time of the slowest, an arc included"
        yield Row(
            f"order of {count} songs", f"<= {most_s:g} s", f"{took_s:.2f} s", "", took_s <= most_s, note
        )
        yield Row(f"order of {count} songs, of a bound no order may reach", "for comparison", f"{share:.1%}")
    yield Row("locks kept", "100%", f"{np.mean(kept):.0%}", "", all(kept))


def distance_to_exact(count: int, seed: int) -> float:
    """Return how far the search of many songs stays below the best order, as a share of its score."""
    problem = build_problem(make_songs(count, seed), Locks(), None)
    best = problem.score(best_order(problem))
    return (best - problem.score(search(problem))) / abs(best)


def measure_many(count: int, seed: int) -> tuple[float, float, bool]:
    """Return the longest time in s, the share of an upper bound, and whether all locks were kept."""
    songs = make_songs(count, seed)
    locks = Locks(first=True, last=True, pairs=frozenset({2, 10, 11, count // 2}))
    times_s, kept = [], True
    for asked, arc in ((Locks(), None), (locks, None), (locks, ARCS[seed % len(ARCS)])):
        began_s = time.perf_counter()
        found = suggest_order(songs, asked, arc)
        times_s.append(time.perf_counter() - began_s)
        kept = kept and keeps(found, asked)
    problem = build_problem(songs, Locks(), None)
    share = problem.score(search(problem)) / upper_bound(problem)
    return max(times_s), share, kept


def keeps(found: tuple[int, ...], locks: Locks) -> bool:
    """Tell whether an order of all songs keeps what is locked."""
    followers, last = dict(pairwise(found)), len(found) - 1
    ends = (not locks.first or found[0] == 0) and (not locks.last or found[-1] == last)
    is_whole = sorted(found) == list(range(len(found)))
    return is_whole and ends and all(followers.get(place) == place + 1 for place in locks.pairs)


def upper_bound(problem: Problem) -> float:
    """Return a score that no order exceeds: the best followers of all songs, circles allowed."""
    count = len(problem.runs)
    gains = np.zeros((count + 1, count + 1))  # the last stands before the first song and after the last
    gains[:count, :count] = problem.joins
    np.fill_diagonal(gains, -1e9)
    rows, columns = linear_sum_assignment(-gains)
    return float(gains[rows, columns].sum())
