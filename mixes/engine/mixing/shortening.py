"""Shorten long silences inside songs: the frames that a clip leaves out, and its track as it then sounds.

The renderer skips the frames. Plans, drawings and checks read the shortened analysis, so a position inside a
clip means the same to all of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.settings import SHORTEST_USE_S, Use
from mixes.engine.mixing.song_levels import HOP_S
from mixes.engine.music.measured import VOICE_HOP_S, Voices
from mixes.engine.timeline import Skip, Timeline

LONG_SILENCE_S = 5.0
KEPT_SILENCE_S = 2.0  # what is left of a long silence

T = TypeVar("T")


def find_skips(track: TrackAnalysis, rate: int) -> tuple[Skip, ...]:
    """Return the frames at `rate` to leave out, the middle of each long silence."""
    return tuple(
        (round((start_s + KEPT_SILENCE_S / 2) * rate), round((length_s - KEPT_SILENCE_S) * rate))
        for start_s, length_s in track.silences
        if length_s >= LONG_SILENCE_S
    )


def as_played(timeline: Timeline, tracks: Sequence[TrackAnalysis]) -> list[TrackAnalysis]:
    """Return the analyses of a timeline's tracks without what its clips skip."""
    return [
        shorten(track, clip.skips, timeline.rate) for track, clip in zip(tracks, timeline.clips, strict=True)
    ]


def shorten_use(use: Use, skips: Sequence[Skip], rate: int) -> Use:
    """Return the use with its cues counted without the skipped frames."""
    if not skips:
        return use
    pieces_s = [(first / rate, frames / rate) for first, frames in skips]
    first_s = None if use.cue_in_s is None else shorten_place(use.cue_in_s, pieces_s)
    last_s = None if use.cue_out_s is None else shorten_place(use.cue_out_s, pieces_s)
    if last_s is not None:  # both cues may lie in one skip
        last_s = max(last_s, (first_s or 0.0) + 2 * SHORTEST_USE_S)
    return replace(use, cue_in_s=first_s, cue_out_s=last_s)


def shorten_place(place_s: float, pieces_s: Sequence[tuple[float, float]]) -> float:
    """Return a place of a file, counted without the pieces (start and length) that are left out."""
    return place_s - sum(min(length_s, max(0.0, place_s - first_s)) for first_s, length_s in pieces_s)


def shorten(track: TrackAnalysis, skips: Sequence[Skip], rate: int) -> TrackAnalysis:
    """Return the analysis of a track without the skipped frames, which are counted at `rate`."""
    if not skips:
        return track
    pieces_s = [(first / rate, frames / rate) for first, frames in skips]
    moved = partial(shorten_place, pieces_s=pieces_s)

    def frame(place: int) -> int:
        return round(moved(place / track.rate) * track.rate)

    cues = track.cues
    return replace(
        track,
        frames=frame(track.frames),
        rhythm=None,  # bars behind a cut do not go on as those before it
        sections=None,
        voices=track.voices
        and Voices(bytes(_without(tuple(track.voices.likelihood), pieces_s, 1 / VOICE_HOP_S))),
        cues=replace(
            cues,
            cue_in=frame(cues.cue_in),
            intro_end=frame(cues.intro_end),
            outro_start=frame(cues.outro_start),
            cue_out=frame(cues.cue_out),
            first_sound=frame(cues.first_sound),
            last_sound=frame(cues.last_sound),
        ),
        momentary=_without(track.momentary, pieces_s, 1 / HOP_S),
        bass=_without(track.bass, pieces_s, 1.0),
        peaks=_without(track.peaks, pieces_s, len(track.peaks) / track.duration_s),
        silences=tuple(
            (moved(start_s), moved(start_s + length_s) - moved(start_s))
            for start_s, length_s in track.silences
        ),
    )


def _without(values: tuple[T, ...], pieces_s: Sequence[tuple[float, float]], per_s: float) -> tuple[T, ...]:
    """Return evenly spaced values, `per_s` of them a second, without those of the pieces."""
    kept: list[T] = []
    read = 0
    for first_s, length_s in pieces_s:
        kept += values[read : round(first_s * per_s)]
        read = round((first_s + length_s) * per_s)
    return tuple(kept) + values[read:]
