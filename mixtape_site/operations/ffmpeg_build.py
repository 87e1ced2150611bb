"""Which ffmpeg makes the mixes, where it comes from, how old it is: newer ones have its holes mended."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings

from mixes.engine.processes import ffmpeg
from mixes.engine.processes.sandbox import READER, run_child

OLD_DAYS = 365
# many builders put the day behind the version; the year of the copyright stands in every one
DAY = re.compile(r"^ffmpeg version \S*?[-_](20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")
YEAR = re.compile(r"Copyright \(c\) \d{4}-(20\d\d)")


@dataclass(frozen=True, slots=True)
class Build:
    """One ffmpeg. Without the day of its making, the last of the year is taken: it is at least so old."""

    version: str
    path: Path
    is_ours: bool  # the one that comes along, not one that MIXTAPE_FFMPEG names
    made_on: date | None
    made_in: int | None

    @property
    def newest_day(self) -> date | None:
        return self.made_on or (date(self.made_in, 12, 31) if self.made_in else None)

    def is_old(self, today: date) -> bool:
        return self.newest_day is not None and (today - self.newest_day).days > OLD_DAYS


def read_build() -> Build:
    """Ask the ffmpeg that is used. Raises EngineError."""
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
    except ValueError:  # digits that are no day
        return None
