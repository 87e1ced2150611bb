"""Flush files and folder entries to the disk, so that they survive a power cut."""

import os
from pathlib import Path


def fsync_path(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk. Raises OSError when the system refuses."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
