"""Which tracks of a mix follow each other on one album and run into each other."""

from collections.abc import Sequence
from itertools import pairwise

from mixes.engine.analysis.track import TrackAnalysis


def are_album_neighbours(before: TrackAnalysis, after: TrackAnalysis) -> bool:
    """Tell whether `after` is the next track of the same album and `before` sounds to its very end."""
    a, b = before.tags, after.tags
    same_album = bool(a.album) and a.album.casefold() == b.album.casefold() and a.disc_number == b.disc_number
    follows = a.track_number is not None and b.track_number == a.track_number + 1
    return same_album and follows and before.cues.to_the_end


def group_recordings(tracks: Sequence[TrackAnalysis], styles: Sequence[str]) -> list[int]:
    """Return a number per track; tracks of an album that run into each other have the same."""
    groups = [0]
    for (before, after), style in zip(pairwise(tracks), styles, strict=True):
        runs_on = style == "gapless" and are_album_neighbours(before, after)
        groups.append(groups[-1] + (not runs_on))
    return groups
