"""Write figures as a Markdown page: target, measured value, and the value of another tool."""

import datetime
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED_PAGES = ("docs/reliability.md", "benchmarks/RESULTS.md")  # the measurements write them


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `reached` is None where there is no target or nothing could be measured."""

    figure: str
    goal: str
    measured: str
    rival: str = ""
    reached: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        return {True: "met", False: "**missed**", None: "-"}[self.reached]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The music, versions and options of a measurement."""

    music: str
    ffmpeg: str
    repeats: int
    load_before: float
    quick: bool
    options: str

    def lines(self) -> list[str]:
        return [
            *machine_lines(),
            f"- Python {platform.python_version()}, ffmpeg {self.ffmpeg}",
            f"- Music: {self.music}",
            f"- Repeats: {self.repeats}, other tools interleaved; medians. Command: `{self.options}`",
            f"- Load average before / after: {self.load_before:.1f} / {os.getloadavg()[0]:.1f}. "
            "Other work on the machine lengthens all wall times, ours and those of other tools.",
        ]


def machine_lines() -> list[str]:
    """Return date, commit and machine as lines of a Markdown list."""
    uname = platform.uname()
    return [
        f"- Date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        f"- Commit: {commit()}",
        f"- Machine: {_processor()}, {len(os.sched_getaffinity(0))} cores, {_memory_gb():.0f} GB, "
        f"{uname.system} {uname.release}",
    ]


def make_part(
    title: str, command: str, sections: Sequence[tuple[str, Sequence[Row]]], conditions: Conditions
) -> str:
    """Return one part of the page as Markdown, with one table for each section."""
    rows = [row for _, rows in sections for row in rows]
    short = [row.figure for row in rows if row.reached is False]
    reached = sum(row.reached is True for row in rows)
    text = [
        f"# {title}",
        "",
        f"Made by `{command}`. Figures of other tools are from the same run.",
        "",
    ]
    text += [*conditions.lines(), "", f"**{reached} of {reached + len(short)} targets met.**"]
    text += [f"Missed: {'; '.join(short)}."] if short else []
    if conditions.quick:
        text += [
            "",
            "A quick run only shows that everything works: with such short music, start-up time dominates.",
        ]
    for title, rows_of_one in sections:
        text += ["", f"## {title}", "", *table_lines(rows_of_one), "", *_notes(rows_of_one)]
    return "\n".join(text).rstrip() + "\n"


def replace_part(page: Path, part: str) -> None:
    """Replace the part of the page that has the same title; add it where there is none."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    parts = [f"# {old}" for old in f"\n{text}".split("\n# ")[1:]]
    titles = [old.splitlines()[0] for old in parts]
    title = part.splitlines()[0]
    if title in titles:
        parts[titles.index(title)] = part
    else:
        parts.append(part)
    page.write_text("\n\n".join(one.strip() for one in parts) + "\n", encoding="utf-8")


def table_lines(rows: Iterable[Row]) -> list[str]:
    lines = ["| figure | target | measured | compared with | result |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row.figure, row.goal, row.measured, row.rival, row.verdict)
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return lines


def _notes(rows: Iterable[Row]) -> list[str]:
    return [f"- {row.figure}: {row.note}" for row in rows if row.note]


def commit() -> str:
    """Return the checked-out commit, and whether there are uncommitted changes, but for such pages."""
    head = _git("rev-parse", "--short", "HEAD") or "unknown"
    others = (f":!{page}" for page in GENERATED_PAGES)
    is_changed = _git("status", "--porcelain", "--", ".", *others)
    return f"{head}, with changes not committed" if is_changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
