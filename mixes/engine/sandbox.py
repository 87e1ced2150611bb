"""The one door to other processes: ffmpeg, and the short readers of tags and pictures.

In: an argument list, limits, the paths it may touch. Out: its bytes, or an `EngineError` that says how it
ended. Every child has its own session, a clean environment, resource limits, Landlock where the kernel has
it, a watchdog on progress, and dies with us (launcher.py). No child outlives its `with` block.
"""

import contextlib
import ctypes
import fcntl
import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from mixes.engine import launcher
from mixes.engine.errors import Cancelled, EngineError, FfmpegError, OutputError, StalledError

GIB = 1 << 30
POLL_S = 0.1  # how soon a child notices that its caller wants to stop
F_SETPIPE_SZ = 1031  # Linux; fcntl does not name it on other systems
PIPE_BYTES = 1 << 20  # Linux's usual upper limit without privileges; fewer switches than with 64 KiB
STDERR_KEPT = 8192  # bytes kept from the beginning and from the end
# The package by hand: to find it on sys.path needs the right to list the project root, where secrets lie.
READER_START = """
import runpy, sys, types
package = types.ModuleType("mixes")
package.__path__ = [sys.argv[1]]
sys.modules["mixes"] = package
runpy.run_module(sys.argv[2], run_name="__main__")
"""
LAUNCHER = Path(__file__).with_name("launcher.py")
PACKAGE = LAUNCHER.parents[1]
# What a dynamically linked program needs to start; the pinned ffmpeg is static and needs none of it.
SYSTEM_PATHS = tuple(
    map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/dev/urandom"))
)

ShouldStop = Callable[[], bool]
Buffer = bytes | bytearray | memoryview


