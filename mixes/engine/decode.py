"""A track's file to blocks of float32 stereo, safely: the only place where a user's audio is decoded."""

import contextlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixes.engine.errors import DecodeError, FfmpegError, OutputError, StalledError
from mixes.engine.ffmpeg import MAX_TRACK_S, decode_args
from mixes.engine.sandbox import DECODE, Child, ShouldStop, never

Samples = NDArray[np.float32]  # shape (frames, 2), full scale at 1.0

FRAME_BYTES = 8  # two float32
NO_SOUND = "it is not an audio file that can be read (MP3, WAV, FLAC, Ogg, Opus, M4A, AIFF, WMA, WavPack)."
LOUDEST_SAMPLE = 16.0  # +24 dBFS: beyond it a float file is damage or malice, not sound
RATES_HZ = (4_000, 768_000)  # outside, it is not music and the loudness filters have no meaning
STREAM_LINE = re.compile(r"Stream #0:\d+.*?: Audio: (\w+).*?, \d+ Hz, ([^,]+)")
CHANNELS = {
    "mono": 1,
    "stereo": 2,
    "2.1": 3,
    "3.0": 3,
    "4.0": 4,
    "quad": 4,
    "5.0": 5,
    "5.1": 6,
    "6.1": 7,
    "7.1": 8,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file is, as ffmpeg tells it: for showing, not for computing."""

    codec: str
    channels: int | None


class Decoder:
    """Reads one track from its beginning. Made by `open_track`."""

    def __init__(self, path: Path, child: Child, should_stop: ShouldStop) -> None:
        self.path = path
        self.repaired_samples = 0  # NaN, infinite or absurdly loud ones that were made harmless
        self._child = child
        self._should_stop = should_stop
        self._frames_read = 0
        self.rate = self._read_header()

    @property
    def facts(self) -> Facts:
        match = STREAM_LINE.search(self._child.stderr_head)
        if match is None:
            return Facts("unknown", None)
        layout = re.sub(r"\(.*", "", match[2]).strip()
        counted = re.match(r"(\d+) channels", layout)
        return Facts(match[1], int(counted[1]) if counted else CHANNELS.get(layout))

    @property
    def damaged_places(self) -> int:
        return self._child.error_lines

    def read(self, frames: int) -> Samples:
        """Return the next `frames` frames, shape (frames, 2); fewer only at the end of the track.

        Raises DecodeError, Cancelled.
        """
        block = np.empty((frames, 2), dtype=np.float32)
        try:
            count = self._child.readinto(memoryview(block.data).cast("B"), self._should_stop)
            if count < block.nbytes:
                self._child.finish(self._should_stop)
        except (FfmpegError, OutputError, StalledError) as error:
            raise self._explain(error) from error
        block = block[: count // FRAME_BYTES]
        self._frames_read += len(block)
        return self._repair(block)

    def _read_header(self) -> int:
        """Read up to the first sample and return the rate in Hz."""
        rate = 0
        self._read_bytes(12)  # RIFF, size, WAVE
        while True:
            name, size = struct.unpack("<4sI", self._read_bytes(8))
            if name == b"data":
                break
            body = self._read_bytes(size + size % 2)
            if name == b"fmt ":
                (rate,) = struct.unpack("<I", body[4:8])
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise DecodeError(self.path, f"its sample rate of {rate} Hz is not one music is made with.")
        return int(rate)

    def _read_bytes(self, size: int) -> bytes:
        data = bytearray(size)
        try:
            if self._child.readinto(memoryview(data), self._should_stop) < size:
                self._child.finish(self._should_stop)
                raise DecodeError(self.path, NO_SOUND)
        except (FfmpegError, OutputError, StalledError) as error:
            raise self._explain(error) from error
        return bytes(data)

    def _repair(self, block: Samples) -> Samples:
        """Make NaN and infinities 0, and clip what is louder than any music. Changes `block` in place."""
        if not len(block):
            return block
        low, high = block.min(), block.max()  # both are NaN if one sample is
        if low >= -LOUDEST_SAMPLE and high <= LOUDEST_SAMPLE:
            return block
        self.repaired_samples += int(np.count_nonzero(~(np.abs(block) <= LOUDEST_SAMPLE)))
        np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(block, -LOUDEST_SAMPLE, LOUDEST_SAMPLE, out=block)

    def _explain(self, error: Exception) -> DecodeError:
        """Turn the child's end into one sentence about the file."""
        if isinstance(error, StalledError):
            return DecodeError(self.path, "decoding it came to a standstill, so it was given up.")
        said = self._child.stderr_tail
        if "Stream map" in said and "matches no streams" in said:
            return DecodeError(self.path, "there is no sound in it.")
        if self._frames_read:
            decoded_s = self._frames_read / self.rate
            return DecodeError(self.path, f"decoding broke off after {decoded_s:.1f} seconds.")
        return DecodeError(self.path, NO_SOUND)


@contextlib.contextmanager
def open_track(
    ffmpeg: Path,
    path: Path,
    rate: int | None,
    *,
    max_s: float = MAX_TRACK_S,
    should_stop: ShouldStop = never,
) -> Iterator[Decoder]:
    """Decode a track from its beginning, at `rate` Hz or (None) at its own; the process ends with the block.

    Raises DecodeError in one sentence when the file is missing or not one of the formats we take.
    """
    if not path.is_file():
        raise DecodeError(path, "there is no such file.")
    argv = decode_args(ffmpeg, path.absolute(), rate=rate, max_s=max_s)
    with Child(argv, limits=DECODE, read=(path.absolute(),)) as child:
        yield Decoder(path, child, should_stop)
