"""What is measured of a track as music, and how far each thing may be trusted.

In: the numbers of `rhythm`, `harmony`, `voices` and `sections`. Out: values that planning reads, stored as
JSON with the analysis. A value that is not known is None there; a trust of 0 means "do not build on it".
"""

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

TRUSTED_GRID = 0.3  # lowest trust that a beat-matched join may be built on
TRUSTED_BARS = 0.5  # lowest trust in bars that words may speak of
VOICE_HOP_S = 0.1  # distance between two values of `Voices`
VOICE_OPENS, VOICE_CLOSES = 0.5, 0.3  # a run of voice begins at the first and ends under the second
VOICE_LEAST_S = 0.3
VOICE_PEAK, VOICE_MEAN = 0.85, 0.65  # a run reaches one of these, or it is no voice
VOICE_FULL = 255  # the byte of a likelihood of 1
USUAL_BEAT_S = 0.5  # bridges the gaps of a voice where no beat is known
KICK_ON = 0.5  # share of the usual low band: from here on the kick plays

TONICS = ("C", "D flat", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
MINOR_TONICS = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "G sharp", "A", "B flat", "B")


@dataclass(frozen=True, slots=True)
class TrustParts:
    """The six parts of the trust in a grid, 0 to 1 each; the trust is the lowest."""

    jitter: float  # how little onsets stray from the grid
    wander: float  # how little the tempo does
    contrast: float  # how much more happens on beats than between them
    strength: float  # how strongly bars repeat
    clearness: float  # how far the tempo is ahead of 2/3, 3/4, 4/3 and 3/2 of it
    on_beat: float  # how far the grid is ahead of the grid half a beat later


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Tempo, beats and bars of a whole track."""

    tempo: float  # beats a minute
    meter: int  # beats a bar: 3 or 4
    beats: tuple[int, ...] = field(repr=False)  # frames of the file, ascending
    first_downbeat: int  # index of the first beat that begins a bar
    is_even: bool  # one tempo all through
    trust: float  # in the beats: 0 to 1, 0 where the halves of the track disagree
    bar_trust: float  # that the downbeats are the right ones of the beats
    parts: TrustParts

    @property
    def is_steady(self) -> bool:
        """Tell whether a beat-matched join may be built on the beats."""
        return self.trust >= TRUSTED_GRID

    @property
    def has_bars(self) -> bool:
        """Tell whether the bars may be built on too."""
        return self.is_steady and self.bar_trust >= TRUSTED_BARS

    @property
    def downbeats(self) -> tuple[int, ...]:
        """Return the frames at which bars begin; bar k is the k-th."""
        return self.beats[self.first_downbeat :: self.meter]

    def to_json(self) -> dict[str, Any]:
        """Return the rhythm as plain types; beats are packed, since an hour has thousands."""
        packed = b64encode(np.array(self.beats, "<u4").tobytes()).decode()
        return {**asdict(self), "beats": packed}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the rhythm stored by `to_json`. Raises KeyError, TypeError or ValueError when damaged."""
        beats = np.frombuffer(b64decode(data["beats"]), "<u4").tolist()
        return cls(**{**data, "beats": tuple(beats), "parts": TrustParts(**data["parts"])})


@dataclass(frozen=True, slots=True)
class Harmony:
    """The key of a track."""

    key: int  # 0 to 11: C major to B major, 12 to 23: C minor to B minor
    margin: float  # lead of its correlation over the next key's
    tuning_cents: float  # of the track's A from 440 Hz, -50 to 50
    classes: tuple[float, ...] = field(repr=False)  # mean share of each pitch class from C on

    @property
    def name(self) -> str:
        """Return the name of the key, such as "A minor"."""
        return key_name(self.key)

    @property
    def camelot(self) -> str:
        """Return the key on the Camelot wheel, such as "8A"."""
        return camelot(self.key)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "classes": tuple(data["classes"])})


@dataclass(frozen=True, slots=True)
class Voices:
    """How likely a voice speaks or sings, every VOICE_HOP_S from the file's first frame on."""

    likelihood: bytes = field(repr=False)  # 0 to VOICE_FULL each

    def runs(self, beat_s: float = USUAL_BEAT_S) -> tuple[tuple[float, float], ...]:
        """Return start and end in seconds of each voice; gaps shorter than a beat are bridged."""
        runs: list[tuple[float, float]] = []
        for start, end in self._loud_runs():
            start_s, end_s = round(start * VOICE_HOP_S, 1), round(end * VOICE_HOP_S, 1)
            if runs and start_s - runs[-1][1] < beat_s:
                runs[-1] = (runs[-1][0], end_s)
            else:
                runs.append((start_s, end_s))
        return tuple(runs)

    def share(self, start_s: float, end_s: float, beat_s: float = USUAL_BEAT_S) -> float:
        """Return the share of the time between two places of the file in which there is a voice, 0 to 1."""
        heard = sum(max(0.0, min(end, end_s) - max(start, start_s)) for start, end in self.runs(beat_s))
        return heard / (end_s - start_s) if end_s > start_s else 0.0

    def _loud_runs(self) -> list[tuple[int, int]]:
        """Return first and last index, the last exclusive, of each run that is long and sure enough."""
        level = np.frombuffer(self.likelihood, np.uint8) / VOICE_FULL
        open_at = np.flatnonzero(level >= VOICE_OPENS)
        closed = np.append(np.flatnonzero(level < VOICE_CLOSES), len(level))
        runs, free = [], 0
        for first in open_at.tolist():
            if first < free:
                continue
            free = int(closed[np.searchsorted(closed, first)])
            heard = level[first:free]
            is_long = len(heard) >= round(VOICE_LEAST_S / VOICE_HOP_S)
            if is_long and (heard.max() >= VOICE_PEAK or heard.mean() >= VOICE_MEAN):
                runs.append((first, free))
        return runs

    def to_json(self) -> dict[str, Any]:
        return {"likelihood": b64encode(self.likelihood).decode()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(b64decode(data["likelihood"]))


@dataclass(frozen=True, slots=True)
class Sections:
    """How a track is built of bars; bar k begins at the k-th of `Rhythm.downbeats`."""

    phrases: tuple[int, ...]  # bars that begin a phrase of 8; empty where the changes do not agree on them
    changes: tuple[int, ...]  # bars at which the sound changes most
    low: tuple[float, ...] = field(repr=False)  # low band of each bar; 1 is usual for the track

    def has_kick(self, bar: int) -> bool:
        """Tell whether the kick plays in a bar."""
        return 0 <= bar < len(self.low) and self.low[bar] >= KICK_ON

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(tuple(data["phrases"]), tuple(data["changes"]), tuple(data["low"]))


def key_name(key: int) -> str:
    """Return the name of a key from 0 to 23, such as "A minor"."""
    return f"{MINOR_TONICS[key - 12]} minor" if key >= 12 else f"{TONICS[key]} major"


def camelot(key: int) -> str:
    """Return the place of a key from 0 to 23 on the Camelot wheel: fifths are neighbours, A is minor."""
    is_minor = key >= 12
    major = (key + 3) % 12 if is_minor else key  # the relative major has the same number
    return f"{(major * 7 + 7) % 12 + 1}{'A' if is_minor else 'B'}"


def fold_tempo(tempo: float, beside: float) -> float:
    """Return `tempo`, doubled or halved as often as brings it closest to `beside`; both positive."""
    return float(tempo * 2.0 ** np.round(np.log2(beside / tempo)))
