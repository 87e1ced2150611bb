"""Run a process and measure its wall time, CPU time and memory, children included."""

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES_PER_S = 10
PAGE_FILE = "smaps_rollup"  # Linux: the sum over a process's mappings, computed by the kernel


class RunFailed(Exception):
    """A measured process failed; the message ends with its stderr."""


@dataclass(frozen=True, slots=True)
class Run:
    """Cost of one run. CPU is user plus system time of the process and every child it waited for."""

    wall_s: float
    cpu_s: float
    peak_mb: float | None = None  # largest sum of PSS over the process tree, 10^6 bytes
    stdout: str = ""


def run(
    argv: Sequence[object],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    memory: bool = False,
) -> Run:
    """Run a process. Raises RunFailed when it fails. `memory` samples the tree ten times a second."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        child = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environ or {})},
            cwd=cwd,
        )
        sampler = _Sampler(child.pid) if memory else None
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        peak_mb = sampler.stop() if sampler else None
        if child.returncode:
            err.seek(0)
            said = err.read().decode("utf-8", "replace")[-2000:]
            raise RunFailed(f"{Path(str(argv[0])).name} ended with {child.returncode}: {said}")
        out.seek(0)
        stdout = out.read().decode("utf-8", "replace")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, peak_mb, stdout)


def interleaved(repeats: int, **variants: Callable[[], Run]) -> dict[str, list[Run]]:
    """Run the variants alternately (A B A B ...), so that a machine that slows down affects all equally."""
    results: dict[str, list[Run]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, variant in variants.items():
            results[name].append(variant())
    return results


def median_wall_s(runs: Sequence[Run]) -> float:
    return statistics.median(run.wall_s for run in runs)


def median_cpu_s(runs: Sequence[Run]) -> float:
    return statistics.median(run.cpu_s for run in runs)


def cores() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Sampler:
    """Samples the memory of a process tree until stopped."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> float | None:
        self._done.set()
        self._thread.join()
        return self._peak / 1e6 if self._peak else None

    def _follow(self) -> None:
        while not self._done.wait(1 / SAMPLES_PER_S):
            tree = dict(process_tree(self._root))
            grown_up = [pid for pid, parent in tree.items() if not self._is_newborn(pid, parent)]
            self._peak = max(self._peak, sum(map(pss_bytes, grown_up)))

    def _is_newborn(self, pid: int, parent: int) -> bool:
        """Return whether this is a forked child before its exec: its parent's memory would count twice."""
        return pid != self._root and command_of(pid) == command_of(parent)


def process_tree(root: int) -> Iterator[tuple[int, int]]:
    """Yield (pid, parent pid) of a process and all its descendants."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid, parents.get(pid, 0)
        waiting += [child for child, parent in parents.items() if parent == pid]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):  # the process has ended
        return 0


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def pss_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/{PAGE_FILE}").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # the process has ended, or belongs to another user
        pass
    return 0
