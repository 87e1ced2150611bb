"""Pulses: each process with a job shows its worker's main process that it is alive and may hold the job.

They travel through a pipe that the main process opens before it forks, not through the database, which may be
what a process hangs in. A process that shows no pulse for the length of a lease is frozen, or has lost its
job without stopping: its main process ends it.
"""

import contextlib
import os
import struct
import time

from mixes.leases import LEASE

SILENT_S = LEASE.total_seconds()
OWN_GAP_S = 5.0  # between two looks; after a longer one, the main process itself was held up
PULSE, END = 1, 0
_MESSAGE = struct.Struct("=iB")  # process id, PULSE or END; so short that the kernel writes it whole
READ_BYTES = 4096 * _MESSAGE.size
_write_end: int | None = None  # of the pipe; forked processes keep it


class Watch:
    """The main process's end of the pipe: which processes have a job, and when each showed a pulse."""

    def __init__(self) -> None:
        """Open the pipe; processes forked from now on write to it."""
        global _write_end
        self._read_end, _write_end = os.pipe()
        for end in (self._read_end, _write_end):
            os.set_blocking(end, False)
        self._seen_s: dict[int, float] = {}
        self._looked_s = time.monotonic()

    def silent(self) -> list[int]:
        """Return the ids of processes whose job has shown no pulse for SILENT_S; call it every second."""
        now_s = time.monotonic()
        self._read(now_s)
        if now_s - self._looked_s > OWN_GAP_S:
            self._seen_s = dict.fromkeys(self._seen_s, now_s)
        self._looked_s = now_s
        return [pid for pid, seen_s in self._seen_s.items() if now_s - seen_s > SILENT_S]

    def forget(self, pid: int) -> None:
        """Expect no more pulses from a process that has been ended."""
        self._seen_s.pop(pid, None)

    def _read(self, now_s: float) -> None:
        with contextlib.suppress(BlockingIOError):  # nothing more to read
            while data := os.read(self._read_end, READ_BYTES):
                for pid, kind in _MESSAGE.iter_unpack(data):
                    if kind == PULSE:
                        self._seen_s[pid] = now_s
                    else:
                        self.forget(pid)


def send(kind: int = PULSE) -> None:
    """Show the main process, if there is one, a pulse of this process or the end of its job."""
    if _write_end is not None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full: the main process is held up
            os.write(_write_end, _MESSAGE.pack(os.getpid(), kind))
