"""One song at a join that may be beat-matched: what is used of it, and what is known of its music."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.music.measured import Voices

MusicMeter = Callable[[float, float], float]  # weighted seconds of music between two places of a file
Runs = tuple[tuple[float, float], ...]  # start and end of each voice, in seconds of the file


@dataclass(frozen=True, slots=True)
class ClubSide:
    """One song. Places are seconds of its file."""

    track: TrackAnalysis
    first_s: float  # what is used of it
    last_s: float
    free_from_s: float  # where the join before it leaves it alone
    is_set: bool  # its end (of the outgoing song) or its start (of the incoming one) is set by hand
    meter_music: Callable[[], MusicMeter] = field(compare=False)  # once: it takes longer than a look at it
    voices: Runs | None  # where a voice speaks or sings; None where it is not known

    def key(self) -> tuple[object, ...]:
        """Return all that its joins depend on."""
        track = self.track
        music = track.sha256, track.version, track.tags.title, track.rhythm, track.sections, track.voices
        return (*music, self.first_s, self.last_s, self.free_from_s, self.is_set)

    @property
    def name(self) -> str:
        return f"“{self.track.tags.title}”"

    @property
    def beat_s(self) -> float:
        assert self.track.rhythm is not None
        return 60.0 / self.track.rhythm.tempo


@lru_cache(maxsize=1_000)
def voice_runs(voices: Voices | None) -> Runs | None:
    """Return where a voice speaks or sings; None where it is not known."""
    return None if voices is None else voices.runs()
