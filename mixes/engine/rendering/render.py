"""A `Timeline` and its files to blocks of sound, holding one transition window and never a song.

In: the timeline and one path per clip. Out: blocks of float32, shape (frames, 2), at the mix rate, before
the limiter.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.resampling import LENGTH_TOLERANCE_S
from mixes.engine.codecs.seeking import SeekIndex, Sound, open_near
from mixes.engine.errors import DecodeError
from mixes.engine.mixing.curves import Fades, Gains, db_to_gain, positions
from mixes.engine.mixing.mix_fades import fade_blocks
from mixes.engine.mixing.ride import ride_blocks, rides_of
from mixes.engine.mixing.transitions import PRIME_S, RAMP_S, STYLES, Window, declick
from mixes.engine.rendering.stretch import lead_frames, needed_frames, stretch_head
from mixes.engine.samples import Samples
from mixes.engine.timeline import Clip, Timeline, Transition

NO_SOUNDS: Mapping[int, Sound] = MappingProxyType({})
BLOCK_S = 0.5  # larger arrays go back to the system each time, smaller ones cost more calls


def render_blocks(
    timeline: Timeline,
    paths: Sequence[Path],
    indexes: Sequence[SeekIndex | None] = (),
    *,
    ffmpeg: Path,
    should_stop: ShouldStop = never,
) -> Iterator[Samples]:
    """Yield the whole mix, `timeline.frames` frames of shape (frames, 2), from first to last.

    `paths` and `indexes` have one entry per clip; a clip without an index is decoded from the beginning of
    its file. Raises DecodeError when a file is no longer what was measured, Cancelled.
    """
    joined = join_blocks(timeline, paths, indexes, ffmpeg=ffmpeg, should_stop=should_stop)
    ridden = ride_blocks(joined, rides_of(timeline), timeline.rate)
    yield from fade_blocks(ridden, timeline.fades)


def join_blocks(
    timeline: Timeline,
    paths: Sequence[Path],
    indexes: Sequence[SeekIndex | None] = (),
    *,
    sounds: Mapping[int, Sound] = NO_SOUNDS,
    ffmpeg: Path,
    should_stop: ShouldStop = never,
) -> Iterator[Samples]:
    """Yield the clips of the mix joined to each other, before rides and fades. Raises as `render_blocks`.

    `sounds` are clips, by their place, whose samples are at hand from their cues on.
    """
    block_frames = round(BLOCK_S * timeline.rate)
    tail = MixTail(margin=round(PRIME_S * timeline.rate))
    with contextlib.ExitStack() as stack:
        readers = prefetch_readers(stack, timeline, paths, indexes, sounds, ffmpeg, should_stop)
        for index, (clip, reader) in enumerate(zip(timeline.clips, readers, strict=True)):
            if index:
                mix_join(tail, reader, timeline.transitions[index - 1], timeline.rate)
            needed_from = min((later.start for later in timeline.clips[index + 1 :]), default=clip.end)
            yield from tail.release(needed_from)
            while len(block := reader.read(block_frames)):
                tail.append(block)
                yield from tail.release(needed_from)
        yield from tail.release(timeline.frames + tail.margin)


def prefetch_readers(
    stack: contextlib.ExitStack,
    timeline: Timeline,
    paths: Sequence[Path],
    indexes: Sequence[SeekIndex | None],
    sounds: Mapping[int, Sound],
    ffmpeg: Path,
    should_stop: ShouldStop,
) -> Iterator["ClipReader"]:
    """Yield a reader per clip, the next one already decoding; each ends when its follower is asked for."""

    def start(index: int) -> ClipReader:
        clip, seek_index = timeline.clips[index], indexes[index] if indexes else None
        first = clip.file_cue_in - lead_frames(clip, timeline.rate)
        if (sound := sounds.get(index)) is not None:
            at_hand = contextlib.nullcontext((sound, first))
            return stack.enter_context(ClipReader(clip, at_hand, ffmpeg, should_stop))
        opened = open_near(ffmpeg, paths[index], timeline.rate, first, seek_index, should_stop=should_stop)
        return stack.enter_context(ClipReader(clip, opened, ffmpeg, should_stop))

    upcoming = start(0)
    for index in range(len(paths)):
        reader = upcoming
        if index + 1 < len(paths):
            upcoming = start(index + 1)
        yield reader
        reader.close()


def mix_join(tail: "MixTail", reader: "ClipReader", transition: Transition, rate: int) -> None:
    """Mix the beginning of the incoming clip into the end of the mix so far, or put silence between them."""
    if transition.overlap < 0:
        tail.append(np.zeros((-transition.overlap, 2), dtype=np.float32))
        return
    if transition.overlap == 0:
        join_gapless(tail, reader, rate)
        return
    incoming = reader.read(transition.overlap)
    before, outgoing = tail.split(transition.overlap)
    window = Window(
        outgoing,
        incoming,
        before[-tail.margin :],
        rate,
        fades=Fades.of(transition, rate),
        soften=transition.soften,
        bass_swap_s=transition.bass_swap_s,
        bass_swap_length_s=transition.bass_swap_length_s,
    )
    tail.replace(before, STYLES[transition.style].mix(window))


def join_gapless(tail: "MixTail", reader: "ClipReader", rate: int) -> None:
    """Let the incoming clip follow the end of the mix; where the sound would jump, both ends get a ramp."""
    incoming = reader.read(round(RAMP_S * rate))
    before, outgoing = tail.split(len(incoming))
    tail.replace(before, *declick(outgoing, incoming))


class MixTail:
    """The end of the mix so far: what a later clip will be mixed into, and a margin before it."""

    def __init__(self, margin: int) -> None:
        self.margin = margin  # frames kept for filters to hear first
        self._blocks: deque[Samples] = deque()
        self._start = 0  # frame of the mix where the first block begins

    def append(self, block: Samples) -> None:
        self._blocks.append(block)

    def release(self, needed_from: int) -> Iterator[Samples]:
        """Give up what lies more than the margin before frame `needed_from` of the mix."""
        limit = needed_from - self.margin
        while self._blocks and self._start < limit:
            block = self._blocks.popleft()
            if len(block) > limit - self._start:
                self._blocks.appendleft(block[limit - self._start :])
                block = block[: limit - self._start]
            self._start += len(block)
            yield block

    def split(self, overlap: int) -> tuple[Samples, Samples]:
        """Return all that is held, parted `overlap` frames before its end."""
        held = np.concatenate(self._blocks)
        return held[: len(held) - overlap], held[len(held) - overlap :]

    def replace(self, *blocks: Samples) -> None:
        """Hold these blocks instead, in the same place."""
        self._blocks = deque(blocks)


class ClipReader(contextlib.AbstractContextManager["ClipReader"]):
    """Reads one clip out of its file: from its cue-in, at its gain, to its exact length.

    What it skips is decoded and dropped. Ramps begin and end it, and lie around the seams of its skips. What
    is stretched of it is stretched at once, and held.
    """

    def __init__(
        self,
        clip: Clip,
        opened: contextlib.AbstractContextManager[tuple[Sound, int]],
        ffmpeg: Path,
        should_stop: ShouldStop,
    ) -> None:
        """Read from a sound, and the frame of the file at which it begins: that of the cue-in, or earlier."""
        self._clip = clip
        self._ffmpeg, self._should_stop = ffmpeg, should_stop
        self._stack = contextlib.ExitStack()
        self._sound, first = self._stack.enter_context(opened)
        self._gain = np.float32(db_to_gain(clip.gain_db))
        self._position = 0  # frames of the clip given out
        self._frames_to_drop = clip.file_cue_in - lead_frames(clip, self._sound.rate) - first
        self._held: Samples = np.empty((0, 2), dtype=np.float32)  # ahead of the sound: not given out yet
        self._seams = deque(clip.seams())  # those ahead
        self._ramps = list(_ramps_of(clip, round(RAMP_S * self._sound.rate)))

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoder; harmless when it has ended."""
        self._stack.close()

    def read(self, frames: int) -> Samples:
        """Return the next frames of the clip, fewer only at its end; raises DecodeError, Cancelled."""
        self._begin()
        frames = min(frames, self._clip.length - self._position)
        if not frames:
            return np.empty((0, 2), dtype=np.float32)
        block = self._decode_across_seams(frames)
        if self._gain != 1.0:
            block *= self._gain
        for first, gains in self._ramps:
            self._weigh(block, first, gains)
        self._position += frames
        return block

    def _begin(self) -> None:
        """Go to the first frame of the clip, and stretch what is stretched; do nothing the next time."""
        frames, self._frames_to_drop = self._frames_to_drop, 0
        self._drop(frames)
        clip, rate = self._clip, self._sound.rate
        if self._position or len(self._held) or not clip.head_frames:
            return
        sound = self._sound.read(needed_frames(clip, rate))
        plain_from = lead_frames(clip, rate) + clip.head_source
        self._require(len(sound), plain_from)
        head = stretch_head(self._ffmpeg, clip, sound, rate, should_stop=self._should_stop)
        self._held = np.concatenate((head, sound[plain_from:]))

    def _drop(self, frames: int) -> None:
        """Decode frames that are not played."""
        while frames:
            frames -= len(self._decode(min(frames, self._sound.rate)))

    def _decode_across_seams(self, frames: int) -> Samples:
        """Decode the next frames of the clip."""
        pieces, place, end = [], self._position, self._position + frames
        while self._seams and self._seams[0][0] < end:
            seam, skipped = self._seams.popleft()
            if seam > place:
                pieces.append(self._decode(seam - place))
            self._drop(skipped)
            place = seam
        pieces.append(self._decode(end - place))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _decode(self, frames: int) -> Samples:
        held, self._held = self._held[:frames], self._held[frames:]
        block = self._sound.read(frames - len(held)) if len(held) < frames else held
        block = np.concatenate((held, block)) if 0 < len(held) < frames else block
        missing = frames - len(block)
        if missing:
            self._require(self._position + len(block), self._clip.length)
            block = np.concatenate([block, np.zeros((missing, 2), dtype=np.float32)])
        return block

    def _require(self, frames: int, wanted: int) -> None:
        """Raise DecodeError where the file has far fewer frames than wanted."""
        if wanted - frames > LENGTH_TOLERANCE_S * self._sound.rate:
            raise DecodeError(self._sound.path, "it is shorter than when it was measured.")

    def _weigh(self, block: Samples, first: int, gains: Gains) -> None:
        """Multiply the frames of `block` that lie at the gains, which begin at frame `first` of the clip."""
        start, end = max(first, self._position), min(first + len(gains), self._position + len(block))
        if start < end:
            weights = gains[start - first : end - first].astype(np.float32)
            block[start - self._position : end - self._position] *= weights[:, np.newaxis]


def _ramps_of(clip: Clip, seam_ramp: int) -> Iterator[tuple[int, Gains]]:
    """Yield the first frame and the gains of each ramp: at both ends if set, and around each seam."""
    if clip.ramp_in:
        yield 0, positions(clip.ramp_in)
    for seam, _ in clip.seams():
        yield seam - seam_ramp, positions(seam_ramp)[::-1]
        yield seam, positions(seam_ramp)
    if clip.ramp_out:
        yield clip.length - clip.ramp_out, positions(clip.ramp_out)[::-1]
