"""Format positions in a mix as timestamps."""


def format_h_mm_ss(seconds: int) -> str:
    """Return whole seconds as H:MM:SS."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def format_m_ss(seconds: int) -> str:
    """Return whole seconds as M:SS; the minutes may exceed 59."""
    return f"{seconds // 60}:{seconds % 60:02d}"
