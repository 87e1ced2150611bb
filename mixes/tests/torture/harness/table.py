"""Results of `make torture`, collected for docs/reliability.md."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def note(part: str, outcomes: Sequence[str], wrong: Sequence[str], longest_s: float, **more: Any) -> None:
    """Store the row of a part that tries files."""
    accepted, refused = outcomes.count("use"), outcomes.count("refuse")
    more |= {"accepted": accepted, "refused": refused, "longest_s": round(longest_s, 1)}
    note_row(part, tried=len(outcomes), wrong=len(wrong), **more)


def note_row(part: str, *, tried: int, wrong: int, **more: Any) -> None:
    """Store one row, if MIXTAPE_TORTURE_ROWS names a file for rows."""
    if path := os.environ.get("MIXTAPE_TORTURE_ROWS"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"part": part, "tried": tried, "wrong": wrong, **more}) + "\n")


def cells(*values: object) -> str:
    """Return one row of a Markdown table."""
    return f"| {' | '.join(str(value).replace('|', '/') for value in values)} |"
