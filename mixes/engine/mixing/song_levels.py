"""One song around its joins: its momentary power at its clip's gain, and the bounds of its body.

In: an analysis, the part that is used, a gain. Out: `SongLevels`, which the search for a join and the check
of a finished one read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.cues import BODY_LU, CuePoints
from mixes.engine.analysis.loudness import LUFS_OFFSET, lufs_to_power
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.club.sides import Runs, voice_runs

Power = NDArray[np.float64]  # mean square of K-weighted sound
Levels = NDArray[np.float64]  # the same in dB

HOP_S = 0.1  # between two windows of the momentary curve
WINDOW_S = 0.4  # of the momentary curve
QUIETEST_MUSIC_LU = -30.0  # below the song's loudness: weighs nothing as music ...
FULL_MUSIC_LU = -10.0  # ... and all
SIDE_S = 20.0  # of body beside a join that its loudness is compared with
HELD_SIDE_S = 5.0  # of an ending that is held
FAINT_LU = -18.0  # a held ending softer than this below its song is heard as nothing
LONG_TAIL_LU = -10.0  # an ending that dies away slowly is music down to here
SILENCE = 1e-12  # -120 dB, so that logarithms stay finite


@dataclass(frozen=True, slots=True)
class SongLevels:
    """One song around its joins. Seconds count from the start of its file."""

    power: Power  # of the 400 ms from k * HOP_S on, at the clip's gain
    loudness_db: float  # its integrated loudness, on the scale of `power`
    cue_in_s: float
    body_start_s: float
    body_end_s: float
    cue_out_s: float
    is_held: bool = False  # the ending is held at one level: music, to its end
    voices: Runs | None = None  # where a voice speaks or sings; None where it is not known

    @classmethod
    def of(cls, track: TrackAnalysis, cue_in_s: float, cue_out_s: float, gain_db: float) -> "SongLevels":
        """Return a track at its clip's gain, heard from `cue_in_s` to `cue_out_s` of its file."""
        power = lufs_to_power(np.asarray(track.momentary, dtype=np.float64) + gain_db)
        mean_db = float(to_db(power.mean() if len(power) else 0.0))
        gated_db = None if track.integrated_lufs is None else track.integrated_lufs + gain_db - LUFS_OFFSET
        body_start_s = min(max(track.cues.intro_end / track.rate, cue_in_s), cue_out_s)
        outro_start_s = track.cues.outro_start / track.rate
        song = cls(
            power=power,
            loudness_db=mean_db if gated_db is None else gated_db,
            cue_in_s=cue_in_s,
            body_start_s=body_start_s,
            body_end_s=min(max(outro_start_s, body_start_s), cue_out_s),
            cue_out_s=cue_out_s,
            voices=voice_runs(track.voices),
        )
        return song if cue_out_s < outro_start_s - HOP_S else song.judge_ending(track.cues)

    def judge_ending(self, cues: CuePoints) -> "SongLevels":
        """Return the song with its body as long as its ending is music by itself.

        A held ending is. One that dies away slowly or is held very softly may sound under the next song.
        """
        held_db = self.body_level_db(self.body_end_s - HELD_SIDE_S, self.body_end_s)
        if cues.sustained and held_db >= self.loudness_db + FAINT_LU:
            return replace(self, is_held=True)
        if cues.sustained or cues.long_tail:
            body_end_s = self.last_above(BODY_LU if cues.sustained else LONG_TAIL_LU)
            return replace(self, body_end_s=min(max(body_end_s, self.body_start_s), self.body_end_s))
        return self

    @property
    def longest_overlap_s(self) -> float:
        """Half of what is used of it."""
        return (self.cue_out_s - self.cue_in_s) / 2

    @property
    def outro_s(self) -> float:
        return self.cue_out_s - self.body_end_s

    @property
    def intro_s(self) -> float:
        return self.body_start_s - self.cue_in_s

    @property
    def end_level_db(self) -> float:
        """The level of the end of its body: of a held ending by itself."""
        side_s = HELD_SIDE_S if self.is_held else SIDE_S
        return self.body_level_db(self.body_end_s - side_s, self.body_end_s)

    @property
    def start_level_db(self) -> float:
        """The level of the start of its body."""
        return self.body_level_db(self.body_start_s, self.body_start_s + SIDE_S)

    def levels_at(self, times_s: NDArray[np.float64]) -> Power:
        """Return the power of the windows centred at `times_s`; 0 outside the file."""
        if not len(self.power):
            return np.zeros(len(times_s))
        places = (times_s - WINDOW_S / 2) / HOP_S
        return np.asarray(np.interp(places, np.arange(len(self.power)), self.power, left=0.0, right=0.0))

    def body_level_db(self, start_s: float, end_s: float) -> float:
        """Return the mean level of the windows between two places."""
        first, last = max(0, round(start_s / HOP_S)), round((end_s - WINDOW_S) / HOP_S) + 1
        part = self.power[first : max(last, first + 1)]
        return float(to_db(part.mean() if len(part) else 0.0))

    def last_above(self, level_lu: float) -> float:
        """Return the end of the last window above a level relative to its loudness."""
        loud = np.flatnonzero(to_db(self.power) > self.loudness_db + level_lu)
        return min(self.cue_out_s, float(loud[-1]) * HOP_S + WINDOW_S) if len(loud) else self.cue_out_s

    def music_weight(self, power: Power) -> Levels:
        """Return how much moments of this power count as music, 0 to 1."""
        above = to_db(power) - self.loudness_db - QUIETEST_MUSIC_LU
        return np.clip(above / (FULL_MUSIC_LU - QUIETEST_MUSIC_LU), 0.0, 1.0)

    def music_meter(self) -> Callable[[float, float], float]:
        """Return a quick `music_s` for many places."""
        sums: list[float] = np.cumsum(self.music_weight(self.power) * HOP_S).tolist()
        until = [0.0, *sums]

        def music_s(start_s: float, end_s: float) -> float:
            first, last = (round((place_s - WINDOW_S / 2) / HOP_S) for place_s in (start_s, end_s))
            return until[min(max(last, 0), len(until) - 1)] - until[min(max(first, 0), len(until) - 1)]

        return music_s

    def music_s(self, start_s: float, end_s: float) -> float:
        """Return the weighted seconds of music between two places."""
        times = np.arange(start_s, end_s, HOP_S)
        return float(self.music_weight(self.levels_at(times)).sum() * HOP_S)


def to_power(level_db: float) -> float:
    return float(10.0 ** (level_db / 10.0))


def to_db(power: NDArray[np.float64] | float) -> Levels:
    return 10.0 * np.log10(np.maximum(power, SILENCE))


def running_mean(values: Power, hops: int) -> Power:
    """Return the centred mean of `hops` neighbours along the last axis, of fewer at its ends."""
    padded = np.concatenate((np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)), axis=-1)
    index = np.arange(values.shape[-1])
    low, high = np.maximum(0, index - hops // 2), np.minimum(values.shape[-1], index - hops // 2 + hops)
    return np.asarray(np.maximum((padded[..., high] - padded[..., low]) / (high - low), 0.0))
