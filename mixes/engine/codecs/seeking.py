"""Decode a track from its middle, and prove second by second that this is what decoding it whole gives.

In: checksums of every second of the track, taken while it was analysed. Out: the same samples, to the bit, as
decoding from the beginning gives there. Whether ffmpeg can seek in a file depends on its container, its codec
and its encoder: made-up noise, lost state, timestamps in milliseconds. So nothing is trusted: what does not
agree with the checksums is decoded from the beginning.
"""

import contextlib
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.decode import Decoder, open_track
from mixes.engine.codecs.resampling import Resampler
from mixes.engine.errors import DecodeError
from mixes.engine.samples import Samples

SUM = struct.Struct("<I")
WORTH_S = 20  # decoding so much takes as long as finding a place in a file
RUN_UP_S = 3  # decoded before the first second: Opus needs 0.6 s until it no longer knows where it started
RESAMPLER_RUN_UP_S = 1  # whole seconds keep its phase, and its filter is shorter


class Sound(Protocol):
    """Something to read a track's samples from, in order."""

    @property
    def path(self) -> Path: ...

    @property
    def rate(self) -> int: ...

    def read(self, frames: int) -> Samples:
        """Return the next frames, shape (frames, 2), fewer only at the end."""


@dataclass(frozen=True, slots=True)
class SeekIndex:
    """The CRC-32 of each second of a track, decoded from its beginning; the last one may be shorter."""

    rate: int  # Hz, the file's own
    sums: bytes = field(repr=False)

    @property
    def seconds(self) -> int:
        return len(self.sums) // SUM.size

    def has(self, second: int, sound: Samples) -> bool:
        """Tell whether this is the sound of a second."""
        at = second * SUM.size
        return self.sums[at : at + SUM.size] == SUM.pack(zlib.crc32(sound.data))

    def to_json(self) -> dict[str, Any]:
        return {"rate": self.rate, "sums": b64encode(self.sums).decode()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(data["rate"], b64decode(data["sums"]))


class SeekIndexer:
    """Takes the checksums of a track from the blocks of its sound."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sums = bytearray()
        self._sum = self._frames = 0  # of the second that is not complete

    def push(self, block: Samples) -> None:
        """Take the next frames: float32 of shape (n, 2), contiguous."""
        while len(block):
            part = block[: self._rate - self._frames]
            block = block[len(part) :]
            self._sum = zlib.crc32(part.data, self._sum)
            self._frames += len(part)
            if self._frames == self._rate:
                self._end_second()

    def index(self) -> SeekIndex:
        """Return the index; nothing may be pushed after it."""
        if self._frames:
            self._end_second()
        return SeekIndex(self._rate, bytes(self._sums))

    def _end_second(self) -> None:
        self._sums += SUM.pack(self._sum)
        self._sum = self._frames = 0


@contextlib.contextmanager
def open_near(
    ffmpeg: Path,
    path: Path,
    rate: int,
    first: int,
    index: SeekIndex | None = None,
    *,
    should_stop: ShouldStop = never,
) -> Iterator[tuple[Sound, int]]:
    """Open a track to read it from its frame `first` on, counted at `rate` Hz.

    Yield its sound, and the frame at which it begins: `first` or an earlier one. Without an index that is the
    beginning of the file. At the file's own rate the samples are those of decoding it whole, to the bit; a
    resampled one may differ in its last bit. Raises as `open_track`.
    """
    with contextlib.ExitStack() as stack:
        second = first // rate - (RESAMPLER_RUN_UP_S if index and rate != index.rate else 0)
        if index is None or not WORTH_S <= second < index.seconds:
            yield stack.enter_context(open_track(ffmpeg, path, rate, should_stop=should_stop)), 0
            return
        seconds = proven_seconds(ffmpeg, path.absolute(), index, second, should_stop)
        sound: Sound = BlockReader(path, index.rate, stack.enter_context(contextlib.closing(seconds)))
        if rate != index.rate:
            resampler = Resampler(ffmpeg, path, sound.read, index.rate, rate, should_stop)
            sound = stack.enter_context(resampler)
        yield sound, second * rate


def proven_seconds(
    ffmpeg: Path, path: Path, index: SeekIndex, second: int, should_stop: ShouldStop
) -> Generator[Samples, None, None]:
    """Yield the seconds of a track from `second` on, at its own rate.

    At the first one that is not as the index says, the track is decoded again from its beginning.
    """
    with contextlib.suppress(DecodeError):  # if the file is at fault, decoding it from the beginning says so
        start_s = second - RUN_UP_S
        with open_track(ffmpeg, path, None, start_s=start_s, should_stop=should_stop) as decoder:
            if decoder.rate == index.rate:
                drop(decoder, RUN_UP_S * index.rate)
                while index.has(second, block := decoder.read(index.rate)):
                    yield block
                    second += 1
    if second == index.seconds:
        return
    with open_track(ffmpeg, path, index.rate, should_stop=should_stop) as decoder:
        drop(decoder, second * index.rate)
        while len(block := decoder.read(index.rate)):
            yield block


def drop(decoder: Decoder, frames: int) -> None:
    """Decode frames that are not wanted, as far as there are any."""
    while frames:
        count = len(decoder.read(min(frames, decoder.rate)))
        frames = frames - count if count else 0


class BlockReader:
    """Reads any number of frames at a time from blocks of sound."""

    def __init__(self, path: Path, rate: int, blocks: Iterator[Samples]) -> None:
        self.path, self.rate = path, rate
        self._blocks = blocks
        self._held: Samples = np.empty((0, 2), dtype=np.float32)

    def read(self, frames: int) -> Samples:
        """Return the next frames, shape (frames, 2), fewer only at the end."""
        pieces = [self._held[:frames]]
        self._held = self._held[frames:]
        missing = frames - len(pieces[0])
        while missing and (block := next(self._blocks, None)) is not None:
            pieces.append(block[:missing])
            self._held = block[missing:]
            missing -= len(pieces[-1])
        return np.concatenate(pieces)
