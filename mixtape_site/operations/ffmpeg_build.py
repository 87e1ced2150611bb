"""Version, origin and age of the ffmpeg in use: old builds miss security fixes."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings

from mixes.engine.processes import ffmpeg
from mixes.engine.processes.sandbox import READER, run_child

OLD_DAYS = 365
# many builds append their date to the version; every build prints the copyright year
DAY = re.compile(r"^ffmpeg version \S*?[-_](20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")
YEAR = re.compile(r"Copyright \(c\) \d{4}-(20\d\d)")


@dataclass(frozen=True, slots=True)
class Build:
    """An ffmpeg build. Without a build date, the end of its copyright year is its newest possible date."""

    version: str
    path: Path
    is_ours: bool  # the bundled one, not one set by MIXTAPE_FFMPEG
    made_on: date | None
    made_in: int | None

    @property
    def newest_day(self) -> date | None:
        return self.made_on or (date(self.made_in, 12, 31) if self.made_in else None)

    def is_old(self, today: date) -> bool:
        return self.newest_day is not None and (today - self.newest_day).days > OLD_DAYS


def read_build() -> Build:
    """Query the ffmpeg in use. Raises EngineError when it does not run."""
    path = ffmpeg.find_ffmpeg(settings.FFMPEG)
    output = run_child([str(path), "-version"], limits=READER).stdout.decode("utf-8", "replace")
    line = output.partition("\n")[0]
    version = re.match(r"ffmpeg version (\S+)", line)
    year = YEAR.search(line)
    return Build(
        version=version[1] if version else "unknown",
        path=path,
        is_ours=not settings.FFMPEG,
        made_on=day_of(line),
        made_in=int(year[1]) if year else None,
    )


def day_of(line: str) -> date | None:
    found = DAY.search(line)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:  # digits that are not a date
        return None
