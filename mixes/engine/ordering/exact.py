"""The best order of a few songs, found exactly (Held and Karp's dynamic programme)."""

import numpy as np

from mixes.engine.ordering.problem import Order, Problem

MOST_EXACT = 12  # runs; each more doubles time and memory
NEVER = np.iinfo(np.int64).min // 4


def best_order(problem: Problem) -> Order:
    """Return the order with the highest score; of equal ones always the same."""
    count = len(problem.runs)
    placed = np.zeros((count, count), np.int64) if problem.places is None else problem.places
    best = np.full((1 << count, count), NEVER, np.int64)  # by set of runs and last run of it
    back = np.zeros((1 << count, count), np.int8)
    bits = 1 << np.arange(count)
    best[bits, np.arange(count)] = problem.start + placed[:, 0]
    for used in range(1, (1 << count) - 1):
        free = np.flatnonzero((used & bits) == 0)
        through = best[used][:, None] + problem.joins[:, free]
        last = through.argmax(axis=0)
        targets = used | bits[free]
        best[targets, free] = through[last, np.arange(len(free))] + placed[free, used.bit_count()]
        back[targets, free] = last
    used, last_run = (1 << count) - 1, int((best[-1] + problem.end).argmax())
    order = [last_run]
    while used.bit_count() > 1:
        used, last_run = used ^ (1 << last_run), int(back[used, last_run])
        order.append(last_run)
    return np.array(order[::-1], dtype=np.intp)
