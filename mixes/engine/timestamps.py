"""Format positions in a mix as timestamps, and read times that users type."""

import re

CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,5}(?:[.,]\d{0,6})?)")


def format_h_mm_ss(seconds: int) -> str:
    """Return whole seconds as H:MM:SS."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def format_m_ss(seconds: int) -> str:
    """Return whole seconds as M:SS; the minutes may exceed 59."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def format_clock(seconds: float) -> str:
    """Return seconds as M:SS.CC, rounded to hundredths."""
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def parse_clock(text: str) -> float:
    """Return the seconds of "83.5", "1:23.5" or "1:01:23". Raises ValueError in one sentence."""
    found = CLOCK.fullmatch(text.strip())
    if not found:
        raise ValueError("Write a time as minutes and seconds, such as 1:23.45, or in seconds.")
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
