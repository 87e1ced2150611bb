"""Songs that are in a mix more than once, in sentences for the user."""

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.timeline import Clip

TIMES = {2: "twice", 3: "three times"}


def repeat_notes(tracks: Sequence[TrackAnalysis], clips: Sequence[Clip] = ()) -> tuple[str, ...]:
    """Return a sentence for each song that is there more than once: the same file, or the same sound.

    Clips without a line in the tracklist are not meant: jingles are there to be repeated.
    """
    places: dict[object, list[int]] = {}
    lengths = Counter((track.frames, track.rate, track.true_peak_dbtp) for track in tracks)
    for place, (track, clip) in enumerate(zip_longest(tracks, clips), 1):
        if clip and clip.unlisted:
            continue
        if lengths[track.frames, track.rate, track.true_peak_dbtp] == 1:
            continue  # equal to no other: its windows need not be compared
        # files that differ in their tags alone are alike in every window; two short tones may be by chance
        sound = (track.frames, track.rate, track.true_peak_dbtp, track.momentary)
        places.setdefault(sound if len(set(track.momentary)) > 2 else track.sha256, []).append(place)
    return tuple(
        f"Song {where[0]} is in this mix {TIMES.get(len(where), f'{len(where)} times')} "
        f"(places {', '.join(map(str, where[:-1]))} and {where[-1]}): “{tracks[where[0] - 1].tags.title}”."
        for where in places.values()
        if len(where) > 1
    )
