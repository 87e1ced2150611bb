"""The order to be found, as whole numbers: the same songs give the same order on every machine.

In: songs in the user's order, what is locked, an arc. Out: a `Problem` of runs: songs that stay together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixes.engine.ordering.arcs import place_energies, song_energies
from mixes.engine.ordering.fit import OrderSong, join_fit

Table = NDArray[np.int64]
Order = NDArray[np.intp]

SCALE = 10_000  # of a score of 1
ARC_WEIGHT = 1.0  # of a song at the wrong end of the arc
LOCK = 10**9  # more than all scores together


@dataclass(frozen=True, slots=True)
class Locks:
    """What stays of the user's order: first song, last song, pairs by the place of the first of them."""

    first: bool = False
    last: bool = False
    pairs: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Problem:
    """Runs of songs to be put in order. An order's score is what `score` says; higher is better."""

    runs: tuple[tuple[int, ...], ...]  # places of songs in the user's order
    joins: Table  # (runs, runs): score of the join from one to another
    start: Table  # (runs,): LOCK for the one that stays first
    end: Table  # (runs,): LOCK for the one that stays last
    places: Table | None  # (runs, runs): score of a run at a place, where there is an arc

    def score(self, order: Order) -> int:
        """Return the score of an order of the runs."""
        total = self.joins[order[:-1], order[1:]].sum() + self.start[order[0]] + self.end[order[-1]]
        if self.places is not None:
            total += self.places[order, np.arange(len(order))].sum()
        return int(total)

    def songs_of(self, order: Order) -> tuple[int, ...]:
        """Return the places of the songs in the user's order."""
        return tuple(song for run in order.tolist() for song in self.runs[run])


def build_problem(songs: Sequence[OrderSong], locks: Locks, arc: str | None) -> Problem:
    """Return what is to be solved for these songs, of which there is at least one."""
    runs = tuple(_runs(len(songs), locks.pairs))
    firsts, lasts = [run[0] for run in runs], [run[-1] for run in runs]
    joins = np.array(
        [
            [
                0 if a == b else _scaled(join_fit(songs[lasts[a]], songs[firsts[b]]).score)
                for b in range(len(runs))
            ]
            for a in range(len(runs))
        ],
        dtype=np.int64,
    )
    start, end = np.zeros(len(runs), np.int64), np.zeros(len(runs), np.int64)
    start[0], end[-1] = LOCK * locks.first, LOCK * locks.last
    return Problem(runs, joins, start, end, _arc_table(songs, runs, arc))


def _runs(count: int, pairs: frozenset[int]) -> Iterator[tuple[int, ...]]:
    """Yield the places of songs that stay together."""
    run = [0]
    for place in range(1, count):
        if place - 1 in pairs:
            run.append(place)
        else:
            yield tuple(run)
            run = [place]
    yield tuple(run)


def _arc_table(songs: Sequence[OrderSong], runs: Sequence[tuple[int, ...]], arc: str | None) -> Table | None:
    """Return the score of each run at each place; a run counts as one place, with its songs' mean energy."""
    if arc is None:
        return None
    energies = song_energies(songs)
    of_runs = np.array([energies[list(run)].mean() for run in runs])
    apart = np.abs(of_runs[:, None] - place_energies(arc, len(runs))[None, :])
    sizes = np.array([len(run) for run in runs])
    table: Table = np.rint(-SCALE * ARC_WEIGHT * apart * sizes[:, None]).astype(np.int64)
    return table


def _scaled(score: float) -> int:
    return round(SCALE * score)
