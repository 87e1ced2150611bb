"""Where a track's audible part begins and ends, and how it ends, so that a join cuts only what nobody hears.

In: a track's momentary loudness every 100 ms, its integrated loudness, and its first and last sample above
-60 dBFS. Out: `CuePoints`, in frames of the file. All levels are relative to the track's own loudness:
absolute ones would do nothing on loud masters and cut into quiet ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, isfinite

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

HOPS_PER_S = 10  # the curve has a value every 100 ms ...
WINDOW_HOPS = 4  # ... of the 400 ms that begin there
AUDIBLE_LU = -42.0  # all levels are relative to the track's loudness: what is quieter at its ends is not used
BODY_LU = -8.0  # what is louder belongs to the body
TAIL_LU = -20.0  # where the overlap of a long tail may begin
SUSTAINED_DROP_LU = 4.0  # an ending that falls less than this from half to half is held, not fading
LONG_TAIL_S = 15.0
MIN_SILENCE_S = 3.0  # inside a song; a shorter one is a pause of the music
CUE_IN_TOLERANCE_S = 0.4  # one window: a track that sounds by then is played from its first sample
END_TOLERANCE_S = 0.01  # of silence after which an album may still run on into its next track
HELD_TOLERANCE_LU = 0.05  # a level held perfectly still must count as reaching its own mean
BODY_MIN_HOPS = 27  # as many windows as lie within 3 s: a single loud hit does not begin the body
FADE_MIN_S = 4.0  # a last note that rings out is shorter than a fade made on purpose
FADE_MIN_DROP_LU = 10.0
FADE_MAX_RISE_LU = 3.0  # a fade may still have beats in it
FADE_SMOOTHING_HOPS = 10  # 1 s, longer than a beat
SILENT_ENERGY = 1e-12  # -120 LU, so that logarithms stay finite


@dataclass(frozen=True, slots=True)
class CuePoints:
    """Positions in frames of the file, 0 <= cue_in <= intro_end <= outro_start <= cue_out <= frames."""

    cue_in: int  # first frame to use
    intro_end: int  # where the body begins
    outro_start: int  # where the body ends
    cue_out: int  # end of the part to use, exclusive
    first_sound: int  # first frame above -60 dBFS
    last_sound: int  # one past the last frame above -60 dBFS
    sustained: bool = False  # the ending is held at one level, so the outro starts where that ends
    long_tail: bool = False  # ... or it dies away so slowly that the outro starts late in it
    self_fading: bool = False  # the track fades out by itself, down to cue_out
    to_the_end: bool = False  # there is sound to the end of the file, so an album may run on from there


@dataclass(frozen=True, slots=True)
class _Levels:
    """Momentary loudness relative to the track's own, with times in frames."""

    curve: Curve
    rate: int
    end: int  # where the sound ends

    def first_above(self, level_lu: float) -> int:
        return self._hop_start(int(np.argmax(self.curve > level_lu)))

    def last_above(self, level_lu: float) -> int:
        """Return the end of the last window above a level, 0 when there is none."""
        above = np.flatnonzero(self.curve > level_lu)
        if not above.size:
            return 0
        if above[-1] == self.curve.size - 1:
            return self.end  # what follows the last whole window is too short to be judged
        return min(self.end, self._hop_start(int(above[-1]) + WINDOW_HOPS))

    def between(self, start: int, stop: int) -> Curve:
        """Return the windows that lie wholly within two frames."""
        first = ceil(start * HOPS_PER_S / self.rate)
        after_last = stop * HOPS_PER_S // self.rate - WINDOW_HOPS + 1
        return self.curve[first : max(first, after_last)]

    def body_start(self) -> int:
        """Return where a loud window begins 3 s that are as loud together, or else the first loud window."""
        energy = np.append(10 ** (self.curve / 10), np.zeros(BODY_MIN_HOPS - 1))
        together = np.lib.stride_tricks.sliding_window_view(energy, BODY_MIN_HOPS).mean(axis=1)
        loud = self.curve > BODY_LU
        lasting = loud & (together >= 10 ** (BODY_LU / 10))
        return self._hop_start(int(np.argmax(lasting if lasting.any() else loud)))

    def _hop_start(self, hop: int) -> int:
        return hop * self.rate // HOPS_PER_S


