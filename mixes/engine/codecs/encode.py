"""Encode one stream of samples in parallel: cut it into chunks, run an encoder on each, join the results.

In: float32 blocks of any size from one producer. Out: a file, written in order while the producer goes on.
A chunk is a run of whole encoder frames; its process is also fed a little of what lies before and after, and
those frames are dropped again, so that the joined stream sounds like one encoder's. The cuts depend on the
length of the stream alone: the bytes are the same on any number of cores.
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

CHUNK_S = 45.0  # to start a process costs as much as 3 s of encoding: longer ones waste less but hold more
LAST_CHUNKS_QUARTERS = (3, 2, 2, 1)  # how the last two chunks are cut, so that no core waits long for another
PAGE_FRAMES = 1 << 17  # samples wait in pages of 1 MiB (3 s), each free again as soon as it is fed
POLL_S = 0.1  # how soon a waiting producer notices that its caller wants to stop

Samples = npt.NDArray[np.float32]
Trimmed = TypeVar("Trimmed")


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """How one codec is called and cut: `argv` reads float32 stereo on stdin and writes frames on stdout."""

    argv: tuple[str, ...]
    samples: int  # in one encoder frame
    pre_roll: int  # encoder frames fed before the wanted ones, so that the encoder's state has settled
    post_roll: int  # and after them, for its look-ahead


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of encoder frames: fed samples `start` to `end`, kept `count` frames after the first `skip`."""

    first: int
    count: int
    skip: int
    start: int
    end: int  # may lie beyond the stream: zeros are fed there


