"""Work folders, atomic installation of outputs, and user messages for errors of the file system."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from mixes.engine.disk import fsync_path
from mixes.engine.errors import OutputError
from mixes.engine.text import clean_text

ANOTHER_PLACE = "Nothing was made; choose another title or another folder."
PREFIX, SUFFIX = ".mixtape-", ".part"  # of work folders: hidden and distinct from finished files
STALE_S = 60.0  # a younger work folder may not be locked yet
RESERVED_BYTES = 64 << 20  # kept free for the text files and for other programs


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden, locked folder inside `folder`, on the same disk; remove it afterwards in any case.

    Raises OutputError, with a sentence for the user, for every OSError within the block.
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
    """Hold a folder's lock and yield its file descriptor; the kernel releases it when the process ends.

    Raises BlockingIOError when another process holds it and `wait` is False.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield handle
    finally:
        os.close(handle)


def remove_stale(folder: Path) -> None:
    """Remove work folders left by killed runs: those whose lock is free."""
    for stale in folder.glob(f"{PREFIX}*{SUFFIX}"):
        if time.time() - stale.stat().st_mtime > STALE_S:
            with contextlib.suppress(BlockingIOError), lock(stale, wait=False):
                shutil.rmtree(stale, ignore_errors=True)


def explain_os_error(error: OSError, folder: Path) -> str:
    """Return a sentence for the user: what happened and what to do."""
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
    """Raise OutputError when the disk has less free space than `wanted_bytes` and a reserve."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < wanted_bytes + RESERVED_BYTES:
        wanted_mb, free_mb = (wanted_bytes + RESERVED_BYTES) / 1e6, free_bytes / 1e6
        raise OutputError(
            f"There is not enough space in {folder}: it takes about {wanted_mb:.0f} MB "
            f"and {free_mb:.0f} MB are free. Nothing was changed; free some and try again."
        )


def previous_outputs(timeline: Path) -> frozenset[str]:
    """Return the names of the files that an earlier run made, read from its timeline file."""
    try:
        return frozenset(map(str, json.loads(timeline.read_text(encoding="utf-8"))["files"]))
    except (OSError, ValueError, KeyError, TypeError):  # missing, or not written by the pipeline
        return frozenset()


def free_stem(stem: str, title: str, folder: Path) -> str:
    """Return `stem`, numbered where the files of that name in `folder` are of a mix of another title."""
    numbered = (f"{stem}-{number}" if number > 1 else stem for number in count(1))
    return next(name for name in numbered if _title_of(folder / name) in (None, clean_text(title)))


def _title_of(stem: Path) -> str | None:
    """Return the title of the mix whose files begin with `stem`; None without one."""
    if not previous_outputs(stem.with_name(f"{stem.name}.timeline.json")):
        return None
    try:
        chapters = stem.with_name(f"{stem.name}.chapters.json").read_text(encoding="utf-8")
        return str(json.loads(chapters)["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_targets(
    names: Sequence[str], folder: Path, inputs: Sequence[Path], own_names: Collection[str]
) -> None:
    """Raise OutputError when an output would replace an input, or a file that no earlier run made.

    `names` are the file names of the outputs, `own_names` those that an earlier run made.
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
    """Move finished files into `folder`, each atomically over an existing one; return their new paths.

    All files are flushed before the first is moved, so a power cut leaves old files or whole ones. Raises
    OSError when the system refuses.
    """
    for path in artifacts.values():
        fsync_path(path)
    with lock(folder) as handle:  # concurrent runs of one name must not mix their files
        installed = {kind: path.replace(folder / path.name) for kind, path in artifacts.items()}
        os.fsync(handle)
    return installed


def _remove_empty(folders: list[Path]) -> None:
    """Remove the folders created for a failed run."""
    for folder in folders:
        with contextlib.suppress(OSError):  # not empty: other files were added meanwhile
            folder.rmdir()


def remove_existing(path: Path) -> Path:
    """Remove a file and return its path: it may be a link to an earlier result, which must not change."""
    path.unlink(missing_ok=True)
    return path


def link_or_copy(source: Path, target: Path) -> str:
    """Hard-link a file to `target`, or copy it where links are not possible; return the name of `target`."""
    remove_existing(target)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target.name
