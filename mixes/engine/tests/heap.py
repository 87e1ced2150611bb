"""A heap with free memory that the C library keeps, for tests of memory."""

import os
from pathlib import Path

PIECE_BYTES, PIECES = 60_000, 1_000  # small enough to be on the heap
FILLED_BYTES = PIECE_BYTES * PIECES


def resident_bytes():
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fragment_heap():
    """Fill FILLED_BYTES of the heap, free most of it; return what holds the rest, and the size when full."""
    pieces = [bytes([number % 255 + 1]) * PIECE_BYTES for number in range(PIECES)]
    return pieces[::100], resident_bytes()
