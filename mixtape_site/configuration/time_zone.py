"""Name of the machine's time zone."""

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCAL_ZONE = Path("/etc/localtime")  # usually a symlink into the zone database


def system_time_zone() -> str:
    """Return a name such as `Europe/Berlin`, or `UTC` when it is unknown."""
    name = str(LOCAL_ZONE.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
