"""A client's socket that keeps what the client has not taken, so that no thread waits for a slow reader."""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BLOCK_BYTES = 1 << 18  # of a file, sent at once
TURN_BYTES = 1 << 20  # sent to one client before the next one has its turn
STREAM_BYTES = 1 << 19  # of a stream that may wait in memory before its thread waits too
MEMORY_BYTES = 256 << 20  # that may wait in memory for all clients together
READ_TIMEOUT_S = 30.0  # without a byte of a request's body


class LetGo(ConnectionResetError):
    """The site ends the connection; gunicorn treats it like a client that left."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.ECONNRESET, why)


@dataclass(slots=True)
class Pace:
    """The least rate: `least_bytes` in each period of `period_s`."""

    least_bytes: int
    period_s: float
    begun_s: float = field(default_factory=time.monotonic)
    begun_bytes: int = 0

    def restart(self, bytes_so_far: int) -> None:
        self.begun_s, self.begun_bytes = time.monotonic(), bytes_so_far

    def is_kept(self, bytes_so_far: int) -> bool:
        """Return False when a whole period has passed with fewer bytes."""
        if time.monotonic() - self.begun_s < self.period_s:
            return True
        kept = bytes_so_far - self.begun_bytes >= self.least_bytes
        self.restart(bytes_so_far)
        return kept


@dataclass(slots=True)
class FileRest:
    """The part of a file that is still to be sent; `release` is called when it is sent or given up."""

    descriptor: int
    offset: int
    left: int
    release: Callable[[], None] | None = None

    def close(self) -> None:
        os.close(self.descriptor)
        if self.release:
            self.release()


class Memory:
    """Bytes that wait in memory for slow readers, of the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.used_bytes = 0

    def add(self, count: int) -> None:
        with self._lock:
            self.used_bytes += count


MEMORY = Memory()


class PatientSocket(socket.socket):
    """A non-blocking socket for writers: `sendall` and `sendfile` keep the rest for `flush`."""

    def __init__(self, accepted: socket.socket, pace: Pace) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.pace = pace
        self._read_bytes = self._written_bytes = 0
        self.unsent: deque[memoryview | FileRest] = deque()
        self._waiting_bytes = 0  # in memory

    def setblocking(self, flag: bool) -> None:
        """Let readers in a thread wait for READ_TIMEOUT_S at most; writers never block."""
        self.settimeout(READ_TIMEOUT_S if flag else 0.0)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read from the client. In a thread, raises LetGo for a client below the least rate."""
        try:
            data = super().recv(size, flags)
        except TimeoutError:
            raise LetGo("Nothing came.") from None
        if self.gettimeout():
            self._read_bytes += len(data)
            if data and not self.pace.is_kept(self._read_bytes):
                raise LetGo("Too little came.")
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send `data`, or keep what the client does not take now.

        Only a stream waits, once STREAM_BYTES are kept. Raises LetGo for a reader below the least rate, and
        when all clients together leave too much unread.
        """
        if self._waiting_bytes > STREAM_BYTES:
            self._wait_for_reader()
        self.unsent.append(memoryview(data))
        self._count(len(data))
        self.flush()
        if self._waiting_bytes and MEMORY.used_bytes > MEMORY_BYTES:
            raise LetGo("Too much waits for slow readers.")

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send `count` bytes of a file; the rest is sent by `flush`, also after the file is closed."""
        assert count is not None
        hold = getattr(file, "hold", None)
        self.unsent.append(FileRest(os.dup(file.fileno()), offset, count, hold() if hold else None))
        self.flush()
        return count

    def flush(self) -> None:
        """Send what the client takes now, up to TURN_BYTES. Raises OSError when the connection is gone."""
        turn = 0
        while self.unsent and turn < TURN_BYTES:
            try:
                sent = self._send_first()
            except BlockingIOError:
                return
            turn += sent
            self._written_bytes += sent

    def begin_reading(self) -> None:
        """Start to measure what a thread reads."""
        self.pace.restart(self._read_bytes)

    def begin_sending(self) -> None:
        """Start to measure what the client reads."""
        self.pace.restart(self._delivered_bytes())

    def is_being_read(self) -> bool:
        """Return False for a client below the least rate."""
        return self.pace.is_kept(self._delivered_bytes())

    def _delivered_bytes(self) -> int:
        """Return the bytes that have reached the client; the kernel holds megabytes that have not."""
        queued = struct.pack("i", 0)
        with contextlib.suppress(OSError):
            queued = fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, queued)
        return self._written_bytes - int(struct.unpack("i", queued)[0])

    def give_up(self) -> None:
        """Drop what is unsent."""
        while self.unsent:
            rest = self.unsent.popleft()
            if isinstance(rest, FileRest):
                rest.close()
        self._count(-self._waiting_bytes)

    def _send_first(self) -> int:
        """Send of the first part that is unsent; return the number of bytes."""
        rest = self.unsent[0]
        if isinstance(rest, memoryview):
            # not send(): with a timeout it would wait
            sent = os.write(self.fileno(), rest) if rest else 0
            self._count(-sent)
            if sent == len(rest):
                self.unsent.popleft()
            else:
                self.unsent[0] = rest[sent:]
            return sent
        sent = 0
        if rest.left:
            sent = os.sendfile(self.fileno(), rest.descriptor, rest.offset, min(rest.left, BLOCK_BYTES))
            if not sent:
                raise LetGo("The file became shorter while it was sent.")
            rest.offset, rest.left = rest.offset + sent, rest.left - sent
        if not rest.left:
            self.unsent.popleft()
            rest.close()
        return sent

    def _wait_for_reader(self) -> None:
        self.begin_sending()
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        while self._waiting_bytes > STREAM_BYTES:
            poll.poll(self.pace.period_s * 1000 / 4)
            self.flush()
            if not self.is_being_read():
                raise LetGo("Too little was read.")

    def _count(self, change: int) -> None:
        self._waiting_bytes += change
        MEMORY.add(change)

    def close(self) -> None:
        self.give_up()
        with contextlib.suppress(OSError):
            super().close()
