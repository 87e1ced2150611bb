"""The one object everything reads: where each clip lies, how it passes into the next, and why.

Pure frozen data in integer frames at the mix rate, made by planning.py. Render, chapters, CUE sheet,
description and check sheet all read it, so they cannot disagree.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from mixes.engine.errors import TimelineError


@dataclass(frozen=True, slots=True)
class Clip:
    """The placed, trimmed use of one track. All positions are frames at the mix rate."""

    title: str
    artist: str
    cue_in: int  # first frame used, counted from the start of the file
    length: int
    start: int  # where it begins in the mix
    gain_db: float
    ramp_in: int = 0  # frames over which the gain rises from 0 where sound was cut off (0: none)
    ramp_out: int = 0

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Transition:
    """How one clip passes into the next; `overlap` is negative for a gap of silence."""

    style: str
    overlap: int
    reason: str  # one sentence a user can read
    crossover: int = 0  # frames from the incoming clip's start to where it becomes the louder one
    fade_out: bool = True  # False where the outgoing track already fades by itself
    soften: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """A whole mix: `length = sum of clips - sum of overlaps`, checked on construction."""

    rate: int
    clips: tuple[Clip, ...]
    transitions: tuple[Transition, ...]

    def __post_init__(self) -> None:
        """Check the law of lengths; raises TimelineError."""
        if not self.clips or len(self.transitions) != len(self.clips) - 1:
            raise TimelineError("A mix needs at least one track, and one transition between neighbours.")
        if self.clips[0].start or any(clip.length < 1 or clip.cue_in < 0 for clip in self.clips):
            raise TimelineError("Every track in a mix needs sound, and the first starts at its beginning.")
        for before, after, transition in self.joins():
            if after.start != before.end - transition.overlap:
                raise TimelineError(f"{after.title} does not start where the overlap says.")
            if transition.overlap > min(after.length, before.end):
                raise TimelineError(
                    f"The overlap into {after.title} is longer than what there is to overlap."
                )

    @property
    def frames(self) -> int:
        return self.clips[-1].end

    @property
    def duration_s(self) -> float:
        return self.frames / self.rate

    def joins(self) -> Iterator[tuple[Clip, Clip, Transition]]:
        """Yield every transition between its outgoing and its incoming clip."""
        return zip(self.clips, self.clips[1:], self.transitions, strict=False)

    def chapter_starts(self) -> tuple[int, ...]:
        """Frames at which each clip becomes the louder one: the first is 0, none lies before the last."""
        crossovers = (after.start + transition.crossover for _, after, transition in self.joins())
        return tuple(accumulate((0, *crossovers), max))

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Timeline":
        """Make a timeline of what `to_dict` gave; raises TimelineError when it breaks the law."""
        clips = tuple(Clip(**clip) for clip in data["clips"])
        transitions = tuple(Transition(**transition) for transition in data["transitions"])
        return cls(data["rate"], clips, transitions)
