"""Faults for a running site: kills, suspended processes, a locked database, bad files."""

import contextlib
import os
import signal
import sqlite3
import threading
import time

from benchmarks.measure import process_tree
from mixes.tests.torture.soak.gauges import HELPERS, kinds_of

LOOKED_FOR_S = 20.0  # wait for a process that a fault needs
STOPPED_S = (2.0, 8.0)
BAD_FILES = 4  # kills in one burst


class Troublemaker(threading.Thread):
    """Causes one fault every `every_s` seconds, each kind equally often."""

    def __init__(self, site, rng, every_s, locked_s, bad_file, ledger) -> None:
        super().__init__(name="trouble")
        self.site, self.rng, self.every_s, self.locked_s = site, rng, every_s, locked_s
        self.bad_file, self.ledger = bad_file, ledger
        self.over = threading.Event()
        self.faults = {
            "SIGKILL of a worker's process": lambda: self.kill("worker processes"),
            "SIGKILL of a worker command": lambda: self.kill("worker commands"),
            "SIGKILL of ffmpeg": lambda: self.kill(HELPERS, "ffmpeg"),
            "SIGKILL of the web server's worker": self.kill_web,
            "ffmpeg stopped for seconds": self.stop_ffmpeg,
            "database locked": self.lock_database,
            "a burst of bad files": lambda: all(self.bad_file() for _ in range(BAD_FILES)),
        }

    def run(self) -> None:
        deck = []
        while not self.over.wait(self.every_s):
            deck = deck or list(self.rng.permutation(list(self.faults)))
            name = deck.pop()
            self.ledger.faults[name] += bool(self.faults[name]())

    def find(self, kind, *words) -> int | None:
        """Return a process to hit; wait for one that lives only for one file."""
        until_s = time.monotonic() + LOOKED_FOR_S
        while time.monotonic() < until_s and not self.over.is_set():
            if found := sorted(set(kinds_of(self.site)[kind]) & set(self.site.processes(*words))):
                return int(self.rng.choice(found))
            time.sleep(0.05)
        return None

    def kill(self, kind, *words) -> bool:
        return send(self.find(kind, *words), signal.SIGKILL)

    def kill_web(self) -> bool:
        """Kill the web server's worker, not its parent."""
        root = self.site.process.pid
        parents = dict(process_tree(root))
        found = [pid for pid in kinds_of(self.site)["web"] if parents.get(pid, root) != root]
        self.ledger.web_died_s = time.monotonic()
        return send(found[0] if found else None, signal.SIGKILL)

    def stop_ffmpeg(self) -> bool:
        pid = self.find(HELPERS, "ffmpeg")
        stopped = send(pid, signal.SIGSTOP)
        if stopped:
            self.over.wait(self.rng.uniform(*STOPPED_S))
            send(pid, signal.SIGCONT)
        return stopped

    def lock_database(self) -> bool:
        path = self.site.folder / "var" / "mixtape.sqlite3"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as database:
            database.execute("begin immediate")
            self.over.wait(self.locked_s)
            database.execute("commit")
        return True


def send(pid, number) -> bool:
    """Send a signal; return whether the process existed."""
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
