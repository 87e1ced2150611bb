"""From a track's analysis to what an order knows of it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mixes.engine.analysis.cues import HOPS_PER_S, WINDOW_HOPS
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.albums import are_album_neighbours
from mixes.engine.mixing.settings import Use
from mixes.engine.ordering.fit import OrderSong

EDGE_S = 15.0  # of a song that a join is judged by
FLOOR_LU, CEILING_LU = -20.0, 3.0  # loudness relative to the song's own that counts 0 and 1
SURE_MARGIN = 0.1  # lead of a key over the next one from which on it counts fully


def order_song(track: TrackAnalysis, use: Use | None = None, *, own_tempo: float | None = None) -> OrderSong:
    """Return what is known of a track as it is used: a tempo that is steady or set by hand."""
    rhythm, harmony = track.rhythm, track.harmony
    head, tail = _edges(track, use or Use())
    return OrderSong(
        artist=track.tags.artist,
        tempo=own_tempo or (rhythm.tempo if rhythm and rhythm.is_steady else None),
        key=harmony.key if harmony else None,
        key_trust=min(1.0, harmony.margin / SURE_MARGIN) if harmony else 0.0,
        tuning_cents=harmony.tuning_cents if harmony else None,
        head=head,
        tail=tail,
        loudness_lufs=track.integrated_lufs,
    )


def _edges(track: TrackAnalysis, use: Use) -> tuple[float | None, float | None]:
    """Return the loudness of the first and the last EDGE_S that are used, 0 to 1; None for silence."""
    if track.integrated_lufs is None:
        return None, None
    relative = np.array(track.momentary) - track.integrated_lufs
    level = np.clip((relative - FLOOR_LU) / (CEILING_LU - FLOOR_LU), 0.0, 1.0)
    cue_in_s = track.cues.cue_in / track.rate if use.cue_in_s is None else use.cue_in_s
    cue_out_s = track.cues.cue_out / track.rate if use.cue_out_s is None else use.cue_out_s
    first = min(round(cue_in_s * HOPS_PER_S), len(level))
    last = max(first, round(cue_out_s * HOPS_PER_S) - WINDOW_HOPS + 1)
    used, edge = level[first:last], round(EDGE_S * HOPS_PER_S)
    if not used.size:
        return None, None
    return round(float(used[:edge].mean()), 2), round(float(used[-edge:].mean()), 2)


def album_pairs(tracks: Sequence[TrackAnalysis]) -> frozenset[int]:
    """Return the places of tracks that run on into the next one, as on their album: an order keeps them."""
    return frozenset(place for place, pair in enumerate(pairwise(tracks)) if are_album_neighbours(*pair))
