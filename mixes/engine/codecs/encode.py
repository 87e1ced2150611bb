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
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import BrokenOutputError, Cancelled, OutputError
from mixes.engine.processes.sandbox import ENCODE, run_child

CHUNK_S = 45.0  # starting a process costs 3 s of encoding; longer chunks waste less, but take memory
LAST_CHUNKS_QUARTERS = (3, 2, 2, 1)  # cuts of the last two chunks: all cores finish at about the same time
PAGE_FRAMES = 1 << 17  # samples are buffered in pages of 1 MiB (3 s), each freed as soon as it is fed
POLL_S = 0.1  # longest wait of the producer between two calls of `should_stop`

Samples = npt.NDArray[np.float32]
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
    """Cut `encoder_frames` into chunks of at most `chunk_s` seconds; depends only on the arguments."""
    length = max(1, round(chunk_s * rate / frame.samples))
    count = math.ceil(encoder_frames / length)
    quarters = (4,) * (count - 2) + LAST_CHUNKS_QUARTERS if count > 1 else (2, 2)
    borders = sorted({encoder_frames * at // (4 * count) for at in accumulate(quarters, initial=0)})
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


class EncoderPool:
    """Threads that run encoder processes, one each at a time, and the pages of samples that feed them.

    One pool serves all outputs of one mix. The first failure stops all jobs, and the producer's next call
    raises the original exception. Use as a context manager: leaving it ends all threads and their processes.
    (The kernel kills a child when the thread that started it ends, so these threads start all children.)
    """

    def __init__(self, workers: int) -> None:
        """Start `workers` threads, one for each core to use."""
        self.workers = workers
        self._changed = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._free_pages: list[Samples] = []
        self._pages_made = self._filling_pages = self._feeding_pages = 0
        self._failure: Exception | None = None
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End all jobs, their processes and the threads; may be called repeatedly."""
        with self._changed:
            self._stopping = True
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def is_stopping(self) -> bool:
        """Return whether running jobs must stop."""
        return self._stopping

    def check(self, should_stop: ShouldStop = never) -> None:
        """Raise the exception of a failed job, or Cancelled when `should_stop` says so or the pool ended."""
        if self._failure:
            raise self._failure
        if self._stopping or should_stop():
            raise Cancelled

    def wait_until(self, condition: Callable[[], bool], should_stop: ShouldStop = never) -> None:
        """Wait in the producer's thread until `condition` holds. Raises as `check`."""
        while True:
            self.check(should_stop)
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or condition(), POLL_S)
                if condition():
                    return

    def notify(self) -> None:
        """Wake the producer, so that it checks its condition."""
        with self._changed:
            self._changed.notify_all()

    def submit(self, job: Callable[[], None]) -> None:
        """Queue `job` for the next free thread."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    def reserve(self, *, filling: int, feeding: int) -> None:
        """Raise the page limit for one more output: pages being filled, and pages of a chunk being fed."""
        with self._changed:
            self._filling_pages += filling
            self._feeding_pages = max(self._feeding_pages, feeding)

    def acquire_page(self, should_stop: ShouldStop) -> Samples:
        """Wait for a free page and return it, float32 of shape (PAGE_FRAMES, 2). Raises as `check`."""
        self.wait_until(self._has_page, should_stop)
        with self._changed:  # there is only one producer, so the page is still free
            if self._free_pages:
                return self._free_pages.pop()
            self._pages_made += 1
        return np.empty((PAGE_FRAMES, 2), np.float32)

    def release_page(self, page: Samples) -> None:
        """Return a page to the pool after its samples have been fed."""
        with self._changed:
            self._free_pages.append(page)
            self._changed.notify_all()

    def _has_page(self) -> bool:
        limit = self._filling_pages + self.workers * self._feeding_pages
        return bool(self._free_pages) or self._pages_made < limit

    def _work(self) -> None:
        while job := self._next_job():
            try:
                job()
            except Exception as error:  # `check` raises it in the producer's thread
                self._fail(error)

    def _next_job(self) -> Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._stopping)
            return None if self._stopping else self._jobs.popleft()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            if not self._stopping:
                self._failure = error
            self._stopping = True
            self._changed.notify_all()


class PagedSamples:
    """The samples of one chunk, in pages that return to the pool one by one while they are fed."""

    def __init__(self, pool: EncoderPool, should_stop: ShouldStop) -> None:
        self._pool = pool
        self._should_stop = should_stop
        self._pages: deque[Samples] = deque()
        self._free_frames = 0  # frames free in the last page

    def append(self, block: Samples) -> None:
        """Copy a block of shape (n, 2); waits for free pages. Raises as `EncoderPool.check`."""
        while len(block):
            if not self._free_frames:
                self._pages.append(self._pool.acquire_page(self._should_stop))
                self._free_frames = PAGE_FRAMES
            count = min(self._free_frames, len(block))
            begin = PAGE_FRAMES - self._free_frames
            self._pages[-1][begin : begin + count] = block[:count]
            self._free_frames -= count
            block = block[count:]

    def drain(self) -> Iterator[memoryview]:
        """Yield the samples as bytes, page by page; a page is released when the next one is requested."""
        while self._pages:
            page = self._pages.popleft()
            yield (page if self._pages else page[: PAGE_FRAMES - self._free_frames]).data.cast("B")
            self._pool.release_page(page)


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
        should_stop: ShouldStop = never,
    ) -> None:
        """Open `path` for a stream of exactly `frames` samples a channel.

        `should_stop` is called only in the producer's thread. Raises OSError when the file cannot be opened.
        """
        self._path, self._pool, self._plan, self._frame = path, pool, plan, frame
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
            if index not in self._filling:
                self._filling[index] = PagedSamples(self._pool, self._should_stop)
            self._filling[index].append(block[max(chunk.start - begin, 0) : chunk.end - begin])
            if chunk.end <= end:
                self._submit(chunk, self._filling.pop(index))
        self._position = end

    def _submit(self, chunk: Chunk, samples: PagedSamples) -> None:
        limit = self._unwritten_limit
        self._pool.wait_until(lambda: self._submitted - self._written < limit, self._should_stop)
        self._pool.submit(partial(self._encode, self._submitted, chunk, samples))
        self._submitted += 1

    def _encode(self, index: int, chunk: Chunk, samples: PagedSamples) -> None:
        output = run_child(
            self._frame.argv, limits=ENCODE, feed=samples.drain(), should_stop=self._pool.is_stopping
        )
        trimmed = self._trim(chunk, output.stdout)
        with self._write_lock:
            self._ready[index] = trimmed
            while self._written in self._ready:
                self._append(self._plan[self._written], self._ready.pop(self._written))
                self._written += 1
        self._pool.notify()


def _reserve_pages(pool: EncoderPool, plan: Sequence[Chunk]) -> None:
    """Reserve the pages of one chunk, and a page for each chunk that overlaps it."""
    pages = math.ceil(max(chunk.end - chunk.start for chunk in plan) / PAGE_FRAMES)
    ends = [chunk.end for chunk in plan]
    overlapping = max(index - bisect_right(ends, chunk.start) for index, chunk in enumerate(plan))
    pool.reserve(filling=pages + overlapping, feeding=pages)
