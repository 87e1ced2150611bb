"""Bring decoded sound to another rate, in a process of its own.

In: a function that reads float32 stereo at one rate. Out: the same sound at another, from the phase of its
first frame. A resampler inside the decoder would spread one sample that is no number over 70 ms, and ffmpeg
forgets what it holds wherever a damaged or glued file changes its own rate.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mixes.engine.cancellation import ShouldStop
from mixes.engine.errors import InterruptedDecodeError
from mixes.engine.processes.ffmpeg import resample_args
from mixes.engine.processes.ffmpeg_report import reported_bytes
from mixes.engine.processes.sandbox import DECODE, Child
from mixes.engine.samples import FRAME_BYTES, Samples

BLOCK_FRAMES = 1 << 15  # given to the process at a time
LENGTH_TOLERANCE_S = 0.1  # a resampled file may end this much before its computed length
DECODER_FAILED = "the program that decodes it ended unexpectedly."


class Resampler(contextlib.AbstractContextManager["Resampler"]):
    """Gives out at `rate` what `read_native` gives at `native_rate`; leaving the block ends the process."""

    def __init__(
        self,
        ffmpeg: Path,
        path: Path,
        read_native: Callable[[int], Samples],
        native_rate: int,
        rate: int,
        should_stop: ShouldStop,
    ) -> None:
        self.path, self.rate = path, rate
        self._read_native, self._native_rate, self._should_stop = read_native, native_rate, should_stop
        self._frames_fed = self._bytes_read = 0
        argv = resample_args(ffmpeg, native_rate, rate)
        self._child = Child(argv, limits=DECODE, feed=self._native_blocks())

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def read(self, frames: int) -> Samples:
        """Return the next frames, shape (frames, 2); fewer only at the end. Raises as `read_native`."""
        block = np.empty((frames, 2), dtype=np.float32)
        count = self._child.readinto(memoryview(block.data).cast("B"), self._should_stop)
        self._bytes_read += count
        if count < block.nbytes:
            self._child.finish(self._should_stop)
            expected_frames = (self._frames_fed / self._native_rate - LENGTH_TOLERANCE_S) * self.rate
            is_complete = reported_bytes(self._child.stderr_tail) == self._bytes_read
            if not is_complete or self._bytes_read / FRAME_BYTES < expected_frames:
                raise InterruptedDecodeError(self.path, DECODER_FAILED)
        return block[: count // FRAME_BYTES]

    def _native_blocks(self) -> Iterator[memoryview]:
        while len(block := self._read_native(BLOCK_FRAMES)):
            self._frames_fed += len(block)
            yield np.ascontiguousarray(block).data
