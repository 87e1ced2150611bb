"""Decode short excerpts of MP3 songs from their frames, many of them in one process.

Two frames before an excerpt are decoded and dropped: from the third on a decoder gives the same samples as
one that began at the beginning of the song.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import DecodeError
from mixes.engine.passthrough.frames import (
    PIECE_FRAMES,
    FileBytes,
    Stream,
    Unfit,
    open_stream,
    silent_frame,
    take_apart,
)
from mixes.engine.passthrough.packing import Packer
from mixes.engine.processes.sandbox import DECODE, Child, run_child
from mixes.engine.samples import FRAME_BYTES, Samples
from mixes.engine.timeline import MP3_FRAME as FRAME

WARM_FRAMES = 2
PACKED_KBPS = 320  # frames of every bit rate fit


@dataclass(frozen=True, slots=True)
class Song:
    """An MP3 whose frames are copied."""

    path: Path
    stream: Stream
    first: int  # frame from which on all main data is there

    @classmethod
    def open(cls, path: Path, first: int) -> "Song":
        """Find the frames of a song. Raises DecodeError when it is no longer what was measured."""
        try:
            return cls(path, open_stream(FileBytes(path)), first)
        except (Unfit, OSError) as error:
            raise DecodeError(path, "it is no longer what was measured.") from error


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Samples `start` to before `end` of a song, as far as it has them."""

    song: Song
    start: int
    end: int

    @property
    def frames(self) -> tuple[int, int]:
        """Return the frames to decode, warm ones included."""
        stream = self.song.stream
        first = max(0, (self.start + stream.delay) // FRAME - WARM_FRAMES)
        return first, max(first, min((self.end + stream.delay) // FRAME + 1, len(stream)))


class ExcerptSound:
    """Reads an excerpt as a sound."""

    def __init__(self, path: Path, rate: int, samples: Samples) -> None:
        self.path, self.rate = path, rate
        self._samples = samples

    def read(self, frames: int) -> Samples:
        """Return the next frames, shape (frames, 2), fewer only at the end."""
        block, self._samples = self._samples[:frames], self._samples[frames:]
        return block.copy()


def decode_excerpts(
    ffmpeg: Path, excerpts: Sequence[Excerpt], *, should_stop: ShouldStop = never
) -> list[Samples]:
    """Return the samples of each excerpt, shape (n, 2). All have one rate. Raises as `run_child`."""
    if not excerpts:
        return []
    starts: list[int] = []
    rate = excerpts[0].song.stream.rate
    feed = _packed(excerpts, Packer(rate, PACKED_KBPS), starts)
    output = run_child(_args(ffmpeg), limits=DECODE, feed=feed, should_stop=should_stop)
    decoded = np.frombuffer(output.stdout, np.float32).reshape(-1, 2)
    found = []
    for excerpt, at in zip(excerpts, starts, strict=True):
        stream = excerpt.song.stream
        first = (at - excerpt.frames[0]) * FRAME + excerpt.start + stream.delay
        last = min(first + excerpt.end - excerpt.start, (at + excerpt.frames[1] - excerpt.frames[0]) * FRAME)
        found.append(decoded[first : max(first, last)])
    return found


def decode_seconds(ffmpeg: Path, excerpt: Excerpt, *, should_stop: ShouldStop = never) -> Iterator[Samples]:
    """Yield an excerpt of any length second by second, the last one shorter. Raises as `run_child`."""
    rate = excerpt.song.stream.rate
    feed = _packed([excerpt], Packer(rate, PACKED_KBPS), [])
    before = FRAME + excerpt.start + excerpt.song.stream.delay - excerpt.frames[0] * FRAME
    left = excerpt.end - excerpt.start
    with Child(_args(ffmpeg), limits=DECODE, feed=feed) as child:
        child.readinto(memoryview(bytearray(before * FRAME_BYTES)), should_stop)
        while left:
            block = bytearray(min(left, rate) * FRAME_BYTES)
            count = child.readinto(memoryview(block), should_stop) // FRAME_BYTES
            if not count:
                break
            left -= count
            yield np.frombuffer(block, np.float32).reshape(-1, 2)[:count]
        child.readinto(memoryview(bytearray(FRAME * FRAME_BYTES)), should_stop)
        child.finish(should_stop)


def _packed(excerpts: Sequence[Excerpt], packer: Packer, starts: list[int]) -> Iterator[bytes]:
    """Yield the frames of all excerpts, and note where each begins. Raises DecodeError."""
    for excerpt in excerpts:
        packer.push(silent_frame())  # room for main data before the excerpt's own first slot
        first, end = excerpt.frames
        starts.append(packer.count)
        for _ in range(first, min(end, excerpt.song.first)):
            packer.push(silent_frame())  # its main data is missing in the file, too
        for at in range(max(first, excerpt.song.first), end, PIECE_FRAMES):
            try:
                frames = take_apart(excerpt.song.stream, at, min(at + PIECE_FRAMES, end))
            except Unfit as unfit:
                raise DecodeError(excerpt.song.path, "it is no longer what was measured.") from unfit
            if packer.push(frames) < len(frames):
                raise DecodeError(excerpt.song.path, "its frames do not fit a stream of their own.")
            yield b"".join(packer.take())
    yield b"".join(packer.take(everything=True))


def _args(ffmpeg: Path) -> list[str]:
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-v", "level+error"),
        *("-protocol_whitelist", "pipe", "-format_whitelist", "mp3", "-codec_whitelist", "mp3,mp3float"),
        *("-threads", "1", "-f", "mp3", "-i", "pipe:0", "-ac", "2", "-fflags", "+bitexact"),
        *("-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"),
    ]
