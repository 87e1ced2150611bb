"""Positions in a mix as people read them."""


def format_h_mm_ss(seconds: int) -> str:
    """Return H:MM:SS."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def format_m_ss(seconds: int) -> str:
    """Return M:SS."""
    return f"{seconds // 60}:{seconds % 60:02d}"
