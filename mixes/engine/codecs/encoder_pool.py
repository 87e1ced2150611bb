"""Threads that run encoder processes, and the pages of samples that feed them."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Self

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled
from mixes.engine.samples import Samples

PAGE_FRAMES = 1 << 17  # samples are buffered in pages of 1 MiB (3 s), each freed as soon as it is fed
POLL_S = 0.1  # longest wait of the producer between two calls of `should_stop`


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
