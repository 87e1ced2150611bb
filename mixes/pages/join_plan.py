"""One planned join as plain types, for the script that edits it in its picture.

Times of a song are seconds of its file, others are seconds of the mix; levels are dB on the file's own.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from django.urls import reverse

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.curves import Fades
from mixes.engine.mixing.transitions import STYLES
from mixes.engine.timeline import Clip, Timeline, Transition
from mixes.models import MixTrack
from mixes.services.drawing.track_detail import detail_tags
from mixes.services.editing.join_values import JoinValues, limits_of, planned_values

BEATS_S = 60.0  # beats are sent this far before and after where a song meets the other
CURVE_POINTS = 65  # of each gain curve, evenly spaced: lines between them are right to 0.0001


def join_plan(
    timeline: Timeline,
    place: int,
    items: tuple[MixTrack, MixTrack],
    values: JoinValues,
    tracks: Sequence[TrackAnalysis],
) -> dict[str, Any]:
    """Return join `place`: its songs, the gains over the overlap, what is automatic, how far values go."""
    transition, rate = timeline.transitions[place], timeline.rate
    clips = timeline.clips[place : place + 2]
    planned = values.planned
    limits = limits_of(
        values.room, planned["ends_at"], planned["begins_at"], values.by_hand.get("overlap", 0.0)
    )
    tags = detail_tags([item.track for item in items])
    return {
        "songs": [
            {
                **_song(clip, item, track, rate),
                **_beats(track, meets / rate),
                "detail": _detail(item, tags[item.track]),
            }
            for clip, item, track, meets in zip(
                clips, items, tracks, (clips[0].file_cue_out, clips[1].file_cue_in), strict=True
            )
        ],
        "style": transition.style,
        "stretch": round(clips[1].stretch, 9),
        **_meeting(transition, rate),
        "ride": transition.ride,
        "fades": _fades(timeline, clips[1].end),
        "by_hand": values.by_hand,
        "automatic": values.automatic,
        "untouched": {
            **planned_values(values.untouched, 0),
            **{name: values.automatic[name] for name in ("gain_a", "gain_b")},
            **_meeting(values.untouched.transitions[0], values.untouched.rate),
        },
        "limits": {name: _limit(**asdict(limit)) for name, limit in limits.items()},
    }


def _fades(timeline: Timeline, end: int) -> dict[str, list[tuple[float, float]]]:
    """Return the gain of the whole mix: how it rises, and how it falls in seconds from frame `end`.

    What falls moves with the songs: they come earlier when a join gets longer.
    """
    full = next((k for k, (_frame, gain) in enumerate(timeline.fades) if gain == 1.0), 0)
    rate = timeline.rate
    return {
        "rise": [(frame / rate, gain) for frame, gain in timeline.fades[: full + 1]],
        "fall": [((frame - end) / rate, gain) for frame, gain in timeline.fades[full:]],
    }


def _meeting(transition: Transition, rate: int) -> dict[str, Any]:
    """Return how two songs meet: for how long, below 0 with a pause, and the gains of both meanwhile."""
    falling, rising = STYLES[transition.style].gains(
        np.linspace(0.0, 1.0, CURVE_POINTS), Fades.of(transition, rate)
    )
    return {
        "overlap": transition.overlap / rate,
        "fade_out": transition.fade_out_s,
        "fade_in": transition.fade_in_s,
        "falling": np.round(falling, 4).tolist(),
        "rising": np.round(rising, 4).tolist(),
    }


def _song(clip: Clip, item: MixTrack, track: TrackAnalysis, rate: int) -> dict[str, Any]:
    """Return what is used of a song, and where in the mix it starts."""
    return {
        "title": item.track.title or item.track.name,
        "length": track.duration_s,
        "start": clip.start / rate,
        "end": clip.end / rate,
        "first": clip.file_cue_in / rate,
        "last": clip.file_cue_out / rate,
        "gain": clip.gain_db,
        "lufs": track.integrated_lufs,
        "copy": reverse("mixes:track_preview", args=[item.track_id]),
    }


def _beats(track: TrackAnalysis, meets_s: float) -> dict[str, list[float]]:
    """Return trusted beats around a second of the file, and those that begin a bar."""
    rhythm = track.rhythm
    if rhythm is None or not rhythm.is_steady:
        return {"beats": [], "bars": []}

    def near(frames: Sequence[int]) -> list[float]:
        return [
            round(frame / track.rate, 3) for frame in frames if abs(frame / track.rate - meets_s) <= BEATS_S
        ]

    return {"beats": near(rhythm.beats), "bars": near(rhythm.downbeats) if rhythm.has_bars else []}


def _detail(item: MixTrack, tag: str) -> str:
    """Return the address of a song's outline, whose bytes never change; a range of seconds is added to it."""
    return f"{reverse('mixes:track_detail', args=[item.track_id])}?v={tag}"


def _limit(least: float, most: float, least_words: str, most_words: str) -> dict[str, Any]:
    return {"least": least, "most": most, "leastWords": least_words, "mostWords": most_words}
