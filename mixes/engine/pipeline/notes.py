"""Notes for a user about the songs and the pictures of a mix, besides what its plan says."""

from collections.abc import Sequence

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.repeats import repeat_notes
from mixes.engine.timeline import Clip


def notes_of(tracks: Sequence[TrackAnalysis], clips: Sequence[Clip], undrawable: str) -> tuple[str, ...]:
    """Return a sentence for each problem; `undrawable` are letters that no font here has."""
    problems = dict.fromkeys(f"“{track.tags.title}”: {note}" for track in tracks for note in track.notes)
    letters = "".join(dict.fromkeys(undrawable))
    text = f"No font on this machine has these letters, so the pictures leave them out: {letters}"
    return (*repeat_notes(tracks, clips), *problems, *((text,) if letters else ()))
