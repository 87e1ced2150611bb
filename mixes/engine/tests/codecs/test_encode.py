"""Tests of chunks, the pool and the writer, with `cat` as the encoder: output must equal input."""

import contextlib
import errno
import os
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mixes.engine.codecs.encode import FrameFormat, ParallelEncoder, plan_chunks
from mixes.engine.codecs.encoder_pool import PAGE_FRAMES, EncoderPool
from mixes.engine.errors import Cancelled, FfmpegError, OutputError
from mixes.engine.tests.signals import pink_noise

RATE = 1000
FRAME_BYTES = 4 * 8  # of an encoder frame: 4 samples of 2 floats
CAT = FrameFormat((shutil.which("cat"),), samples=4, pre_roll=3, post_roll=2)
BROKEN = FrameFormat((shutil.which("false"),), samples=4, pre_roll=3, post_roll=2)
HANGING = FrameFormat((shutil.which("sleep"), "100"), samples=4, pre_roll=3, post_roll=2)


class CatWriter(ParallelEncoder):
    """Writes the samples unchanged, which reveals a dropped, doubled or moved frame."""

    def __init__(self, path, pool, frames, *, frame=CAT, chunk_s=0.4, slow_chunk=None, **more):
        self.slow_chunk = slow_chunk
        plan = plan_chunks(-(-frames // frame.samples), frame, RATE, chunk_s)
        super().__init__(path, pool, plan, frame, frames=frames, **more)

    def _trim(self, chunk, encoded):
        if chunk.first == self.slow_chunk:
            time.sleep(0.3)
        return encoded[chunk.skip * FRAME_BYTES : (chunk.skip + chunk.count) * FRAME_BYTES]

    def _append(self, chunk, trimmed):
        self._file.write(trimmed)


class FullDiskWriter(CatWriter):
    def _append(self, chunk, trimmed):
        raise OSError(errno.ENOSPC, "No space left on device")


def push_in_blocks(writer, samples, sizes):
    """Push blocks of the given sizes, repeatedly, until all samples are pushed."""
    at = 0
    while at < len(samples):
        for size in sizes:
            writer.push(samples[at : at + size])
            at += size


def wait_for(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited 5 s in vain")


def children():
    """Return the process ids of this process's children."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # the process ended meanwhile
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            found |= {folder.name} if int(parent) == os.getpid() else set()
    return found


@pytest.fixture(autouse=True)
def nothing_left_behind():
    threads, before = threading.active_count(), children()
    yield
    assert threading.active_count() == threads
    assert children() <= before  # servers of other tests may run


@pytest.fixture
def noise():
    return pink_noise(4.003, RATE)


@pytest.mark.parametrize("total", [1, 2, 3, 24, 25, 26, 50, 51, 99, 1000, 1_240_000])
def test_chunks_hold_every_frame_once_and_in_order(total):
    plan = plan_chunks(total, CAT, RATE, 0.1)
    ends = [chunk.first + chunk.count for chunk in plan]
    assert [chunk.first for chunk in plan] == [0, *ends[:-1]]
    assert ends[-1] == total
    assert all(0 < chunk.count <= 25 for chunk in plan)


def test_a_longer_stream_is_cut_at_the_same_places():
    shorter, longer = (plan_chunks(total, CAT, RATE, 0.1) for total in (1000, 1300))
    assert shorter[:-4] == longer[: len(shorter) - 4]
    assert len(shorter) - 4 == 38  # of 25 frames each; the last two are cut into four
    assert [chunk.count for chunk in shorter[-4:]] == [18, 13, 12, 7]


def test_a_chunk_is_fed_the_frames_before_and_after_it():
    for chunk in plan_chunks(1000, CAT, RATE, 0.1):
        assert chunk.start == max(0, chunk.first - 3) * 4
        assert chunk.skip == min(chunk.first, 3)
        assert chunk.end == (chunk.first + chunk.count + 2) * 4


def test_the_last_chunks_are_small_but_not_tiny():
    for total in range(51, 2000):
        counts = [chunk.count for chunk in plan_chunks(total, CAT, RATE, 0.1)]
        assert 3 <= counts[-1] <= max(counts) / 3 + 1
        assert all(later <= earlier + 1 for earlier, later in pairwise(counts))


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 400, 401, 4003])
def test_the_joined_chunks_are_the_whole_stream(tmp_path, noise, frames):
    with EncoderPool(2) as pool, CatWriter(tmp_path / "out", pool, frames) as writer:
        push_in_blocks(writer, noise[:frames], [777])
    written = np.fromfile(tmp_path / "out", np.float32).reshape(-1, 2)
    assert np.array_equal(written[:frames], noise[:frames])
    assert len(written) == -(-frames // 4) * 4
    assert not written[frames:].any()


@pytest.mark.parametrize(("workers", "sizes"), [(1, [4003]), (1, [1, 2, 500]), (3, [64]), (4, [4003])])
def test_neither_workers_nor_blocks_change_the_bytes(tmp_path, noise, workers, sizes):
    with EncoderPool(workers) as pool, CatWriter(tmp_path / "out", pool, len(noise)) as writer:
        push_in_blocks(writer, noise, sizes)
    assert (tmp_path / "out").read_bytes()[: noise.nbytes] == noise.tobytes()


def test_chunks_longer_than_a_page_stay_whole(tmp_path):
    samples = pink_noise(PAGE_FRAMES * 5.3 / RATE, RATE)
    with (
        EncoderPool(2) as pool,
        CatWriter(tmp_path / "out", pool, len(samples), chunk_s=PAGE_FRAMES * 2.2 / RATE) as writer,
    ):
        push_in_blocks(writer, samples, [50_000])
    assert (tmp_path / "out").read_bytes()[: samples.nbytes] == samples.tobytes()


def test_results_are_written_in_stream_order(tmp_path, noise):
    with EncoderPool(3) as pool, CatWriter(tmp_path / "out", pool, len(noise), slow_chunk=0) as writer:
        writer.push(noise)
    assert (tmp_path / "out").read_bytes()[: noise.nbytes] == noise.tobytes()


def test_two_outputs_share_one_worker(tmp_path, noise):
    with (
        EncoderPool(1) as pool,
        CatWriter(tmp_path / "one", pool, len(noise)) as one,
        CatWriter(tmp_path / "two", pool, len(noise), chunk_s=0.3) as two,
    ):
        for at in range(0, len(noise), 100):
            one.push(noise[at : at + 100])
            two.push(noise[at : at + 100])
    assert (tmp_path / "one").read_bytes()[: noise.nbytes] == noise.tobytes()
    assert (tmp_path / "two").read_bytes()[: noise.nbytes] == noise.tobytes()


def test_a_failing_encoder_raises_in_the_producer_and_leaves_no_file(tmp_path, noise):
    path = tmp_path / "out"
    with (
        pytest.raises(FfmpegError),
        EncoderPool(2) as pool,
        CatWriter(path, pool, len(noise), frame=BROKEN) as writer,
    ):
        push_in_blocks(writer, noise, [10])
    assert not path.exists()


def test_the_next_push_also_raises_the_failure(tmp_path, noise):
    with EncoderPool(1) as pool:
        writer = CatWriter(tmp_path / "out", pool, len(noise), frame=BROKEN)
        writer.push(noise[:600])
        wait_for(pool.is_stopping)
        with pytest.raises(FfmpegError):
            writer.push(noise[600:])
        writer.abort()


def test_a_full_disk_stops_the_encoders_and_raises_the_original_error(tmp_path, noise):
    path = tmp_path / "out"
    with (
        pytest.raises(OSError, match="No space left") as failure,
        EncoderPool(2) as pool,
        FullDiskWriter(path, pool, len(noise)) as writer,
    ):
        writer.push(noise)
    assert failure.value.errno == errno.ENOSPC
    assert not path.exists()


def test_abort_ends_running_encoders_and_removes_the_file(tmp_path, noise):
    before = children()
    with EncoderPool(2) as pool:
        writer = CatWriter(tmp_path / "out", pool, len(noise), frame=HANGING)
        writer.push(noise[:1200])
        wait_for(lambda: len(children() - before) == 2)
        writer.abort()
        assert children() <= before
        assert not (tmp_path / "out").exists()
        with pytest.raises(Cancelled):
            writer.push(noise[1200:])


def test_an_error_of_the_producer_ends_everything(tmp_path, noise):
    with (
        pytest.raises(ZeroDivisionError),
        EncoderPool(2) as pool,
        CatWriter(tmp_path / "out", pool, len(noise), frame=HANGING) as writer,
    ):
        writer.push(noise[:1200])
        raise ZeroDivisionError
    assert not (tmp_path / "out").exists()


def test_memory_is_bounded_and_a_waiting_producer_can_be_stopped(tmp_path):
    """With encoders that read nothing, the producer must wait at the pages of three chunks, then cancel."""
    chunk_frames = 2 * PAGE_FRAMES
    samples = np.zeros((PAGE_FRAMES, 2), np.float32)
    deadline_s = time.monotonic() + 1.0
    asked_by = set()

    def should_stop():
        asked_by.add(threading.current_thread())
        return time.monotonic() > deadline_s

    with (
        pytest.raises(Cancelled),
        EncoderPool(2) as pool,
        CatWriter(
            tmp_path / "out",
            pool,
            40 * chunk_frames,
            frame=HANGING,
            chunk_s=chunk_frames / RATE,
            should_stop=should_stop,
        ) as writer,
    ):
        pushed = 0
        while pushed < 80:
            writer.push(samples)
            pushed += 1
    # Three pages hold a chunk with its pre-roll and post-roll, one more the next chunk's share of those, and
    # each of the two encoders' pipes may hold a page.
    assert 2 < pushed <= 3 * 3 + 1 + 2
    assert asked_by == {threading.main_thread()}


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_stream_of_an_unplanned_length_is_refused(tmp_path, noise, difference):
    path = tmp_path / "out"
    with (
        pytest.raises(OutputError),
        EncoderPool(2) as pool,
        CatWriter(path, pool, len(noise) - difference) as writer,
    ):
        writer.push(noise)
    assert not path.exists()


def test_close_can_be_repeated_and_abort_keeps_a_finished_file(tmp_path, noise):
    with EncoderPool(2) as pool:
        writer = CatWriter(tmp_path / "out", pool, len(noise))
        writer.push(noise)
        writer.close()
        writer.close()
        writer.abort()
    assert (tmp_path / "out").stat().st_size >= noise.nbytes