def never() -> bool:
    """Do not stop: the default of every `should_stop`."""
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use; 0 means no limit of its own."""

    memory_bytes: int = GIB  # address space: ffmpeg 9 needs more than 350 MB to start
    cpu_s: int = 0
    file_bytes: int = 0
    stall_s: float = 60.0  # longest time without a byte in or out


DECODE = Limits(memory_bytes=GIB, file_bytes=1)
ENCODE = Limits(memory_bytes=GIB, file_bytes=1)
VIDEO = Limits(memory_bytes=4 * GIB, stall_s=120.0)
READER = Limits(memory_bytes=GIB, cpu_s=30, stall_s=30.0)


@dataclass(frozen=True, slots=True)
class Output:
    """What a finished child said."""

    stdout: bytes
    stderr_tail: str
    error_lines: int


class Child:
    """One running process. Use as a context manager: leaving the block kills what still runs."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        read: Iterable[Path] = (),
        write: Iterable[Path] = (),
        stdin: bool = False,
    ) -> None:
        """Start `argv` (a list, its program an absolute path) with access to the given paths only."""
        self._limits = limits
        self._process = subprocess.Popen(
            _launcher_argv(argv, limits, read, write),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
        self._head = b""
        self._tail = b""
        self._unfinished_line = b""
        self._last_move_s = time.monotonic()
        self.error_lines = 0
        for stream in filter(None, (self._process.stdin, self._process.stdout, self._process.stderr)):
            os.set_blocking(stream.fileno(), False)
            with contextlib.suppress(OSError):  # the user's pipe quota may be used up: slower, not wrong
                fcntl.fcntl(stream.fileno(), F_SETPIPE_SZ, PIPE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def stderr_head(self) -> str:
        return self._head.decode("utf-8", "replace")

    @property
    def stderr_tail(self) -> str:
        return self._tail.decode("utf-8", "replace")

    def readinto(self, view: memoryview, should_stop: ShouldStop = never) -> int:
        """Fill the whole of `view` from the child's output; return the bytes read, fewer only at its end.

        Raises Cancelled or StalledError; the child is then still to be killed (leave the `with` block).
        """
        filled = 0
        self._last_move_s = time.monotonic()  # the time the caller took is not the child's
        while filled < len(view):
            count = self._stdout.readinto(view[filled:])
            if count is None:
                self._wait(should_stop)
                continue
            if count == 0:
                break
            self._last_move_s = time.monotonic()
            filled += count
        return filled

    def communicate(self, feed: Iterable[Buffer], should_stop: ShouldStop = never) -> bytes:
        """Write every buffer of `feed` to the child while reading its output to the end; return that."""
        chunks: list[bytes] = []
        feeder = self._feed(feed)
        feeding = True
        while True:
            feeding = feeding and next(feeder, False)
            chunk = self._stdout.read(PIPE_BYTES)
            if chunk == b"":
                return b"".join(chunks)
            if chunk:
                self._last_move_s = time.monotonic()
                chunks.append(chunk)
            else:
                self._wait(should_stop, writing=feeding)

    def finish(self, should_stop: ShouldStop = never) -> None:
        """Wait for the end; raises FfmpegError (status not 0), OutputError (it wrote too much)."""
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_S)
            self._drain_stderr()
            self._check(should_stop)
        self._drain_stderr()
        status = self._process.returncode
        if status == -signal.SIGXFSZ:
            raise OutputError("A file grew beyond its limit and was given up.")
        if status:
            raise FfmpegError(status, self.stderr_tail)

    def kill(self) -> None:
        """End the child and everything it started, at once. Harmless when it is gone."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in self._streams():
            stream.close()

    @property
    def _stdout(self) -> io.FileIO:
        return cast(io.FileIO, self._process.stdout)

    def _streams(self) -> list[io.FileIO]:
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        return [cast(io.FileIO, stream) for stream in streams if stream is not None]

    def _feed(self, buffers: Iterable[Buffer]) -> Iterator[bool]:
        """Write the buffers; yield True each time the pipe is full; close it at the end."""
        stdin = cast(io.FileIO | None, self._process.stdin)
        if stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it stopped reading: its exit status says why
            for buffer in buffers:
                view = memoryview(buffer).cast("B")
                while view:
                    count = stdin.write(view)
                    if count is None:
                        yield True
                    else:
                        self._last_move_s = time.monotonic()
                        view = view[count:]
        stdin.close()

    def _wait(self, should_stop: ShouldStop, *, writing: bool = False) -> None:
        """Sleep until the child can give or take a byte, for POLL_S at most."""
        poll = select.poll()
        for stream in self._streams():
            if not stream.closed and (stream is not self._process.stdin or writing):
                poll.register(stream, select.POLLOUT if stream is self._process.stdin else select.POLLIN)
        poll.poll(POLL_S * 1000)
        self._drain_stderr()
        self._check(should_stop)

    def _check(self, should_stop: ShouldStop) -> None:
        if should_stop():
            raise Cancelled
        if time.monotonic() - self._last_move_s > self._limits.stall_s:
            raise StalledError(f"Nothing moved for {self._limits.stall_s:.0f} seconds, so it was stopped.")

    def _drain_stderr(self) -> None:
        stderr = cast(io.FileIO, self._process.stderr)
        while not stderr.closed and (text := stderr.read(PIPE_BYTES)):
            self._head = (self._head + text)[:STDERR_KEPT]
            self._tail = (self._tail + text)[-STDERR_KEPT:]
            *lines, self._unfinished_line = (self._unfinished_line + text)[-PIPE_BYTES:].split(b"\n")
            self.error_lines += sum(b"[error]" in line or b"[fatal]" in line for line in lines)


def run(
    argv: Sequence[str],
    *,
    limits: Limits,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    feed: Iterable[Buffer] | None = None,
    should_stop: ShouldStop = never,
) -> Output:
    """Run a child to its end, feeding it and keeping all it says.

    Raises FfmpegError (status not 0), StalledError, Cancelled, OutputError (it wrote more than it may).
    """
    with Child(argv, limits=limits, read=read, write=write, stdin=feed is not None) as child:
        stdout = child.communicate(feed or (), should_stop)
        child.finish(should_stop)
        return Output(stdout, child.stderr_tail, child.error_lines)


def call_reader(
    module: str,
    payload: dict[str, Any],
    *,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    limits: Limits = READER,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Run `mixes.engine.<module>` as a child: `payload` as JSON on its stdin, a JSON object on its stdout.

    Raises EngineError in one sentence when the child fails, whatever the reason.
    """
    argv = [sys.executable, "-I", "-c", READER_START, str(PACKAGE), f"mixes.engine.{module}"]
    python = (Path(sys.prefix), Path(sys.base_prefix), PACKAGE)
    try:
        output = run(
            argv,
            limits=limits,
            read=(*python, *read),
            write=write,
            feed=[json.dumps(payload).encode()],
            should_stop=should_stop,
        )
        answer: dict[str, Any] = json.loads(output.stdout)
    except (FfmpegError, StalledError, ValueError) as error:
        raise EngineError("The file could not be read safely.") from error
    return answer


def _launcher_argv(
    argv: Sequence[str], limits: Limits, read: Iterable[Path], write: Iterable[Path]
) -> list[str]:
    readable = (*SYSTEM_PATHS, Path(argv[0]), *read)
    paths = [item for path in readable for item in ("-r", str(path))]
    paths += [item for path in write for item in ("-w", str(path))]
    numbers = (os.getpid(), limits.memory_bytes, limits.cpu_s, limits.file_bytes)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, numbers), *paths, "--", *argv]


def can_restrict_files() -> bool:
    """Tell whether the kernel lets us keep a child away from other files (Landlock)."""
    return sys.platform == "linux" and launcher.landlock_abi(ctypes.CDLL(None)) > 0
