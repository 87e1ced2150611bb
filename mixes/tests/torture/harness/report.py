"""Run the whole torture suite, or the named files, and write its table (`make torture`).

Results are stored with their commit in `var/torture`, so that files run one by one end in the same page.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import ROOT, commit, machine_lines, replace_part
from mixes.tests.torture.harness.table import cells

FOLDER = Path(__file__).parents[1]
FOUND = ROOT / "var" / "torture"
PAGE = ROOT / "docs" / "reliability.md"
ABOUT = """\
`make torture` injects faults into real sites and writes this part. Most of its tests have a short form in
`make test`. What must hold:

- Workers: a job whose worker is killed or stopped resumes and ends exactly once. No two workers share a row.
- Requests: presses of Make at the same time create one job. A cancel or deletion at any moment is clean.
- Uploads: they resume at their offset after a cut, and no byte is stored twice.
- ffmpeg: a process that hangs, crashes, floods or delivers too little is detected. No short file is kept.
- Disk: a full disk loses nothing and leaves no partial file. Jobs continue once there is room.
- Database: while PostgreSQL is down or SQLite is locked, pages say so. Jobs continue afterwards.
- Restores: one that fails or is killed at any change of the disk loses nothing. One undo brings all back.
- Clients that send or read nothing: other requests are answered within a second, without a proxy.
- Clock: jumps of the wall clock lose no job and start none twice.
- Untrusted files: audio, pictures, tags and names open no other file, connect nowhere, stay within limits.
- Secrets: processes that open untrusted files hold no secrets, in their environment or in memory.
- Soak: `make soak` uses a site for hours with a fault a minute. Memory, descriptors and threads do not grow.

"Wrong" counts trials that ended in a crash, a hang or a wrong outcome, or with anything doubled, lost or
left over.
"""
NAMES = {
    "part": "part",
    "tried": "tried",
    "accepted": "accepted",
    "refused": "refused",
    "wrong": "wrong",
    "longest_s": "longest, s",
    "peak_mb": "largest process, MB",
    "opened": "other files opened",
    "called": "connections",
    "sent_again_kb": "sent again, kB",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The result of one test file."""

    file: str
    commit: str
    date: str
    held: bool
    took_s: int
    told: str  # the last line of pytest
    rows: list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("files", nargs="*", help="test files of this folder; without any, all of them")
    parser.add_argument(
        "--at-once", type=int, default=len(os.sched_getaffinity(0)), help="files side by side"
    )
    arguments = parser.parse_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    files = [FOLDER / name for name in arguments.files] or sorted(FOLDER.rglob("test_*.py"))
    with ThreadPoolExecutor(arguments.at_once) as pool:
        list(pool.map(run_file, files))
    found = read_found()
    write_page(PAGE, found)
    wrong = [one.file for one in found if not one.held]
    sys.exit(f"Not everything held: {', '.join(wrong)}" if wrong else 0)


def run_file(file: Path) -> None:
    """Run one test file in its own process, so that its largest child can be measured; store the result."""
    rows = FOUND / f"{file.stem}.rows"
    rows.write_text("")
    environment = os.environ | {"MIXTAPE_TORTURE": "1", "MIXTAPE_TORTURE_ROWS": str(rows)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    began_s, of = time.monotonic(), commit()
    with (FOUND / f"{file.stem}.log").open("w+") as log:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False)
        log.seek(0)
        last_line = (log.read().strip().splitlines() or [""])[-1]
    found = Found(
        file.name,
        of,
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}",
        done.returncode == 0,
        round(time.monotonic() - began_s),
        last_line,
        [json.loads(line) for line in rows.read_text().splitlines()],
    )
    rows.unlink()
    (FOUND / f"{file.stem}.json").write_text(json.dumps(asdict(found)))
    sys.stdout.write(f"{file.name}: {last_line}\n")
    sys.stdout.flush()


def read_found() -> list[Found]:
    """Return the latest result of each file."""
    known = {path.stem for path in FOLDER.rglob("test_*.py")}
    kept = (path for path in sorted(FOUND.glob("*.json")) if path.stem in known)
    return [Found(**json.loads(path.read_text())) for path in kept]


def write_page(page: Path, found: Iterable[Found]) -> None:
    """Write the tables, without columns that no row has. Other parts of the page stay as they are."""
    found = list(found)
    rows = [row for one in found for row in one.rows]
    columns = [name for name in NAMES if any(name in row for row in rows)]
    lines = ["# Reliability", "", verdict(found, suite()), "", *machine_lines(), "", ABOUT]
    lines += [cells(*(NAMES[name] for name in columns)), cells(*("---" for _ in columns))]
    lines += [cells(*(row.get(name, "") for name in columns)) for row in rows]
    lines += ["", "## The runs", "", cells("file", "ended", "minutes", "commit", "date"), cells(*["---"] * 5)]
    for one in found:
        ended = f"{'held' if one.held else 'NOT'}: {one.told.strip('= ')}"
        lines.append(cells(one.file, ended, f"{one.took_s / 60:.1f}", one.commit, one.date))
    replace_part(page, "\n".join(lines) + "\n")


def suite() -> list[str]:
    """Return the names of all test files."""
    return sorted(path.name for path in FOLDER.rglob("test_*.py"))


def verdict(found: Sequence[Found], files: Sequence[str]) -> str:
    """Return the result in one line; everything held only if all `files` did, whole and at one commit."""
    rows = [row for one in found for row in one.rows]
    tried, wrong = (sum(row[name] for row in rows) for name in ("tried", "wrong"))
    failed = [row["part"] for row in rows if row["wrong"]]
    failed += [one.file for one in found if not one.held and not any(row["wrong"] for row in one.rows)]
    gaps = gaps_of(found, files)
    if failed:
        held = "Not everything held"
    else:
        held = "What was run held, but that is not everything" if gaps else "Everything held"
    parts = f" ({', '.join(failed)})" if failed else ""
    return " ".join((f"**{held}: {tried} trials, {wrong} wrong{parts}.**", *gaps))


def gaps_of(found: Sequence[Found], files: Sequence[str]) -> list[str]:
    """Return a sentence for each reason why the results are not those of the whole suite at one commit."""
    ran = {one.file for one in found}
    missing = [name for name in files if name not in ran]
    partly = [one.file for one in found if "skipped" in one.told]
    commits = sorted({one.commit for one in found})
    gaps = [f"Not run: {', '.join(missing)}."] if missing else []
    gaps += [f"Run in part, with tests skipped: {', '.join(partly)}."] if partly else []
    gaps += [f"Of several states of the code: {'; '.join(commits)}."] if len(commits) > 1 else []
    gaps += ["The code had changes that are not committed."] if any("," in of for of in commits) else []
    return gaps


if __name__ == "__main__":
    main()
