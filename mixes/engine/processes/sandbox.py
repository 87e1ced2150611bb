"""Run child processes in a sandbox: ffmpeg, and the readers of tags and pictures (readers.py).

In: an argument list, limits, the paths the child may access. Out: its output bytes, or an `EngineError` that
says how it ended. Every child has its own session, a clean environment, resource limits, no sockets, no files
but the given paths (where the kernel supports it) and a watchdog on progress. It dies with this process
(launcher.py) and does not outlive its `with` block.
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
import termios
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
POLL_S = 0.1  # longest wait between two calls of `should_stop`
SUSPENDED_S = 1.0
F_SETPIPE_SZ = 1031  # Linux; the fcntl module of other systems lacks it
PIPE_BYTES = MIB  # the default limit of Linux for unprivileged users; fewer context switches than with 64 KiB
READ_BYTES = 1 << 16
READS_AT_ONCE = 16  # of stderr, between two checks of the clock
STDERR_TAIL_BYTES = 8192  # kept of the end of stderr, and of the captured lines
# `[mp3 @ 0x55d4e8c880c0] [error] ...`, as ffmpeg writes with `-v level+...`. A skipped cover ("not on
# whitelist") is no error: the whitelist excludes it on purpose.
# Not counted: what ffmpeg leaves out by design, what Vorbis files do at their ends, and remarks on timestamps
ERROR_LINE = re.compile(
    rb"^(?:\[[^\]\n]* @ [^\]\n]*\] )*\[(?:error|fatal|panic)\] (?!Codec \([^)\n]*\) not on whitelist"
    rb"|Overread \d+ bits|Application provided invalid, non monotonically)",
    re.MULTILINE,
)
MAX_FIRST_ERRORS = 60
DISK_FULL_MESSAGES = ("No space left on device", "Disk quota exceeded")
LAUNCHER = Path(__file__).with_name("launcher.py")
# Paths that a dynamically linked program needs to start; the pinned ffmpeg is static and needs none of them.
SYSTEM_PATHS = tuple(
    map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/dev/urandom"))
)

_is_forbidden = False

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of a child; 0 means no limit."""

    memory_bytes: int = GIB  # address space: ffmpeg 9 needs more than 350 MB to start
    cpu_s: int = 0
    file_bytes: int = 0  # the size of each file it writes; pipes do not count
    stall_s: float = 60.0  # longest time without a byte through its pipes; writes to files do not count
    min_bytes_per_s: int = 1_000  # through its pipes: a slower child counts as stalled
    max_output_bytes: int = 256 * MIB  # the most output that `run_child` collects


DECODE = Limits(file_bytes=1, min_bytes_per_s=10_000)  # 0.03 s of CD audio per second
ENCODE = Limits(file_bytes=1, min_bytes_per_s=10_000, max_output_bytes=16 * MIB)  # a 45 s chunk has 4 MiB
VIDEO = Limits(memory_bytes=4 * GIB, stall_s=120.0)
READER = Limits(cpu_s=30, stall_s=30.0, max_output_bytes=64 * MIB)


@dataclass(frozen=True, slots=True)
class ChildOutput:
    """The output of a finished child."""

    stdout: bytes
    stderr_tail: str
    error_lines: int


