"""The one door to other processes: ffmpeg, and the short readers of tags and pictures (readers.py).

In: an argument list, limits, the paths it may touch. Out: its bytes, or an `EngineError` that says how it
ended. Every child has its own session, a clean environment, resource limits, no sockets, no files but those
named (where the kernel can), a watchdog on progress, and dies with us (launcher.py). No child outlives its
`with` block.
"""

import contextlib
import ctypes
import fcntl
import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled, DiskFullError, EngineError, FfmpegError, OutputError, StalledError
from mixes.engine.processes import launcher

MIB = 1 << 20
GIB = 1 << 30
POLL_S = 0.1  # how soon a child notices that its caller wants to stop
SUSPENDED_S = 1.0
F_SETPIPE_SZ = 1031  # Linux; fcntl does not name it on other systems
PIPE_BYTES = MIB  # Linux's usual upper limit without privileges; fewer switches than with 64 KiB
READ_BYTES = 1 << 16
READS_AT_ONCE = 16  # of stderr, between two looks at the clock
STDERR_TAIL_BYTES = 8192  # bytes kept of the end of what a child says, and of the lines asked for
# `[mp3 @ 0x55d4e8c880c0] [error] ...`, as ffmpeg writes with `-v level+...`. That it leaves a cover alone, as
# it was told to, is no error.
ERROR_LINE = re.compile(
    rb"^(?:\[[^\]\n]* @ [^\]\n]*\] )*\[(?:error|fatal|panic)\] (?!Codec \([^)\n]*\) not on whitelist)",
    re.MULTILINE,
)
DISK_FULL_MESSAGES = ("No space left on device", "Disk quota exceeded")
LAUNCHER = Path(__file__).with_name("launcher.py")
# What a dynamically linked program needs to start; the pinned ffmpeg is static and needs none of it.
SYSTEM_PATHS = tuple(
    map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/dev/urandom"))
)