def plan_chunks(encoder_frames: int, frame: FrameFormat, rate: int, chunk_s: float) -> tuple[Chunk, ...]:
    """Cut `encoder_frames` into chunks of `chunk_s` seconds at most, by its arguments alone."""
    length = max(1, round(chunk_s * rate / frame.samples))
    count = math.ceil(encoder_frames / length)
    quarters = (4,) * (count - 2) + LAST_CHUNKS_QUARTERS if count > 1 else (2, 2)
    borders = sorted({encoder_frames * at // (4 * count) for at in accumulate(quarters, initial=0)})
    return tuple(_chunk(first, end, frame) for first, end in pairwise(borders))


def trimmed_offsets(offsets: Sequence[int], chunk: Chunk, codec: str) -> Sequence[int]:
    """Return where each kept frame of a chunk begins, and the end of the last.

    `offsets` has the same for all frames the encoder returned; raises BrokenOutputError for too few.
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
    """The threads that run encoders, one process each at a time, and the memory that feeds them.

    One pool serves all outputs of one mix. The first failure stops everything: the producer then gets the
    original exception from whatever it calls next. Use as a context manager: leaving it ends all threads
    and their processes. (A child dies with the thread that started it, so these threads start them all.)
    """

    def __init__(self, workers: int) -> None:
        """Start `workers` threads, as many as there are cores to use."""
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
        """End all jobs, their processes and the threads; harmless when repeated."""
        with self._changed:
            self._stopping = True
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def is_stopping(self) -> bool:
        """Tell a running job that its result is no longer wanted."""
        return self._stopping

    def check(self, should_stop: ShouldStop = never) -> None:
        """Raise what went wrong in a job; Cancelled when the caller wants to stop, or all was stopped."""
        if self._failure:
            raise self._failure
        if self._stopping or should_stop():
            raise Cancelled

    def wait_until(self, condition: Callable[[], bool], should_stop: ShouldStop = never) -> None:
        """Let the producer sleep until `condition` holds; raises as `check`."""
        while True:
            self.check(should_stop)
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or condition(), POLL_S)
                if condition():
                    return

    def notify(self) -> None:
        """Have the producer look again at what it waits for."""
        with self._changed:
            self._changed.notify_all()

    def submit(self, job: Callable[[], None]) -> None:
        """Have a thread run `job`, first come first served."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    def reserve(self, *, filling: int, feeding: int) -> None:
        """Make room for one more output: its pages being filled, and those of a chunk being fed."""
        with self._changed:
            self._filling_pages += filling
            self._feeding_pages = max(self._feeding_pages, feeding)

    def acquire_page(self, should_stop: ShouldStop) -> Samples:
        """Return a page of shape (PAGE_FRAMES, 2), waiting for a free one; raises as `check`."""
        self.wait_until(self._has_page, should_stop)
        with self._changed:  # there is one producer: nobody took it since
            if self._free_pages:
                return self._free_pages.pop()
            self._pages_made += 1
        return np.empty((PAGE_FRAMES, 2), np.float32)

    def release_page(self, page: Samples) -> None:
        """Take back a page whose samples have been fed."""
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
            except Exception as error:  # not lost: `check` raises it in the producer's thread
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
    """The samples of one chunk, in pages that go back to the pool one by one while they are fed."""

    def __init__(self, pool: EncoderPool, should_stop: ShouldStop) -> None:
        self._pool = pool
        self._should_stop = should_stop
        self._pages: deque[Samples] = deque()
        self._free_frames = 0  # frames free in the last page

    def append(self, block: Samples) -> None:
        """Copy a block of shape (n, 2), waiting for pages."""
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
        """Yield the samples as bytes, giving each page back when the next one is asked for."""
        while self._pages:
            page = self._pages.popleft()
            yield (page if self._pages else page[: PAGE_FRAMES - self._free_frames]).data.cast("B")
            self._pool.release_page(page)


class ParallelEncoder(ABC, Generic[Trimmed]):
    """Writes one file from the blocks of one producer; a subclass knows the codec.

    Use as a context manager: leaving it closes the file, or, after an error, ends everything and removes it.
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
        """Open `path` for a stream of exactly `frames` samples a channel. Only the producer's thread asks
        `should_stop`.
        """
        self._path, self._pool, self._plan, self._frame = path, pool, plan, frame
        self._frames, self._should_stop = frames, should_stop
        self._position = 0  # frames pushed
        self._submitted = 0  # chunks
        self._written = 0
        self._filling: dict[int, PagedSamples] = {}
        self._ready: dict[int, Trimmed] = {}
        self._write_lock = threading.Lock()
        self._unwritten_limit = 2 * pool.workers + 2  # chunks, were one process very slow
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
        """Take the next samples, float32 of shape (n, 2), copying them.

        Raises what a chunk failed with; Cancelled; OutputError when the stream gets too long.
        """
        self._pool.check(self._should_stop)
        if self._position + len(block) > self._frames:
            raise OutputError(f"The mix is longer than its {self._frames} planned frames.")
        self._distribute(block)

    def close(self) -> None:
        """Encode what is left and finish the file; raises as `push`, and when the stream is too short."""
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
        """Stop the whole pool, end its processes and remove the unfinished file."""
        self._pool.stop()
        if not self._file.closed:
            with contextlib.suppress(OSError):  # a full disk: the error that led here says so
                self._file.close()
            self._path.unlink(missing_ok=True)

    @abstractmethod
    def _trim(self, chunk: Chunk, encoded: bytes) -> Trimmed:
        """Return the frames wanted of a chunk; runs in several threads at once."""

    @abstractmethod
    def _append(self, chunk: Chunk, trimmed: Trimmed) -> None:
        """Write them to the file; called in order, one at a time."""

    def _finish(self) -> None:
        """Write what could not be known before, if anything."""

    def _distribute(self, block: Samples) -> None:
        """Give each chunk its part of the block: near a cut, two or more want the same samples."""
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
    """Reserve what one chunk holds and what those which overlap it hold of the same samples."""
    pages = math.ceil(max(chunk.end - chunk.start for chunk in plan) / PAGE_FRAMES)
    ends = [chunk.end for chunk in plan]
    overlapping = max(index - bisect_right(ends, chunk.start) for index, chunk in enumerate(plan))
    pool.reserve(filling=pages + overlapping, feeding=pages)