def find_cues(
    momentary_lufs: Sequence[float] | Curve,
    integrated_lufs: float | None,
    *,
    rate: int,
    frames: int,
    first_sound: int,
    last_sound: int,
    noise_until: int = 0,
    noise_from: int | None = None,
) -> CuePoints:
    """Return the cue points of a track of `frames` frames at `rate` Hz.

    `momentary_lufs` has one value for every 100 ms, -inf for silence. Where loudness could not be gated
    (`integrated_lufs` None or -inf) the bounds of the sound alone hold: the frames from `first_sound` up to
    `last_sound`, exclusive. What comes before `noise_until` and from `noise_from` on is noise and not used.
    """
    bounds = CuePoints(
        *(first_sound, first_sound, last_sound, last_sound, first_sound, last_sound),
        to_the_end=frames - last_sound <= END_TOLERANCE_S * rate,
    )
    curve = np.asarray(momentary_lufs, dtype=np.float64)
    if integrated_lufs is None or not isfinite(integrated_lufs):
        return bounds
    end = last_sound if noise_from is None else min(last_sound, noise_from)
    levels = _Levels(curve - integrated_lufs, rate, end)
    if not (levels.curve > BODY_LU).any():
        return bounds
    cue_in = max(first_sound, noise_until, levels.first_above(AUDIBLE_LU))
    if cue_in < CUE_IN_TOLERANCE_S * rate:
        cue_in = 0
    ending = _find_track_ending(levels)
    if ending.cue_out <= cue_in:
        return bounds
    outro_start = max(ending.outro_start, cue_in)
    return replace(
        bounds,
        cue_in=cue_in,
        intro_end=min(max(levels.body_start(), cue_in), outro_start),
        outro_start=outro_start,
        cue_out=ending.cue_out,
        sustained=ending.sustained,
        long_tail=ending.long_tail,
        self_fading=_fades_by_itself(levels, ending),
    )


@dataclass(frozen=True, slots=True)
class _TrackEnding:
    outro_start: int
    cue_out: int
    sustained: bool
    long_tail: bool


def _find_track_ending(levels: _Levels) -> _TrackEnding:
    """Take the latest of the places where the outro may begin; it lasts to the end of what is audible."""
    audible_end = levels.last_above(AUDIBLE_LU)
    body_end = levels.last_above(BODY_LU)
    held_level = _held_level(levels, body_end, audible_end)
    long_tail = audible_end - body_end > LONG_TAIL_S * levels.rate
    outro_start = max(
        body_end,
        levels.last_above(max(held_level, TAIL_LU) - HELD_TOLERANCE_LU) if held_level is not None else 0,
        levels.last_above(TAIL_LU) if long_tail else 0,
    )
    is_held = held_level is not None
    return _TrackEnding(outro_start, audible_end, is_held, long_tail and not is_held)


def _held_level(levels: _Levels, start: int, stop: int) -> float | None:
    """Return the mean level of the second half of an ending that hardly falls, None for one that falls."""
    middle = (start + stop) // 2
    first, second = levels.between(start, middle), levels.between(middle, stop)
    if not first.size or not second.size:
        return None
    level_lu = _mean_level(second)
    return level_lu if _mean_level(first) - level_lu < SUSTAINED_DROP_LU else None


def _fades_by_itself(levels: _Levels, ending: _TrackEnding) -> bool:
    """Say whether the level falls by 10 dB or more, hardly ever rising, from the outro's start to its end."""
    if ending.cue_out - ending.outro_start < FADE_MIN_S * levels.rate:
        return False
    energy = 10 ** (levels.between(ending.outro_start, ending.cue_out) / 10)
    if energy.size < FADE_SMOOTHING_HOPS:
        return False
    seconds = np.lib.stride_tricks.sliding_window_view(energy, FADE_SMOOTHING_HOPS).mean(axis=1)
    fade = 10 * np.log10(np.maximum(seconds, SILENT_ENERGY))
    drop_lu = fade[0] - fade[-1]
    rise_lu = (fade - np.minimum.accumulate(fade)).max()
    return bool(drop_lu >= FADE_MIN_DROP_LU and rise_lu <= FADE_MAX_RISE_LU)


def find_silences(
    momentary_lufs: Sequence[float] | Curve, integrated_lufs: float | None, cues: CuePoints, *, rate: int
) -> tuple[tuple[float, float], ...]:
    """Return start and length in seconds of each inaudible stretch inside a track, over MIN_SILENCE_S."""
    if integrated_lufs is None or not isfinite(integrated_lufs):
        return ()
    audible = np.asarray(momentary_lufs, dtype=np.float64) - integrated_lufs > AUDIBLE_LU
    first, last = cues.cue_in * HOPS_PER_S / rate, cues.cue_out * HOPS_PER_S / rate
    heard = np.flatnonzero(audible)
    heard = heard[(heard >= first - WINDOW_HOPS) & (heard < last)]
    silences = []
    for before, after in pairwise(heard.tolist()):
        # the windows between the two are silent, the first from its own start to the end of the last
        length_s = (after - before - 2 + WINDOW_HOPS) / HOPS_PER_S
        if after - before > 1 and length_s > MIN_SILENCE_S:
            silences.append(((before + 1) / HOPS_PER_S, length_s))
    return tuple(silences)


def _mean_level(curve: Curve) -> float:
    """Return the level of the mean energy, in LU."""
    return 10 * float(np.log10(max((10 ** (curve / 10)).mean(), SILENT_ENERGY)))
