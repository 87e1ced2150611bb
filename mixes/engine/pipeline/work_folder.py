"""Finished files to their place: whole or not at all, and what the disk says in words a user understands."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from mixes.engine.disk import fsync_path
from mixes.engine.errors import OutputError

ANOTHER_PLACE = "Nothing was made; choose another title or another folder."
PREFIX, SUFFIX = ".mixtape-", ".part"  # of work folders: hidden, and told from a finished file
STALE_S = 60.0  # a younger work folder may not be locked yet
RESERVED_BYTES = 64 << 20  # left free for the texts, and for what else runs on the machine


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden folder inside `folder`, on the same disk; it is gone afterwards, whatever happened.

    Raises OutputError for what the operating system refuses meanwhile.
    """
    created: list[Path] = []
    try:
        created = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=SUFFIX, dir=folder) as work, lock(Path(work)):
            yield Path(work)
    except OSError as error:
        _remove_empty(created)
        raise OutputError(explain_os_error(error, folder)) from error
    except BaseException:
        _remove_empty(created)
        raise


@contextlib.contextmanager
def lock(folder: Path, *, wait: bool = True) -> Iterator[int]:
    """Hold a folder's lock, which ends with its process however that ends; give the folder's handle.

    Raises BlockingIOError when another process holds it and `wait` is off.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield handle
    finally:
        os.close(handle)


def remove_stale(folder: Path) -> None:
    """Remove the work folders of runs that were killed: nobody holds their locks."""
    for stale in folder.glob(f"{PREFIX}*{SUFFIX}"):
        if time.time() - stale.stat().st_mtime > STALE_S:
            with contextlib.suppress(BlockingIOError), lock(stale, wait=False):
                shutil.rmtree(stale, ignore_errors=True)


def explain_os_error(error: OSError, folder: Path) -> str:
    """Return a sentence on what happened and what to do."""
    where = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else folder
    if folder not in (where, *where.parents):
        return f"{where} cannot be used: {error.strerror}. Nothing was made."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no space left in {folder}. Nothing was changed there; free some and try again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The folder {folder} cannot be written to. Choose another, or change its rights."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{folder} is not a folder. Choose another name."
    return f"Writing to {folder} failed: {error.strerror or error}."


def check_disk_space(folder: Path, wanted_bytes: int) -> None:
    """Raise OutputError when the disk has less free space than a run will need."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < wanted_bytes + RESERVED_BYTES:
        wanted_mb, free_mb = (wanted_bytes + RESERVED_BYTES) / 1e6, free_bytes / 1e6
        raise OutputError(
            f"There is not enough space in {folder}: it takes about {wanted_mb:.0f} MB "
            f"and {free_mb:.0f} MB are free. Nothing was changed; free some and try again."
        )


def previous_outputs(timeline: Path) -> frozenset[str]:
    """Return the names of the files that an earlier run made, as its timeline lists them."""
    try:
        return frozenset(map(str, json.loads(timeline.read_text(encoding="utf-8"))["files"]))
    except (OSError, ValueError, KeyError, TypeError):  # none there, or not one of ours
        return frozenset()


def check_targets(
    names: Sequence[str], folder: Path, inputs: Sequence[Path], own_names: Collection[str]
) -> None:
    """Raise OutputError when a result would replace what the mix is made of, or what no run of ours made.

    `names` are the results' file names, `own_names` those that an earlier run made.
    """
    sources = {path.resolve() for path in inputs}
    for name in names:
        target = folder / name
        if target.resolve() in sources:
            raise OutputError(f"{target} is one of the files the mix is made of. {ANOTHER_PLACE}")
        is_there = target.exists() or target.is_symlink()
        if is_there and (name not in own_names or not target.is_file()):
            raise OutputError(f"{target} is already there and was not made by a mix. {ANOTHER_PLACE}")


def install_outputs(artifacts: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Move finished files into `folder`, each at once over what is there; return their new places.

    All of them are on the disk before the first is moved, so that a power cut leaves old files or whole ones.
    """
    for path in artifacts.values():
        fsync_path(path)
    with lock(folder) as handle:  # two runs of one name do not mix their files
        installed = {kind: path.replace(folder / path.name) for kind, path in artifacts.items()}
        os.fsync(handle)
    return installed


def _remove_empty(folders: list[Path]) -> None:
    """Take back folders that were made for a run that failed."""
    for folder in folders:
        with contextlib.suppress(OSError):  # somebody put something there: it stays
            folder.rmdir()