_is_forbidden = False

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use; 0 means no limit of its own."""

    memory_bytes: int = GIB  # address space: ffmpeg 9 needs more than 350 MB to start
    cpu_s: int = 0
    file_bytes: int = 0  # the size of any one file it writes; pipes are not files
    stall_s: float = 60.0  # longest time without a byte in or out; what it writes to files is not seen
    min_bytes_per_s: int = 1_000  # in and out: a trickle below it is taken for standing still
    max_output_bytes: int = 256 * MIB  # the most that `run_child` collects


DECODE = Limits(file_bytes=1, min_bytes_per_s=10_000)  # 0.03 s of CD sound a second
ENCODE = Limits(file_bytes=1, min_bytes_per_s=10_000, max_output_bytes=16 * MIB)  # a chunk of 45 s has 4
VIDEO = Limits(memory_bytes=4 * GIB, stall_s=120.0)
READER = Limits(cpu_s=30, stall_s=30.0, max_output_bytes=64 * MIB)


@dataclass(frozen=True, slots=True)
class ChildOutput:
    """What a finished child said."""

    stdout: bytes
    stderr_tail: str
    error_lines: int


class Child:
    """One running process. Use as a context manager: leaving the block kills what still runs.

    The kernel ends a child with the *thread* that started it, not only with the process: start it in a
    thread that outlives it. One thread at a time may use it; only `kill` may come from another.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        read: Iterable[Path] = (),
        write: Iterable[Path] = (),
        feed: Iterable[Buffer] | None = None,
        capture: re.Pattern[bytes] | None = None,
    ) -> None:
        """Start `argv` (a list, its program an absolute path) with access to the given paths only.

        A path must exist by now: to make a file, a child needs its folder. While its output is read, the
        buffers of `feed` are written to its stdin. What `capture` finds in the lines of its stderr is kept in
        `captured_lines`. Raises EngineError when no process can be started.
        """
        self._limits = limits
        self._capture = capture
        self._writes = tuple(write)
        self._process = _start(_launcher_argv(argv, limits, read, self._writes), feeding=feed is not None)
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._stdin, self._stdout, self._stderr = (cast(io.FileIO, pipe) for pipe in pipes)
        self._feeder = self._feed(feed or ())
        self._stderr_tail = b""
        self._captured = b""
        self._unfinished_line = b""
        self._last_progress_s = self._returned_s = time.monotonic()
        self._group_ended = False
        self.error_lines = 0
        for stream in self._streams:
            os.set_blocking(stream.fileno(), False)
            if stream is not self._stderr:
                with contextlib.suppress(OSError):  # the user's pipe quota may be used up: slower, not wrong
                    fcntl.fcntl(stream.fileno(), F_SETPIPE_SZ, PIPE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in self._streams:
            stream.close()

    @property
    def stderr_tail(self) -> str:
        return self._stderr_tail.decode("utf-8", "replace")

    @property
    def captured_lines(self) -> str:
        """What `capture` found in all that the child has said so far."""
        self._drain_stderr()
        return self._captured.decode("utf-8", "replace")

    def readinto(self, view: memoryview, should_stop: ShouldStop = never) -> int:
        """Fill the whole of `view` from the child's output; return the bytes read, fewer only at its end.

        Raises Cancelled, StalledError and what `feed` raises; the child is then still to be killed (leave
        the `with` block).
        """
        filled = 0
        # the time the caller took is not the child's
        self._last_progress_s += time.monotonic() - self._returned_s
        self._check(should_stop)
        while filled < len(view) and not self._stdout.closed:
            feeding = next(self._feeder, False)
            count = self._stdout.readinto(view[filled:])
            if count is None:
                self._wait(should_stop, feeding=feeding)
            elif count:
                self._note_progress(count)
                filled += count
            else:
                self._stdout.close()
        self._returned_s = time.monotonic()
        return filled

    def read_all(self, should_stop: ShouldStop = never) -> bytes:
        """Return the child's output to its end, once all of `feed` is written.

        Raises Cancelled, StalledError, OutputError (it answered more than it may) and what `feed` raises.
        """
        output = bytearray()
        feeding = True
        while feeding or not self._stdout.closed:
            feeding = next(self._feeder, False)
            if not self._read_some(output):
                self._wait(should_stop, feeding=feeding)
        return bytes(output)

    def finish(self, should_stop: ShouldStop = never) -> None:
        """Wait for the end, the child's output having been read to its end.

        Raises FfmpegError (status not 0), OutputError (too large a file, or the disk is full).
        """
        while not self._has_ended():
            if self._stderr.closed:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(POLL_S)
                self._check(should_stop)
            else:
                self._wait(should_stop, reading=False)
        self._drain_stderr()
        status = self._process.returncode
        if status == -signal.SIGXFSZ:
            raise OutputError("A file grew beyond its limit and was given up.")
        if self._writes and any(message in self.stderr_tail for message in DISK_FULL_MESSAGES):
            raise DiskFullError  # whatever the status: ffmpeg 5 gives 0 when only the end was lost
        if status:
            raise FfmpegError(status, self.stderr_tail)

    def kill(self) -> None:
        """End the child and everything it started, at once. Harmless when it is gone."""
        if not self._has_ended():
            self._end_group()
            self._process.wait()

    @property
    def _streams(self) -> list[io.FileIO]:
        return [stream for stream in (self._stdin, self._stdout, self._stderr) if stream is not None]

    def _feed(self, buffers: Iterable[Buffer]) -> Iterator[bool]:
        """Write the buffers, yielding True whenever something else may be done; close the pipe at the end."""
        if self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it stopped reading: its exit status says why
            for buffer in self._without_caller_time(buffers):
                view = memoryview(buffer).cast("B")
                while view:
                    if count := self._stdin.write(view):
                        self._note_progress(count)
                        view = view[count:]
                    yield True
        self._stdin.close()

    def _without_caller_time(self, buffers: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield the buffers; the time the caller takes to make them is not the child's."""
        started_s = time.monotonic()
        for buffer in buffers:
            self._last_progress_s += time.monotonic() - started_s
            yield buffer
            started_s = time.monotonic()

    def _note_progress(self, count: int) -> None:
        """Have `count` bytes buy the child time, so much that a trickle of them does not last for ever."""
        earned_s = count / self._limits.min_bytes_per_s
        self._last_progress_s = min(time.monotonic(), self._last_progress_s + earned_s)

    def _read_some(self, output: bytearray) -> bool:
        """Append what there is of the child's output; tell whether there was anything."""
        if self._stdout.closed or (chunk := self._stdout.read(READ_BYTES)) is None:
            return False
        if not chunk:
            self._stdout.close()
        self._note_progress(len(chunk))
        output += chunk
        if len(output) > self._limits.max_output_bytes:
            raise OutputError("A helper program answered far more than it should and was given up.")
        return True

    def _wait(self, should_stop: ShouldStop, *, reading: bool = True, feeding: bool = False) -> None:
        """Sleep until the child says something or can give or take a byte, for POLL_S at most."""
        poll = select.poll()
        wanted = [(self._stderr, select.POLLIN)]
        wanted += [(self._stdout, select.POLLIN)] if reading else []
        wanted += [(self._stdin, select.POLLOUT)] if feeding else []
        for stream, event in wanted:
            if not stream.closed:  # a pipe at its end would wake us at once, again and again
                poll.register(stream, event)
        started_s = time.monotonic()
        poll.poll(POLL_S * 1000)
        overslept_s = time.monotonic() - started_s - POLL_S
        if overslept_s > SUSPENDED_S:  # we were stopped ourselves, as by Ctrl-Z: that is not the child's time
            self._last_progress_s += overslept_s
        self._drain_stderr()
        self._check(should_stop)

    def _check(self, should_stop: ShouldStop) -> None:
        if should_stop():
            raise Cancelled
        if time.monotonic() - self._last_progress_s > self._limits.stall_s:
            raise StalledError(f"Nothing moved for {self._limits.stall_s:.0f} seconds, so it was stopped.")

    def _drain_stderr(self) -> None:
        """Take what the child has to say, but not for ever: it may say more than anybody can listen to."""
        for _ in range(READS_AT_ONCE):
            if self._stderr.closed or (text := self._stderr.read(READ_BYTES)) is None:
                return
            self._stderr_tail = (self._stderr_tail + text)[-STDERR_TAIL_BYTES:]
            lines, newline, rest = (self._unfinished_line + text).rpartition(b"\n")
            self._unfinished_line = rest[:STDERR_TAIL_BYTES]
            self._scan_stderr(lines + newline)
            if not text:
                self._scan_stderr(self._unfinished_line)
                self._stderr.close()

    def _scan_stderr(self, lines: bytes) -> None:
        self.error_lines += sum(1 for _ in ERROR_LINE.finditer(lines))
        if self._capture and len(self._captured) < STDERR_TAIL_BYTES:
            found = b"".join(match[0] + b"\n" for match in self._capture.finditer(lines))
            self._captured = (self._captured + found)[:STDERR_TAIL_BYTES]

    def _has_ended(self) -> bool:
        if self._process.poll() is None:
            return False
        if not self._group_ended:
            self._end_group()
        return True

    def _end_group(self) -> None:
        """Kill the child and what it started, as long as their number cannot have passed to others."""
        self._group_ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def run_child(
    argv: Sequence[str],
    *,
    limits: Limits,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    feed: Iterable[Buffer] | None = None,
    should_stop: ShouldStop = never,
) -> ChildOutput:
    """Run a child to its end, feeding it and keeping all it says.

    Raises FfmpegError (status not 0), StalledError, Cancelled, OutputError (it wrote more than it may, or
    the disk is full).
    """
    with Child(argv, limits=limits, read=read, write=write, feed=feed) as child:
        stdout = child.read_all(should_stop)
        child.finish(should_stop)
        return ChildOutput(stdout, child.stderr_tail, child.error_lines)


def forbid_processes() -> None:
    """Start no child from here on, in this process and in those forked from it.

    For a process that holds what no program near a stranger's file may come near.
    """
    global _is_forbidden
    _is_forbidden = True


def can_restrict_files() -> bool:
    """Tell whether the kernel lets us keep a child away from other files (Landlock)."""
    return sys.platform == "linux" and launcher.landlock_abi(ctypes.CDLL(None)) > 0


def _start(argv: Sequence[str], *, feeding: bool) -> subprocess.Popen[bytes]:
    if _is_forbidden:
        raise EngineError("This process starts no other program.")
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if feeding else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    except OSError as error:
        raise EngineError(f"A helper process could not be started: {error.strerror}.") from error


def _launcher_argv(
    argv: Sequence[str], limits: Limits, read: Iterable[Path], write: Iterable[Path]
) -> list[str]:
    readable = (*SYSTEM_PATHS, Path(argv[0]), *read)
    paths = [item for path in readable for item in ("-r", str(path.absolute()))]
    paths += [item for path in write for item in ("-w", str(path.absolute()))]
    numbers = (os.getpid(), limits.memory_bytes, limits.cpu_s, limits.file_bytes)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, numbers), *paths, "--", *argv]
