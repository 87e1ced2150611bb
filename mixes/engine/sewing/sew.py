"""Sew copied and encoded frames together, in order, at places where both sides fit.

Neighbouring granules overlap by half: at a seam their windows must have the same slopes in both channels. As
both are made on one grid from one sound, what a decoder adds up there is that sound. Main data needs room
among the slots; encoded frames need none before their own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mixes.engine.passthrough.excerpts import Song
from mixes.engine.passthrough.frames import MIXED_BLOCK, PIECE_FRAMES, Bytes, Frames, Unfit, take_apart
from mixes.engine.passthrough.grid import OUR_DELAY, RUN_OUT, RUN_UP
from mixes.engine.passthrough.packing import Packer
from mixes.engine.sewing.earlier import EncodedGroup, Landed
from mixes.engine.sewing.encoding import CannotSew, Made
from mixes.engine.sewing.passages import Passage
from mixes.engine.timeline import MP3_FRAME as FRAME
from mixes.engine.timeline import Timeline

SETTLED = 8  # frames after which an encoder no longer knows where it began
AHEAD = 600  # frames behind a seam for whose main data there must be room
STEEP_END, STEEP_START = (1, 2), (2, 3)  # kinds of windows that end steeply, and that begin so


@dataclass
class Sewn:
    """What was done: frames copied by clip, the runs of copied frames, and the seams."""

    copied: dict[int, int] = field(default_factory=dict)
    runs: list[tuple[int, int, int]] = field(
        default_factory=list
    )  # clip, first frame, the one behind the last
    seams: list[int] = field(default_factory=list)
    pieces: list[Landed] = field(default_factory=list)  # in order
    groups: tuple[EncodedGroup, ...] = ()  # the same by groups
    forced: int = 0  # seams at which slopes differ


@dataclass(frozen=True, slots=True)
class Copied:
    """The song that is copied at some place of the mix."""

    clip: int
    song: Song
    shift: int  # frames later in the mix than in the song
    step: int

    def at(self, first: int, end: int) -> Frames:
        """Return frames of the mix."""
        try:
            return take_apart(self.song.stream, first - self.shift, end - self.shift, self.step)
        except Unfit as unfit:
            raise CannotSew(str(unfit)) from unfit


class Sewer:
    """Yields the frames of a mix in order."""

    def __init__(
        self,
        timeline: Timeline,
        songs: Mapping[int, Song],
        passages: Sequence[Passage],
        take_made: Callable[[int], Iterator[Made]],
        packer: Packer,
        total: int,
    ) -> None:
        """`take_made` gives the encoded pieces of a passage, in order; passages are asked for in order."""
        self.sewn = Sewn()
        self._timeline, self._songs, self._passages = timeline, songs, passages
        self._take_made, self._packer, self._total = take_made, packer, total
        self._at = 0  # next frame of the mix

    def frames(self) -> Iterator[bytes]:
        """Yield all frames. Raises CannotSew, and what making passages raises."""
        for index, passage in enumerate(self._passages):
            pieces = self._take_made(index)
            made = next(pieces)
            if passage.first > self._at:
                copied = self._copied_at(self._at)
                goal = self._find_way_in(copied, passage, made)
                yield from self._copy(copied, goal)
                self.sewn.seams.append(self._at)
            yield from self._push_made(made, pieces, passage)
        if self._at < self._total:
            yield from self._copy(self._copied_at(self._at), self._total)
        yield from self._packer.take(everything=True)

    def _copied_at(self, frame: int) -> Copied:
        """Return the song whose frames are copied from a frame of the mix on."""
        heard = min(max(0, frame * FRAME - OUR_DELAY + FRAME + FRAME // 2), self._timeline.frames - 1)
        clips = self._timeline.clips
        index = max(place for place, clip in enumerate(clips) if clip.start <= heard)
        clip, song = clips[index], self._songs.get(index)
        if song is None:
            raise CannotSew(f"{clip.title} is not copied, but its place is.")
        shift = (clip.start - clip.cue_in - song.stream.delay + OUR_DELAY) // FRAME
        return Copied(index, song, shift, clip.gain_step or 0)

    def _find_way_in(self, copied: Copied, passage: Passage, made: Made) -> int:
        """Return the frame, from the passage's first backwards, from which on encoded frames can follow."""
        first = max(self._at + 1, passage.first - RUN_UP + SETTLED + 1, made.first)
        if first > passage.first:
            return passage.first
        before = copied.at(first - 1, passage.first).windows
        behind = made.at(first, passage.first + 1).windows
        fitting = [first + place for place in range(len(before)) if fits(before[place][1], behind[place][0])]
        self.sewn.forced += not fitting
        return fitting[-1] if fitting else passage.first

    def _copy(self, copied: Copied, end: int) -> Iterator[bytes]:
        """Copy frames up to `end`."""
        first = self._at
        while self._at < end:
            frames = copied.at(self._at, min(end, self._at + PIECE_FRAMES))
            self._push(frames)
            yield from self._packer.take()
        self.sewn.copied[copied.clip] = self.sewn.copied.get(copied.clip, 0) + end - first
        self.sewn.runs.append((copied.clip, first, end))

    def _push(self, frames: Frames) -> None:
        if self._packer.push(frames) < len(frames):
            raise CannotSew("There is no room for the frames of a song.")
        self._at += len(frames)

    def _push_made(self, made: Made, pieces: Iterator[Made], passage: Passage) -> Iterator[bytes]:
        """Write a passage, and what runs out behind it up to a seam where the next song goes on."""
        last, began = made, self._at
        for following in pieces:
            self._push(last.at(self._at, following.begin))
            yield from self._packer.take()
            self.sewn.pieces.append((began, last.begin, self._at))
            last, began = following, self._at
        self._push(last.at(self._at, max(self._at, passage.end)))
        if self._at < self._total:
            copied = self._copied_at(self._at)
            latest = min(passage.end + RUN_OUT - 3, self._total)
            while not self._can_go_on(last, copied) and self._at < latest:
                self._push(last.at(self._at, self._at + 1))
            if self._at < self._total:
                self.sewn.seams.append(self._at)
                self.sewn.forced += not self._slopes_fit(last, copied)
        self.sewn.pieces.append((began, last.begin, self._at))
        yield from self._packer.take()

    def _can_go_on(self, made: Made, copied: Copied) -> bool:
        """Tell whether copied frames can follow here: slopes fit, and there is room for what follows."""
        if not self._slopes_fit(made, copied):
            return False
        end = min(self._at + AHEAD, self._total, len(copied.song.stream) + copied.shift)
        ahead = copied.at(self._at, end)
        return self._packer.fitting(ahead) == len(ahead)

    def _slopes_fit(self, made: Made, copied: Copied) -> bool:
        before = made.at(self._at - 1, self._at).windows[0][1]
        return fits(before, copied.at(self._at, self._at + 1).windows[0][0])


def fits(before: Bytes, after: Bytes) -> bool:
    """Tell whether two granules overlap with the same slopes of their windows, in both channels."""
    same = np.isin(before, STEEP_END) == np.isin(after, STEEP_START)
    return bool((same & (before != MIXED_BLOCK) & (after != MIXED_BLOCK)).all())
