"""The timeline of a mix: the position of each clip, its transition into the next one, and the reason.

Frozen data in integer frames at the mix rate, made by mixing/plan.py. The renderer, chapters, CUE sheet,
description and check sheet all read it, so they cannot disagree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.engine.errors import TimelineError

# Of `to_dict`: 1 had one fade per transition, on or off; 2 had no skips; 3 no fades, no `unlisted`; 4 nothing
# stretched, nothing copied
FORMAT = 5
MP3_FRAME = 1152  # samples
RADIO_FADE_IN_S = 0.05  # of the incoming clip in style `radio`

Places = NDArray[np.float64]
Skip = tuple[int, int]  # first frame of a file that is left out, and how many, at the mix rate


@dataclass(frozen=True, slots=True)
class Clip:
    """One track, trimmed and placed in the mix. All positions are frames at the mix rate.

    What it skips inside its file counts nowhere but in `skips`: the sound behind a skip follows at once.
    """

    title: str
    artist: str
    cue_in: int  # first frame used, counted from the start of the file, without skipped frames
    length: int
    start: int  # position in the mix
    gain_db: float
    ramp_in: int = 0  # frames of a gain ramp from 0 where the cue cuts into sound; 0: no ramp
    ramp_out: int = 0
    skips: tuple[Skip, ...] = ()  # the middles of long silences, in order
    unlisted: bool = False  # left out of the tracklist, such as a jingle
    # Its first frames are played faster or slower than the file has them, so that beats meet: how many
    # frames of the file become how many of the mix; 0 and 0: nothing is stretched
    head_source: int = 0
    head_frames: int = 0
    # MP3 frames that are copied: steps of 1.505 dB that make the gain, and `start - cue_in` modulo MP3_FRAME;
    # None: the clip is encoded, and in a mix that copies others there is a reason
    gain_step: int | None = None
    grid: int | None = None
    encoded_because: str = ""

    @property
    def is_copied(self) -> bool:
        """Return whether its MP3 frames are copied where nothing changes them."""
        return self.gain_step is not None

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def source_length(self) -> int:
        """Return how many frames of the file are used, without skipped ones."""
        return self.length + self.head_source - self.head_frames

    @property
    def stretch(self) -> float:
        """Return how many seconds of the file its first second has; 1 where nothing is stretched."""
        return self.head_source / self.head_frames if self.head_frames else 1.0

    def drift(self, places: Places) -> Places:
        """Return how much more of the file than of the mix is played up to places of the clip, in frames."""
        return np.clip(places, 0, self.head_frames) * (self.stretch - 1.0)

    def place_of(self, source: float) -> float:
        """Return the place of the clip at which a place of the file is heard, counted from `cue_in`."""
        if source < self.head_source:
            return source / self.stretch
        return source - self.head_source + self.head_frames

    @property
    def file_cue_in(self) -> int:
        """Return the first frame used, as the file counts it."""
        first = self.cue_in
        for skip, frames in self.skips:
            first += frames if skip <= first else 0
        return first

    @property
    def file_cue_out(self) -> int:
        """Return the frame after the last one used, as the file counts it."""
        last = self.cue_in + self.source_length
        for skip, frames in self.skips:
            last += frames if skip < last else 0
        return last

    def seams(self) -> tuple[Skip, ...]:
        """Return where skipped frames are left out inside the clip, counted from its start, and how many.

        Nothing is skipped where sound is stretched.
        """
        places, skipped = [], 0
        for first, frames in self.skips:
            place = first - skipped - self.cue_in - self.head_source + self.head_frames
            skipped += frames
            if self.head_frames < place < self.length:
                places.append((place, frames))
        return tuple(places)


@dataclass(frozen=True, slots=True)
class Transition:
    """How one clip changes into the next; a negative `overlap` is a gap of silence."""

    style: str
    overlap: int
    reason: str  # one sentence for the user
    crossover: int = 0  # frames from the incoming clip's start to where it becomes the louder clip
    fade_out_s: float = 0.0  # up to the outgoing clip's end; 0 where only its own ending is heard
    fade_in_s: float = 0.0  # from the incoming clip's start; 0 where it begins at its own level
    soften: bool = False
    bass_swap_s: float | None = None  # from the incoming clip's start: when its bass takes over; None: never
    bass_swap_length_s: float = 1.0  # in which it takes over
    ride: tuple[tuple[float, float], ...] = ()  # gain of the mix: (s from the incoming clip's start, dB)
    gist: str = ""  # what matters most of the reason, as a key of wording.HINTS
    bars: int = 0  # over which the beats of both songs meet; 0 where they are not matched
    why_not_club: str = ""  # one sentence where beats should have been matched and are not


Envelope = tuple[tuple[int, float], ...]  # (frame of the mix, gain), straight between, held beyond

CLIP_FIELDS = tuple(field.name for field in fields(Clip))
TRANSITION_FIELDS = tuple(field.name for field in fields(Transition))


@dataclass(frozen=True, slots=True)
class Timeline:
    """A whole mix: its length is the sum of clips minus the sum of overlaps, checked on construction."""

    rate: int
    clips: tuple[Clip, ...]
    transitions: tuple[Transition, ...]
    fades: Envelope = ()  # of the whole mix

    def __post_init__(self) -> None:
        """Raise TimelineError when clips and transitions do not fit together."""
        if not self.clips or len(self.transitions) != len(self.clips) - 1:
            raise TimelineError("A mix needs at least one track, and one transition between neighbours.")
        if self.clips[0].start or any(clip.length < 1 or clip.cue_in < 0 for clip in self.clips):
            raise TimelineError("Every track in a mix needs sound, and the first starts at its beginning.")
        if any(not _is_head_possible(clip) for clip in self.clips):
            raise TimelineError("What is stretched of a track is a part of it.")
        if any(not _are_in_order(clip.skips) for clip in self.clips):
            raise TimelineError("What is left out of a track has to be in order, without overlaps.")
        if any(clip.is_copied and not _is_on_grid(clip) for clip in self.clips):
            raise TimelineError("A track whose MP3 frames are copied has to lie on their grid.")
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
        """Yield (outgoing clip, incoming clip, transition) for each pair of neighbours."""
        return zip(self.clips, self.clips[1:], self.transitions, strict=False)

    def chapter_starts(self) -> tuple[int, ...]:
        """Return the frame at which each clip becomes the louder one: the first is 0, none decreases."""
        crossovers = (after.start + transition.crossover for _, after, transition in self.joins())
        return tuple(accumulate((0, *crossovers), max))

    def to_dict(self) -> dict[str, Any]:
        """Return the timeline as plain types for JSON."""
        clips = [{name: getattr(clip, name) for name in CLIP_FIELDS} for clip in self.clips]
        joins = [{name: getattr(join, name) for name in TRANSITION_FIELDS} for join in self.transitions]
        return {
            "format": FORMAT,
            "rate": self.rate,
            "clips": clips,
            "transitions": joins,
            "fades": self.fades,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Timeline":
        """Return the timeline stored by `to_dict`. Raises TimelineError when its lengths do not fit."""
        clips = tuple(map(_read_clip, data["clips"]))
        rate = data["rate"]
        read = _read_first_format if data.get("format", 1) == 1 else _read_transition
        transitions = tuple(read(transition, rate) for transition in data["transitions"])
        fades = tuple((frame, gain) for frame, gain in data.get("fades", ()))
        return cls(rate, clips, transitions, fades)


def _is_head_possible(clip: Clip) -> bool:
    is_whole = (clip.head_source > 0) == (clip.head_frames > 0)
    return is_whole and 0 <= clip.head_frames <= clip.length and clip.head_source >= 0


def _is_on_grid(clip: Clip) -> bool:
    is_plain = not clip.skips and not clip.head_frames and clip.grid is not None
    return is_plain and (clip.start - clip.cue_in - (clip.grid or 0)) % MP3_FRAME == 0


def _are_in_order(skips: tuple[Skip, ...]) -> bool:
    ends = (0, *(first + frames for first, frames in skips))
    return all(frames > 0 and first >= end for (first, frames), end in zip(skips, ends, strict=False))


def _read_clip(data: dict[str, Any]) -> Clip:
    return Clip(**{**data, "skips": tuple((first, frames) for first, frames in data.get("skips", ()))})


def _read_transition(data: dict[str, Any], rate: int) -> Transition:
    return Transition(**{**data, "ride": tuple((s, level_db) for s, level_db in data.get("ride", ()))})


def _read_first_format(data: dict[str, Any], rate: int) -> Transition:
    """Read a transition of format 1, whose fades last as long as the overlap, or not at all."""
    fields = dict(data)
    overlap_s = max(0, data["overlap"]) / rate
    fade_out_s = overlap_s if fields.pop("fade_out", True) else 0.0
    fade_in_s = min(RADIO_FADE_IN_S, overlap_s) if data["style"] == "radio" else overlap_s
    return Transition(**fields, fade_out_s=fade_out_s, fade_in_s=fade_in_s)
