"""Which tracks of a mix follow each other on one album and run into each other."""

from collections.abc import Sequence
from itertools import pairwise

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.tags.tags import Tags

SOUND_DB = 4.0  # above the noise floor: sound, not the noise itself


def are_album_neighbours(before: TrackAnalysis, after: TrackAnalysis) -> bool:
    """Tell whether `after` is the next track of the same album and the sound runs on into it."""
    a, b = before.tags, after.tags
    same_album = (
        bool(a.album)
        and a.album.casefold() == b.album.casefold()
        and _album_artist(a) == _album_artist(b)
        and a.disc_number == b.disc_number
    )
    follows = a.track_number is not None and b.track_number == a.track_number + 1
    return same_album and follows and runs_on(before, after)


def runs_on(before: TrackAnalysis, after: TrackAnalysis) -> bool:
    """Tell whether there is sound on both sides of the border, not only noise; old analyses know one side."""
    levels_db = (before.end_above_floor_db, after.start_above_floor_db)
    return before.cues.to_the_end and all(level is None or level >= SOUND_DB for level in levels_db)


def _album_artist(tags: Tags) -> str:
    return (tags.album_artist or tags.artist).casefold()


def group_recordings(tracks: Sequence[TrackAnalysis], styles: Sequence[str]) -> list[int]:
    """Return a number per track; tracks of an album that run into each other have the same."""
    groups = [0]
    for (before, after), style in zip(pairwise(tracks), styles, strict=True):
        runs_on = style == "gapless" and are_album_neighbours(before, after)
        groups.append(groups[-1] + (not runs_on))
    return groups
