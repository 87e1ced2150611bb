"""How the energy of a mix goes: the shape a user asks for, and how much energy each song has."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mixes.engine.ordering.fit import OrderSong

ARCS: Final = ("rising", "falling", "wave")
FEWEST_FOR_TWO_CRESTS = 12  # songs; a shorter wave has one crest


def song_energies(songs: Sequence[OrderSong]) -> NDArray[np.float64]:
    """Return the energy of each song, 0 to 1: the mean of its ranks in loudness of the file and in tempo.

    A song of which neither is known is in the middle.
    """
    ranks = np.stack(
        [
            _ranks([song.loudness_lufs for song in songs]),
            _ranks([song.tempo for song in songs]),
        ]
    )
    known = ~np.isnan(ranks)
    total = np.where(known, ranks, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), 0.5)


def place_energies(arc: str, places: int) -> NDArray[np.float64]:
    """Return the energy that an arc wants at each place, 0 to 1, as ranks."""
    at = np.linspace(0.0, 1.0, places)
    crests = 2 if places >= FEWEST_FOR_TWO_CRESTS else 1
    shapes = {"rising": at, "falling": -at, "wave": -np.cos(2.0 * np.pi * crests * at)}
    return _ranks(np.round(shapes[arc], 6).tolist())


def _ranks(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return the rank of each value, 0 to 1, equal values sharing one; NaN where it is None."""
    wanted = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    known = wanted[~np.isnan(wanted)]
    if known.size < 2:
        return np.where(np.isnan(wanted), np.nan, 0.5)
    below = (known[None, :] < wanted[:, None]).sum(axis=1)
    equal = (known[None, :] == wanted[:, None]).sum(axis=1)
    return np.where(np.isnan(wanted), np.nan, (below + (equal - 1) / 2) / (known.size - 1))
