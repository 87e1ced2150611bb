"""The time zone of the machine, by the name Django wants it by."""

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCAL_ZONE = Path("/etc/localtime")  # by custom a link into the zone database


def system_time_zone() -> str:
    """Return a name such as `Europe/Berlin`, `UTC` where the machine does not tell."""
    name = str(LOCAL_ZONE.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
