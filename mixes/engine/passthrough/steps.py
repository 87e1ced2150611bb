"""Choose gains in steps of 1.505 dB, by which frames can be copied, so that the mix keeps its loudness.

In: the gain that each song should have, and how loud the mix is for given gains. Out: a step for each song,
or None for one whose gain is exact, which is then encoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.passthrough.facts import STEP_DB, Mp3Facts
from mixes.engine.passthrough.grid import encoded_share

COPIED_DBTP = -1.0  # copied frames do not overshoot
GOOD_LU = 0.1  # the mix is so near to its loudness ...
WORTH_LU = 0.05  # ... or one more step would bring it no nearer by this
FARTHEST_LU = 0.95  # of a song from its own gain
EXACT_LU = 0.15  # a mix that is farther off gets songs with exact gains
MOST_ENCODED = 0.3  # of a song for its peaks; beyond, it is lowered, or encoded whole
CAP_TOLERANCE_DB = (
    STEP_DB / 2
)  # a song at its cap takes the nearest step too: its peaks are limited by so much more
ROUNDS = 30

Gains = NDArray[np.float64]


@dataclass
class Unit:
    """Clips that share one gain."""

    members: tuple[int, ...]
    wanted_db: float
    highest_db: float
    songs: tuple[Mp3Facts, ...]  # those of them that would be copied
    step: int | None = None  # None: the gain is exact

    @property
    def gain_db(self) -> float:
        return self.wanted_db if self.step is None else self.step * STEP_DB

    def can_take(self, step: int) -> bool:
        """Tell whether a step is near enough and leaves most of the songs as they are."""
        far = abs(step * STEP_DB - self.wanted_db)
        return (
            far <= FARTHEST_LU
            and step * STEP_DB <= self.highest_db + CAP_TOLERANCE_DB
            and all(step <= song.highest_step for song in self.songs)
            and all(encoded_share(song.is_hot(step, COPIED_DBTP)) <= MOST_ENCODED for song in self.songs)
        )


def choose_steps(
    wanted_db: Gains,
    highest_db: Gains,
    groups: Sequence[int],
    songs: Sequence[Mp3Facts | None],
    predict: Callable[[Gains], float],
    shares: Callable[[Gains], Gains],
) -> tuple[Gains, list[int | None]]:
    """Return the gain of each clip and its step.

    `songs` has the facts of clips that could be copied, `groups` numbers: equal ones share a gain. `predict`
    gives the loudness of the mix in LUFS, `shares` the part of its power that each clip has.
    """
    units = make_units(wanted_db, highest_db, groups, songs)
    target = predict(wanted_db)
    gains = wanted_db.copy()
    for unit in units:
        nearest = round(unit.wanted_db / STEP_DB)
        steps = [step for step in (nearest, nearest - 1) if unit.songs and unit.can_take(step)]
        unit.step = steps[0] if steps else None
        gains[list(unit.members)] = unit.gain_db
    if np.isfinite(target):
        balance(units, gains, target, predict, shares)
    found: list[int | None] = [None] * len(gains)
    for unit in units:
        for member in unit.members:
            found[member] = unit.step
    return gains, found


def make_units(
    wanted_db: Gains, highest_db: Gains, groups: Sequence[int], songs: Sequence[Mp3Facts | None]
) -> list[Unit]:
    """Return the groups of clips."""
    by_group: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        by_group.setdefault(group, []).append(index)
    return [
        Unit(
            tuple(members),
            float(wanted_db[members[0]]),
            float(highest_db[members].min()),
            tuple(song for index in members if (song := songs[index])),
        )
        for members in by_group.values()
    ]


def balance(
    units: Sequence[Unit],
    gains: Gains,
    target: float,
    predict: Callable[[Gains], float],
    shares: Callable[[Gains], Gains],
) -> None:
    """Move steps until the mix is near its target; where that does not suffice, make gains exact."""
    for _ in range(ROUNDS):
        off = predict(gains) - target
        if abs(off) <= GOOD_LU:
            return
        part = shares(gains)
        if not (unit := best_move(units, off, part)):
            break
        assert unit.step is not None
        unit.step -= int(np.sign(off))
        gains[list(unit.members)] = unit.gain_db
    for unit in sorted(units, key=lambda unit: sum(song.frames for song in unit.songs)):
        off = predict(gains) - target
        if abs(off) <= EXACT_LU:
            return
        if unit.step is None:
            continue
        wish = unit.gain_db - off / share_of(unit, shares(gains))
        if abs(wish - unit.wanted_db) <= FARTHEST_LU:
            make_exact(unit, gains, target, predict, shares)
    for unit in units:  # nothing less helps: each song gets its own gain
        if abs(predict(gains) - target) <= EXACT_LU:
            return
        unit.step = None
        gains[list(unit.members)] = unit.gain_db


def best_move(units: Sequence[Unit], off: float, part: Gains) -> Unit | None:
    """Return the unit that ends nearest to its own gain when it makes one step against what is off."""
    move = -int(np.sign(off))
    possible = [
        unit
        for unit in units
        if unit.step is not None
        and unit.can_take(unit.step + move)
        and abs(off + share_of(unit, part) * move * STEP_DB) <= abs(off) - WORTH_LU
    ]
    return min(
        possible, key=lambda unit: abs(((unit.step or 0) + move) * STEP_DB - unit.wanted_db), default=None
    )


def share_of(unit: Unit, part: Gains) -> float:
    return max(1e-6, float(part[list(unit.members)].sum()))


def make_exact(
    unit: Unit,
    gains: Gains,
    target: float,
    predict: Callable[[Gains], float],
    shares: Callable[[Gains], Gains],
) -> None:
    """Give a unit the gain at which the mix has its loudness, not far from its own."""
    members = list(unit.members)
    lowest, highest = unit.wanted_db - FARTHEST_LU, min(unit.wanted_db + FARTHEST_LU, unit.highest_db)
    for _ in range(4):
        off = predict(gains) - target
        wish = float(gains[members[0]]) - off / share_of(unit, shares(gains))
        gains[members] = min(max(wish, lowest), highest)
    unit.step, unit.wanted_db = None, round(float(gains[members[0]]), 2)
    gains[members] = unit.wanted_db
