"""Positions in a mix as people read them."""


def clock_with_hours(seconds: int) -> str:
    """Return H:MM:SS."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def clock_without_hours(seconds: int) -> str:
    """Return M:SS."""
    return f"{seconds // 60}:{seconds % 60:02d}"
