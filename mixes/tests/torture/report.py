"""Run the whole suite and write its table: `python -m mixes.tests.torture.report` (make torture)."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import ROOT, machine_lines

PAGE = ROOT / "docs" / "reliability.md"
HEAD = """\
# What jobs and inputs survive

Made by `make torture`, which runs every part whole; the parts on files and on deaths at a write have a short
form in `make test`. "Wrong" counts what did not end as it must: a crash, a hang, a wrong outcome, anything
doubled, lost or left over.
"""
COLUMNS = (
    "part",
    "tried",
    "accepted",
    "refused",
    "wrong",
    "longest_s",
    "peak_mb",
    "opened",
    "called",
    "sent_again_kb",
)
NAMES = {
    "longest_s": "longest, s",
    "peak_mb": "largest process, MB",
    "opened": "other files opened",
    "called": "connections",
    "sent_again_kb": "sent again, kB",
}


def main() -> None:
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as rows:
        environment = os.environ | {"MIXTAPE_TORTURE": "1", "MIXTAPE_TORTURE_ROWS": rows.name}
        files = sorted(Path(__file__).parent.glob("test_*.py"))
        # each in a process of its own: the memory of its largest child is then that of its files
        failed = [file.name for file in files if not passes(file, environment)]
        found = [json.loads(line) for line in rows]
    write_page(PAGE, found, passed=not failed)
    sys.exit(f"Not everything held: {', '.join(failed)}" if failed else 0)


def passes(file: Path, environment: dict[str, str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file), *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def write_page(page: Path, rows: list[dict[str, object]], *, passed: bool) -> None:
    """Write the table; columns that no row has are left out."""
    columns = [name for name in COLUMNS if any(name in row for row in rows)]
    lines = [HEAD, *machine_lines(), "", "**Everything held.**" if passed else "**Not everything held.**", ""]
    lines.append(f"| {' | '.join(NAMES.get(name, name) for name in columns)} |")
    lines.append(f"|{'---|' * len(columns)}")
    lines += [f"| {' | '.join(str(row.get(name, '')) for name in columns)} |" for row in rows]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
