"""Measure uploads to a stand-in for YouTube, into benchmarks/RESULTS.md: `make bench-youtube`.

A real worker process sends, the stand-in receives in this process; both share the machine.
"""

import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import ROOT, Row, machine_lines, replace_part, table_lines
from youtube_integration.tests.jobs.live_worker import Site, wait_until
from youtube_integration.tests.standin import StandIn
from youtube_integration.tests.standin.state import Session

MIB = 2**20
CHUNK = 8 * MIB
MIX_BYTES = 60 * MIB  # a mix of 80 minutes with a still picture
HUGE_BYTES = 4096 * MIB
GOAL_S = 3.0
MOST_MORE_MIB = 32
INTERRUPTIONS = 12


def main() -> None:
    conditions = machine_lines()
    rows = [*speed(), *memory(), *interruptions()]
    head = [
        "# Uploads to YouTube",
        "",
        "Made by `make bench-youtube`, against the tests' stand-in for Google.",
    ]
    part = "\n".join([*head, "", *conditions, "", *table_lines(rows), ""])
    replace_part(ROOT / "benchmarks" / "RESULTS.md", part)
    sys.stdout.write(part)


@contextlib.contextmanager
def live(*sizes: int, sparse: bool = False) -> Iterator[Site]:
    """Yield a site with one worker, and publications of these sizes that wait for their release."""
    with tempfile.TemporaryDirectory(prefix="mixtape-bench-") as folder, StandIn() as google:
        google.manner.polls = 0
        site = Site(Path(folder), google)
        site.prepare(*sizes, sparse=sparse)
        site.start_worker()
        try:
            yield site
        finally:
            site.stop()


def send(site: Site) -> tuple[Session, int]:
    """Publish the next one; return its session, and the peak memory of its sending process in bytes."""
    pk, peak = site.let_go(), 0
    known = set(site.google.sessions)

    def is_done() -> bool:
        nonlocal peak
        if worker := site.column("worker", pk):
            peak = max(peak, peak_bytes(int(worker.rsplit(":", 1)[1])))
        return site.column("state", pk) in ("done", "failed")

    wait_until(is_done, site, seconds=600.0)
    assert site.column("state", pk) == "done", site.column("error_text", pk)
    (name,) = set(site.google.sessions) - known
    return site.google.sessions[name], peak


def peak_bytes(pid: int) -> int:
    """Return the peak memory of a process in bytes; 0 when it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def speed() -> Iterator[Row]:
    with live(*[MIX_BYTES] * 5) as site:
        took_s = sorted(session.made_s - session.opened_s for session, _ in (send(site) for _ in range(5)))
    median_s = took_s[2]
    yield Row(
        "60 MiB, from the session's opening to the video",
        f"≤ {GOAL_S:.0f} s",
        f"{median_s:.2f} s ({took_s[0]:.2f} to {took_s[-1]:.2f}), {MIX_BYTES / MIB / median_s:.0f} MiB/s",
        reached=median_s <= GOAL_S,
    )


def memory() -> Iterator[Row]:
    """Measure each size with a fresh worker, because peak memory covers its whole lifetime."""
    peaks = {}
    for size in (CHUNK, HUGE_BYTES):
        with live(size, sparse=True) as site:
            session, peaks[size] = send(site)
            assert session.received == size
    more_mib = (peaks[HUGE_BYTES] - peaks[CHUNK]) / MIB
    yield Row(
        "memory of the sending process, 4 GiB compared with 8 MiB",
        f"at most {MOST_MORE_MIB} MiB more",
        f"{peaks[HUGE_BYTES] / MIB:.0f} MiB, {more_mib:+.1f} MiB",
        reached=more_mib <= MOST_MORE_MIB,
    )


def interruptions() -> Iterator[Row]:
    """Interrupt each upload once, at a different place."""
    rng, again = random.Random(7), []
    with live(*[3 * CHUNK + 77] * INTERRUPTIONS) as site:
        for number in range(INTERRUPTIONS):
            site.google.fail("chunk", nth=rng.randint(1, 4), **cut(number, rng))
            session, _ = send(site)
            again.append(session.received - session.size)
    most, mean = max(again), sum(again) / len(again)
    yield Row(
        f"sent again after one interruption, most of {INTERRUPTIONS}",
        "≤ one chunk (8 MiB)",
        f"{most / MIB:.1f} MiB; {mean / MIB:.1f} MiB on average",
        reached=most <= CHUNK,
    )


def cut(number: int, rng: random.Random) -> dict[str, object]:
    """Return a random kind of interruption of a chunk."""
    ways: tuple[dict[str, object], ...] = (
        {"drop": "rst", "after": rng.randint(1, CHUNK)},
        {"drop": "fin", "after": rng.randint(1, CHUNK)},
        {"reason": "backendError"},
        {"short": rng.randint(1, 31) * 256 * 1024},
    )
    return ways[number % len(ways)]


if __name__ == "__main__":
    main()
