"""The version of Mixtape: the newest released heading of CHANGELOG.md."""

import re
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"
HEADING = re.compile(r"^## \[?v?(\d[^\]\s]*)", re.MULTILINE)


def read_version() -> str:
    """Return the newest released version, or "" when the changelog has none."""
    found = HEADING.search(CHANGELOG.read_text()) if CHANGELOG.is_file() else None
    return found[1] if found else ""
