"""How well one song follows another: tempo, key, loudness across the join, and the artist.

In: two `OrderSong`. Out: a `JoinFit`, whose parts lie between -1 and 1; what is not known counts 0.
"""

from dataclasses import dataclass
from typing import Final

TEMPO_WEIGHT, KEY_WEIGHT, ENERGY_WEIGHT = 0.45, 0.30, 0.25
SAME_ARTIST = -1.0  # added when one artist plays twice in a row
TEMPO_NEUTRAL, TEMPO_WORST = 0.08, 0.24  # distances between two tempos that score 0 and -1
FOLDED = 0.15  # subtracted where one tempo is double the other: it is heard, though it fits
KEY_STEPS: Final = (1.0, 0.85, 0.2, -0.4, -0.6, -0.6, -0.6)  # by distance on the circle of fifths
RELATIVE_STEPS: Final = (0.85, 0.2, -0.4, -0.6, -0.6, -0.6, -0.6)  # the same from major to minor
MOST_DETUNED_CENTS = 30.0  # songs tuned further apart say nothing about each other's key


@dataclass(frozen=True, slots=True)
class OrderSong:
    """What an order knows of a song; None where it is not known."""

    artist: str = ""
    tempo: float | None = None  # beats a minute, only where it may be trusted
    key: int | None = None  # 0 to 11 major, 12 to 23 minor, from C on
    key_trust: float = 1.0  # 0 to 1
    tuning_cents: float | None = None
    head: float | None = None  # loudness of its first seconds, 0 to 1 of what is usual for the song
    tail: float | None = None  # and of its last seconds
    loudness_lufs: float | None = None  # of the whole file


@dataclass(frozen=True, slots=True)
class JoinFit:
    """How well two songs follow each other, -1 to 1 each; 0 also where it is not known."""

    tempo: float
    key: float
    energy: float
    same_artist: bool

    @property
    def score(self) -> float:
        """Return the weighted sum, -2 to 1."""
        weighted = TEMPO_WEIGHT * self.tempo + KEY_WEIGHT * self.key + ENERGY_WEIGHT * self.energy
        return weighted + (SAME_ARTIST if self.same_artist else 0.0)


def join_fit(before: OrderSong, after: OrderSong) -> JoinFit:
    """Return how well `after` follows `before`."""
    return JoinFit(
        tempo=tempo_fit(before.tempo, after.tempo),
        key=key_fit(before, after),
        energy=energy_fit(before.tail, after.head),
        same_artist=bool(before.artist) and before.artist.casefold() == after.artist.casefold(),
    )


def tempo_fit(before: float | None, after: float | None) -> float:
    """Return 1 for equal tempos, 0 at 8 % apart, -1 from 24 % on; half and double count a little less."""
    if not before or not after:
        return 0.0
    fits = (_plain_tempo_fit(before, after * fold) - cost for fold, cost in _FOLDS)
    return max(-1.0, *fits)


_FOLDS: Final = ((1.0, 0.0), (2.0, FOLDED), (0.5, FOLDED))


def tempo_fold(before: float, after: float) -> float:
    """Return what `after` is multiplied by to come closest to `before`: 1, 2 or 0.5."""
    fold, _cost = max(_FOLDS, key=lambda one: _plain_tempo_fit(before, after * one[0]) - one[1])
    return fold


def _plain_tempo_fit(before: float, after: float) -> float:
    distance = max(after / before, before / after) - 1.0
    if distance <= TEMPO_NEUTRAL:
        return 1.0 - distance / TEMPO_NEUTRAL
    return -min(1.0, (distance - TEMPO_NEUTRAL) / (TEMPO_WORST - TEMPO_NEUTRAL))


def key_fit(before: OrderSong, after: OrderSong) -> float:
    """Return how well two keys sound after each other, less where one of them is uncertain."""
    if before.key is None or after.key is None or _are_detuned(before, after):
        return 0.0
    steps = (fifths(before.key) - fifths(after.key)) % 12
    steps = min(steps, 12 - steps)
    same_mode = (before.key >= 12) == (after.key >= 12)
    fit = (KEY_STEPS if same_mode else RELATIVE_STEPS)[steps]
    return fit * min(before.key_trust, after.key_trust)


def fifths(key: int) -> int:
    """Return the place of a key on the circle of fifths, 0 to 11; relative keys share one."""
    major = (key + 3) % 12 if key >= 12 else key
    return major * 7 % 12


def _are_detuned(before: OrderSong, after: OrderSong) -> bool:
    if before.tuning_cents is None or after.tuning_cents is None:
        return False
    apart = abs(before.tuning_cents - after.tuning_cents)
    return min(apart, 100.0 - apart) > MOST_DETUNED_CENTS  # 50 cents up is 50 cents down from the next note


def energy_fit(tail: float | None, head: float | None) -> float:
    """Return 1 where a song begins as loud as the one before it ends, -1 where one is silent beside it."""
    return 0.0 if tail is None or head is None else 1.0 - 2.0 * abs(tail - head)
