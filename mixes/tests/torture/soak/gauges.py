"""Resource use of a running site: measured repeatedly and compared over a long time."""

import contextlib
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import command_of, process_tree, pss_bytes

FLAT = 0.05  # of the first figure
FEW = 2  # allowed growth of a small count, whatever its percentage
LASTING = ("up", "web", "worker commands", "worker processes")
HELPERS = "helpers"  # ffmpeg, readers and the clean-up end with each file


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure over time. `judged`: it must not grow."""

    name: str
    judged: bool
    first: float  # median of the first third after the warm-up
    last: float  # median of the last third
    most: float

    @property
    def is_flat(self) -> bool:
        return self.last - self.first <= max(FLAT * self.first, 0.0 if "MB" in self.name else FEW)


def kinds_of(site) -> dict[str, list[int]]:
    """Return the site's processes by kind."""
    root = site.process.pid
    parents = dict(process_tree(root))
    found: dict[str, list[int]] = {kind: [] for kind in (*LASTING, HELPERS)}
    for pid in site.processes():
        command = command_of(pid).replace(b"\0", b" ")
        if pid == root:
            kind = "up"
        elif b"gunicorn" in command:
            kind = "web"
        elif b"manage.py worker " in command:
            kind = "worker commands" if parents.get(pid) == root else "worker processes"
        else:
            kind = HELPERS
        found[kind].append(pid)
    return found


def look(site) -> dict[str, float]:
    """Return all figures as they are now."""
    kinds = kinds_of(site)
    lasting = [pid for kind in LASTING for pid in kinds[kind]]
    memory_mb = {kind: sum(map(pss_bytes, pids)) / 1e6 for kind, pids in kinds.items()}
    media, data = site.folder / "media", site.folder / "var"
    return {
        "memory, MB": sum(memory_mb[kind] for kind in LASTING),
        **{f"memory of {kind}, MB": memory for kind, memory in memory_mb.items()},
        "descriptors": sum(count_in(Path(f"/proc/{pid}/fd")) for pid in lasting),
        "threads": sum(count_in(Path(f"/proc/{pid}/task")) for pid in lasting),
        "processes": len(lasting),
        "processes that help": len(kinds[HELPERS]),
        "temporary files": len(temporary_files(site)),
        "media, MB on disk": size_mb(media),
        "database, MB on disk": size_mb(data, "mixtape.sqlite3"),
        "its log, MB on disk": size_mb(data, "mixtape.sqlite3-wal"),
        **count_rows(site),
    }


def count_in(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:  # the process has ended
        return 0


def temporary_files(site) -> list[Path]:
    """Return temporary files: part files, work folders, the site's own /tmp."""
    folders = (site.folder / "media" / "uploads", site.folder / "media" / "scratch", site.folder / "tmp")
    return [path for folder in folders if folder.is_dir() for path in folder.iterdir()]


def size_mb(folder: Path, pattern: str = "*") -> float:
    total = 0
    for path in folder.rglob(pattern):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total / 1e6


def count_rows(site) -> dict[str, float]:
    names = site.query("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    query = " union all ".join(f"select '{name}', count(*) from {name}" for (name,) in names)
    return {f"rows of {name}": count for name, count in site.query(query) if count}


JUDGED = ("memory, MB", "descriptors", "threads", "processes", "temporary files")


def compare(looks: list[tuple[float, dict[str, float]]], warm_up_s: float) -> list[Gauge]:
    """Compare the first and the last third of (seconds, figures) after the warm-up."""
    warm = [figures for seconds, figures in looks if seconds >= warm_up_s]
    third = len(warm) // 3
    if not third:
        return []
    names = dict.fromkeys(name for figures in warm for name in figures)
    return [
        Gauge(
            name,
            name in JUDGED,
            statistics.median(figures.get(name, 0.0) for figures in warm[:third]),
            statistics.median(figures.get(name, 0.0) for figures in warm[-third:]),
            max(figures.get(name, 0.0) for figures in warm),
        )
        for name in names
    ]