class Child:
    """One running process. Use as a context manager: leaving the block kills the process and its group.

    The kernel kills a child when the *thread* that started it ends, not only the process: start it in a
    thread that outlives it. One thread at a time may use it; only `kill` may be called from another.
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
        """Start `argv`, whose program is an absolute path, with access to the given paths only.

        The paths must exist already: to create a file, a child needs access to its folder. The buffers of
        `feed` are written to its stdin while its output is read. Matches of `capture` in its stderr are kept
        in `captured_lines`. Raises EngineError when no process can be started.
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
        self._error_lines = 0
        self.first_errors: list[str] = []  # at most MAX_FIRST_ERRORS of those lines
        for stream in self._streams:
            os.set_blocking(stream.fileno(), False)
            if stream is not self._stderr:
                with contextlib.suppress(OSError):  # the pipe quota may be used up: slower, but still correct
                    fcntl.fcntl(stream.fileno(), F_SETPIPE_SZ, PIPE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child if it still runs, and close its pipes. May be called again."""
        self.kill()
        for stream in self._streams:
            stream.close()

    @property
    def stderr_tail(self) -> str:
        return self._stderr_tail.decode("utf-8", "replace")

    @property
    def error_lines(self) -> int:
        """How many errors the child wrote to its stderr so far."""
        self._drain_stderr()
        return self._error_lines

    @property
    def waiting_bytes(self) -> int:
        """How much output of the child waits to be read."""
        if self._stdout.closed:
            return 0
        return int.from_bytes(fcntl.ioctl(self._stdout, termios.FIONREAD, bytes(4)), sys.byteorder)

    @property
    def captured_lines(self) -> str:
        """Matches of `capture` in the stderr read so far, one a line."""
        self._drain_stderr()
        return self._captured.decode("utf-8", "replace")

    def readinto(self, view: memoryview, should_stop: ShouldStop = never) -> int:
        """Fill `view` from the child's output; return the number of bytes, fewer only at the end of output.

        Raises Cancelled when `should_stop` says so, StalledError when nothing moves, and what `feed` raises.
        The child still runs then: leave the `with` block to kill it.
        """
        filled = 0
        # time spent in the caller does not count as a stall
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
        """Write all of `feed` and return the child's whole output.

        Raises Cancelled when `should_stop` says so, StalledError when nothing moves, OutputError when the
        output exceeds its limit, and what `feed` raises.
        """
        output = bytearray()
        feeding = True
        while feeding or not self._stdout.closed:
            feeding = next(self._feeder, False)
            if not self._read_some(output):
                self._wait(should_stop, feeding=feeding)
        return bytes(output)

    def finish(self, should_stop: ShouldStop = never) -> None:
        """Wait until the child exits; its output must have been read to the end.

        Raises FfmpegError for an exit status other than 0, OutputError when a file exceeds its limit,
        DiskFullError when the disk is full, StalledError and Cancelled.
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
            raise OutputError("A file grew beyond its size limit, so the work was stopped.")
        if self._writes and any(message in self.stderr_tail for message in DISK_FULL_MESSAGES):
            raise DiskFullError  # for any status: ffmpeg 5 exits with 0 when only the end was lost
        if status:
            raise FfmpegError(status, self.stderr_tail)

    def kill(self) -> None:
        """Kill the child and everything it started; do nothing when it has ended."""
        if not self._has_ended():
            self._end_group()
            self._process.wait()

    @property
    def _streams(self) -> list[io.FileIO]:
        return [stream for stream in (self._stdin, self._stdout, self._stderr) if stream is not None]

    def _feed(self, buffers: Iterable[Buffer]) -> Iterator[bool]:
        """Write the buffers, yield True after each write so that output can be read, then close the pipe."""
        if self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # the child stopped reading: its exit status says why
            for buffer in self._without_caller_time(buffers):
                view = memoryview(buffer).cast("B")
                while view:
                    if count := self._stdin.write(view):
                        self._note_progress(count)
                        view = view[count:]
                    yield True
        self._stdin.close()

    def _without_caller_time(self, buffers: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield the buffers; the time the caller needs to make them does not count as a stall."""
        started_s = time.monotonic()
        for buffer in buffers:
            self._last_progress_s += time.monotonic() - started_s
            yield buffer
            started_s = time.monotonic()

    def _note_progress(self, count: int) -> None:
        """Extend the stall deadline in proportion to `count` bytes, so that a trickle still stalls."""
        earned_s = count / self._limits.min_bytes_per_s
        self._last_progress_s = min(time.monotonic(), self._last_progress_s + earned_s)

    def _read_some(self, output: bytearray) -> bool:
        """Append the output that is available; return whether there was any, or its end."""
        if self._stdout.closed or (chunk := self._stdout.read(READ_BYTES)) is None:
            return False
        if not chunk:
            self._stdout.close()
        self._note_progress(len(chunk))
        output += chunk
        if len(output) > self._limits.max_output_bytes:
            raise OutputError("A helper program returned far too much data, so it was stopped.")
        return True

    def _wait(self, should_stop: ShouldStop, *, reading: bool = True, feeding: bool = False) -> None:
        """Sleep until a pipe of the child is ready, at most POLL_S."""
        poll = select.poll()
        wanted = [(self._stderr, select.POLLIN)]
        wanted += [(self._stdout, select.POLLIN)] if reading else []
        wanted += [(self._stdin, select.POLLOUT)] if feeding else []
        for stream, event in wanted:
            if not stream.closed:  # a pipe at its end would wake `poll` immediately every time
                poll.register(stream, event)
        started_s = time.monotonic()
        poll.poll(POLL_S * 1000)
        overslept_s = time.monotonic() - started_s - POLL_S
        if overslept_s > SUSPENDED_S:  # this process was suspended, as by Ctrl-Z: not a stall of the child
            self._last_progress_s += overslept_s
        self._drain_stderr()
        self._check(should_stop)

    def _check(self, should_stop: ShouldStop) -> None:
        if should_stop():
            raise Cancelled
        if time.monotonic() - self._last_progress_s > self._limits.stall_s:
            raise StalledError(f"Nothing moved for {self._limits.stall_s:.0f} seconds, so it was stopped.")

    def _drain_stderr(self) -> None:
        """Drain stderr without blocking, at most READS_AT_ONCE chunks per call."""
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
        for match in ERROR_LINE.finditer(lines):
            self._error_lines += 1
            if len(self.first_errors) < MAX_FIRST_ERRORS:
                self.first_errors.append(
                    lines[match.start() :].partition(b"\n")[0].decode("utf-8", "replace")
                )
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
        """Kill the child's process group, once: later the kernel may reuse its number."""
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
    """Run a child to its end, feed it, and return all its output.

    Raises EngineError when it cannot be started, FfmpegError for an exit status other than 0, StalledError
    when nothing moves, Cancelled when `should_stop` says so, OutputError when it writes more than its limits
    allow or the disk is full.
    """
    with Child(argv, limits=limits, read=read, write=write, feed=feed) as child:
        stdout = child.read_all(should_stop)
        child.finish(should_stop)
        return ChildOutput(stdout, child.stderr_tail, child.error_lines)


def forbid_processes() -> None:
    """Forbid starting child processes from now on, in this process and its forks.

    For processes that hold secrets, which programs that read untrusted files must not reach.
    """
    global _is_forbidden
    _is_forbidden = True


def can_restrict_files() -> bool:
    """Return whether the kernel can restrict a child to given files (Landlock)."""
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
