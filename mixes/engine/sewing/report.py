"""What of a mix is its songs' own frames, as a value and in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.codecs.mp3 import encoder_frames
from mixes.engine.passthrough.grid import OUR_DELAY, RUN_OUT, RUN_UP
from mixes.engine.sewing.earlier import EncodedGroup
from mixes.engine.sewing.passages import Passage, find_passages
from mixes.engine.sewing.sew import Sewn
from mixes.engine.timeline import MP3_FRAME as FRAME
from mixes.engine.timeline import Timeline

Run = tuple[int, int, int]  # clip, its first frame of the mix, the one behind the last


@dataclass(frozen=True, slots=True)
class PassedSong:
    """One song: the part of its frames that is copied, and why it is encoded, if it is."""

    title: str
    share: float
    reason: str


@dataclass(frozen=True, slots=True)
class PassedThrough:
    """How many frames of how many are copied, song by song, and where they lie."""

    frames: int
    of: int
    songs: tuple[PassedSong, ...]
    runs: tuple[Run, ...]
    groups: tuple[EncodedGroup, ...] = ()  # where the encoded pieces lie, for the next version of the mix

    @property
    def share(self) -> float:
        return self.frames / self.of

    @property
    def sentence(self) -> str:
        """Say it to a user."""
        own = f"{self.share * 100:.0f} % of this mix is your files' own sound."
        if len(self.songs) == 1:
            return f"The song passes through untouched: {own}"
        copied = sum(song.share > 0 for song in self.songs)
        verb = "passes" if copied == 1 else "pass"
        return f"{copied} of {len(self.songs)} songs {verb} through untouched: {own}"

    def to_dict(self) -> dict[str, Any]:
        groups = [(group.key, group.landed) for group in self.groups]
        return {**self.to_json(), "runs": self.runs, "groups": groups}

    def to_json(self) -> dict[str, Any]:
        """Return what other programs are given: frames and songs."""
        songs = [
            {"title": song.title, "share": round(song.share, 4), "reason": song.reason} for song in self.songs
        ]
        return {"frames": self.frames, "of": self.of, "songs": songs}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self | None:
        """Read what `to_dict` gave; None for an empty mapping."""
        if not data:
            return None
        songs = tuple(PassedSong(**song) for song in data["songs"])
        runs = tuple((clip, first, end) for clip, first, end in data["runs"])
        groups = tuple(map(EncodedGroup.read, data.get("groups", ())))
        return cls(data["frames"], data["of"], songs, runs, groups)


def report(timeline: Timeline, sewn: Sewn) -> PassedThrough:
    """Return what was copied of a finished mix."""
    return replace(_summed(timeline, sewn.runs), groups=sewn.groups)


def nothing_copied(timeline: Timeline) -> PassedThrough | None:
    """Return the report of a mix whose MP3 songs are all encoded; None where none could be copied."""
    return _summed(timeline, ()) if any(clip.encoded_because for clip in timeline.clips) else None


def planned_report(
    timeline: Timeline, tracks: Sequence[TrackAnalysis], *, keeps_peaks: bool
) -> PassedThrough | None:
    """Return about what will be copied of a mix; None where nothing is. All runs are a little short."""
    if not any(clip.is_copied for clip in timeline.clips):
        return None
    total = encoder_frames(timeline.frames)
    passages = find_passages(timeline, tracks, keeps_peaks=keeps_peaks)
    edges = [Passage(0, 0, (0, 0), frozenset()), *passages, Passage(total, total, (0, 0), frozenset())]
    runs = []
    for before, after in pairwise(edges):
        first = before.end + (RUN_OUT if before.end else 0)
        end = after.first - (RUN_UP if after.first < total else 0)
        heard = min(max(0, (first + end) // 2 * FRAME - OUR_DELAY), timeline.frames - 1)
        clips = [index for index, clip in enumerate(timeline.clips) if clip.start <= heard < clip.end]
        if first < end and clips:
            runs.append((clips[-1], first, end))
    return _summed(timeline, runs)


def _summed(timeline: Timeline, runs: Sequence[Run]) -> PassedThrough:
    copied = [0] * len(timeline.clips)
    for clip, first, end in runs:
        copied[clip] += end - first
    songs = tuple(
        PassedSong(clip.title, min(1.0, frames * FRAME / clip.length), clip.encoded_because)
        for clip, frames in zip(timeline.clips, copied, strict=True)
    )
    return PassedThrough(sum(copied), encoder_frames(timeline.frames), songs, tuple(runs))
