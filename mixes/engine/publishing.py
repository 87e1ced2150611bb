"""Finished files to their place: whole or not at all, and what the disk says in words a user understands."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mixes.engine.errors import OutputError

SPARE_BYTES = 64 << 20  # left free for the texts, and for what else runs on the machine


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden folder inside `folder`, on the same disk; it is gone afterwards, whatever happened.

    Raises OutputError for what the operating system refuses meanwhile.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".mixtape-", suffix=".part", dir=folder) as work:
            yield Path(work)
    except OSError as error:
        _remove_empty(made)
        raise OutputError(explain_os_error(error, folder)) from error
    except BaseException:
        _remove_empty(made)
        raise


def explain_os_error(error: OSError, folder: Path) -> str:
    """Return a sentence on what happened and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no space left in {folder}. Nothing was changed there; free some and try again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The folder {folder} cannot be written to. Choose another, or change its rights."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{folder} is not a folder. Choose another name."
    return f"Writing to {folder} failed: {error.strerror or error}."


def check_space(folder: Path, wanted_bytes: int) -> None:
    """Raise OutputError when the disk has less free space than a run will need."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < wanted_bytes + SPARE_BYTES:
        wanted_mb, free_mb = (wanted_bytes + SPARE_BYTES) / 1e6, free_bytes / 1e6
        raise OutputError(
            f"There is not enough space in {folder}: it takes about {wanted_mb:.0f} MB "
            f"and {free_mb:.0f} MB are free. Nothing was changed; free some and try again."
        )


def publish(artifacts: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Move finished files into `folder`, each at once over what is there; return their new places.

    All of them are on the disk before the first is moved, so that a power cut leaves old files or whole ones.
    """
    for path in artifacts.values():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    published = {kind: path.replace(folder / path.name) for kind, path in artifacts.items()}
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return published


def _remove_empty(folders: list[Path]) -> None:
    """Take back folders that were made for a run that failed."""
    for folder in folders:
        with contextlib.suppress(OSError):  # somebody put something there: it stays
            folder.rmdir()
