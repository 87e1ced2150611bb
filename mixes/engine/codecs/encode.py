"""Encode one stream of samples in parallel: cut it into chunks, run an encoder on each, join the results.

In: float32 blocks of any size from one producer. Out: a file, written in order while the producer continues.
A chunk consists of whole encoder frames. Its encoder is also fed some frames before and after the chunk,
which are dropped from its output, so that the joined stream sounds like the output of one encoder. The cuts
depend only on the length of the stream: the bytes are the same on any number of cores.
"""

import contextlib
import math
import threading
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Generic, Self, TypeVar

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.encoder_pool import PAGE_FRAMES, EncoderPool, PagedSamples
from mixes.engine.errors import BrokenOutputError, OutputError
from mixes.engine.processes.sandbox import ENCODE, run_child
from mixes.engine.samples import Samples

CHUNK_S = 45.0  # starting a process costs 3 s of encoding; longer chunks waste less, but take memory
LAST_CHUNKS_QUARTERS = (3, 2, 2, 1)  # the last chunks, of the rest: all cores finish at about the same time
NOTHING: Mapping[int, bytes] = MappingProxyType({})

Trimmed = TypeVar("Trimmed")


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """Command and framing of a codec; `argv` reads float32 stereo on stdin and writes frames on stdout."""

    argv: tuple[str, ...]
    samples: int  # per encoder frame and channel
    pre_roll: int  # encoder frames fed before the kept ones, so that the encoder's state settles
    post_roll: int  # encoder frames fed after the kept ones, for the look-ahead


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the stream: fed samples `start` to `end`; keeps `count` frames after the first `skip`."""

    first: int
    count: int
    skip: int
    start: int
    end: int  # may exceed the stream, which is padded with zeros


def plan_chunks(encoder_frames: int, frame: FrameFormat, rate: int, chunk_s: float) -> tuple[Chunk, ...]:
    """Cut `encoder_frames` into chunks of at most `chunk_s` seconds; depends only on the arguments.

    All but the last chunks have one length, so that a stream that changes later is cut at the same places.
    """
    length = max(1, round(chunk_s * rate / frame.samples))
    whole = max(0, math.ceil(encoder_frames / length) - 2)
    rest = encoder_frames - whole * length
    quarters = LAST_CHUNKS_QUARTERS if rest > length else (4, 4)
    cuts = (whole * length + rest * at // 8 for at in accumulate(quarters, initial=0))
    borders = sorted({*range(0, whole * length, length), *cuts})
    return tuple(_chunk(first, end, frame) for first, end in pairwise(borders))


def trimmed_offsets(offsets: Sequence[int], chunk: Chunk, codec: str) -> Sequence[int]:
    """Return the byte offset of each kept frame of a chunk, and the end of the last one.

    `offsets` holds the same for all frames from the encoder. Raises BrokenOutputError when it has too few.
    """
    kept = offsets[chunk.skip : chunk.skip + chunk.count + 1]
    if len(kept) != chunk.count + 1:
        raise BrokenOutputError(f"The {codec} encoder returned fewer frames than it was asked for.")
    return kept


def _chunk(first: int, end: int, frame: FrameFormat) -> Chunk:
    skip = min(first, frame.pre_roll)
    start, stop = (first - skip) * frame.samples, (end + frame.post_roll) * frame.samples
    return Chunk(first, end - first, skip, start, stop)


class ParallelEncoder(ABC, Generic[Trimmed]):
    """Writes one file from the blocks of one producer; subclasses implement the codec.

    Use as a context manager: leaving it closes the file; an error stops the pool and removes the file.
    """

    def __init__(
        self,
        path: Path,
        pool: EncoderPool,
        plan: Sequence[Chunk],
        frame: FrameFormat,
        *,
        frames: int,
        earlier: Mapping[int, bytes] = NOTHING,
        should_stop: ShouldStop = never,
    ) -> None:
        """Open `path` for a stream of exactly `frames` samples a channel.

        `earlier` has the kept frames of chunks that were encoded before: they are copied, and samples that
        no other chunk needs are not pushed. `should_stop` is called only in the producer's thread. Raises
        OSError when the file cannot be opened.
        """
        self._path, self._pool, self._plan, self._frame = path, pool, plan, frame
        self._earlier = earlier
        self._frames, self._should_stop = frames, should_stop
        self._position = 0  # frames pushed
        self._submitted = 0  # chunks
        self._written = 0
        self._filling: dict[int, PagedSamples] = {}
        self._ready: dict[int, Trimmed] = {}
        self._write_lock = threading.Lock()
        self._unwritten_limit = 2 * pool.workers + 2  # chunks, when one process is very slow
        _reserve_pages(pool, plan)
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            self.abort()
        else:
            self.close()

    def wanted(self) -> Iterator[tuple[int, int]]:
        """Yield first sample and end of each part that has to be pushed, in order."""
        for index, chunk in enumerate(self._plan):
            if index not in self._earlier:
                yield chunk.start, min(chunk.end, self._frames)

    def skip_to(self, position: int) -> None:
        """Go on at a later sample. Raises OutputError when a chunk needs one in between."""
        missing = (i for i in range(self._submitted, len(self._plan)) if i not in self._earlier)
        index = next(missing, None)
        is_left_out = index is not None and (index in self._filling or self._plan[index].start < position)
        if is_left_out and position != self._position:
            raise OutputError("A part of the mix that has to be encoded was left out.")
        self._position = position

    def push(self, block: Samples) -> None:
        """Copy the next samples, float32 of shape (n, 2).

        Raises the exception of a failed chunk, Cancelled when `should_stop` says so, OutputError when the
        stream gets too long.
        """
        self._pool.check(self._should_stop)
        if self._position + len(block) > self._frames:
            raise OutputError(f"The mix is longer than its {self._frames} planned frames.")
        self._distribute(block)

    def close(self) -> None:
        """Encode the rest and finish the file. Raises as `push`, and OutputError for too short a stream."""
        if self._file.closed:
            return
        try:
            if self._position != self._frames:
                raise OutputError(f"The mix has {self._position} frames instead of {self._frames}.")
            self._distribute(np.zeros((self._plan[-1].end - self._frames, 2), np.float32))
            self._write_ready()
            self._pool.wait_until(lambda: self._written == len(self._plan), self._should_stop)
            self._finish()
            self._file.close()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Stop the pool and its processes, and remove the unfinished file."""
        self._pool.stop()
        if not self._file.closed:
            with contextlib.suppress(OSError):  # a full disk: the original error reports it
                self._file.close()
            self._path.unlink(missing_ok=True)

    @abstractmethod
    def _trim(self, chunk: Chunk, encoded: bytes) -> Trimmed:
        """Return the kept frames of an encoded chunk; called from several threads at once."""

    @abstractmethod
    def _append(self, chunk: Chunk, trimmed: Trimmed) -> None:
        """Write the kept frames of a chunk to the file; called in stream order, one at a time."""

    def _finish(self) -> None:
        """Write data that is known only at the end, such as a header; nothing by default."""

    def _distribute(self, block: Samples) -> None:
        """Copy the block's samples to their chunks: near a cut, several chunks need the same samples."""
        begin, end = self._position, self._position + len(block)
        for index in range(self._submitted, len(self._plan)):
            chunk = self._plan[index]
            if chunk.start >= end:
                break
            if index in self._earlier:
                continue
            if index not in self._filling:
                self._filling[index] = PagedSamples(self._pool, self._should_stop)
            self._filling[index].append(block[max(chunk.start - begin, 0) : chunk.end - begin])
            if chunk.end <= end:
                self._submit(index, chunk, self._filling.pop(index))
        self._position = end

    def _submit(self, index: int, chunk: Chunk, samples: PagedSamples) -> None:
        self._write_ready()
        limit = self._unwritten_limit
        self._pool.wait_until(lambda: index - self._written < limit, self._should_stop)
        self._pool.submit(partial(self._encode, index, chunk, samples))
        self._submitted = index + 1

    def _encode(self, index: int, chunk: Chunk, samples: PagedSamples) -> None:
        output = run_child(
            self._frame.argv, limits=ENCODE, feed=samples.drain(), should_stop=self._pool.is_stopping
        )
        trimmed = self._trim(chunk, output.stdout)
        with self._write_lock:
            self._ready[index] = trimmed
        self._write_ready()
        self._pool.notify()

    def _write_ready(self) -> None:
        """Write all chunks whose turn it is: those just encoded, and the earlier ones between them."""
        with self._write_lock:
            while self._written < len(self._plan):
                chunk = self._plan[self._written]
                if self._written in self._earlier:
                    kept = self._trim(replace(chunk, skip=0), self._earlier[self._written])
                    self._append(chunk, kept)
                elif self._written in self._ready:
                    self._append(chunk, self._ready.pop(self._written))
                else:
                    return
                self._written += 1


def _reserve_pages(pool: EncoderPool, plan: Sequence[Chunk]) -> None:
    """Reserve the pages of one chunk, and a page for each chunk that overlaps it."""
    pages = math.ceil(max(chunk.end - chunk.start for chunk in plan) / PAGE_FRAMES)
    ends = [chunk.end for chunk in plan]
    overlapping = max(index - bisect_right(ends, chunk.start) for index, chunk in enumerate(plan))
    pool.reserve(filling=pages + overlapping, feeding=pages)
