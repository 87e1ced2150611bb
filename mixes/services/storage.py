"""The one door to the media folder: names of ours, files whole or absent. Nothing else touches its paths."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from django.conf import settings

from mixes.engine.disk import fsync_path

TRACKS, PICTURES, PREVIEWS, ARTIFACTS = "tracks", "pictures", "previews", "artifacts"
STORED_FOLDERS = (TRACKS, PICTURES, PREVIEWS, ARTIFACTS)  # whose files are named by rows
UPLOADS, SCRATCH = "uploads", "scratch"  # files on their way
BIN = "bin"  # files that no row names any more, by the day they were put there
_placed: ContextVar[list[str]] = ContextVar("placed")  # names that were free, see removed_on_error


def path_of(name: str) -> Path:
    """Return where a name of ours lies. Raises ValueError for one that leads elsewhere."""
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"{name!r} is not a name of ours.")
    return Path(settings.MEDIA_ROOT, *pure.parts)


def uploads_folder() -> Path:
    """Return the folder of files on their way; it is there."""
    folder = path_of(UPLOADS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def upload_path(upload_id: uuid.UUID) -> Path:
    """Return the part file of an upload; its folder is there."""
    uploads_folder()
    return path_of(upload_name(upload_id))


def upload_name(upload_id: uuid.UUID) -> str:
    """Return the name of the part file of an upload."""
    return f"{UPLOADS}/{upload_id.hex}.part"


def scratch_path(kind: str, pk: uuid.UUID) -> Path:
    """Return the folder where one job works, on the disk where its results will lie."""
    return path_of(SCRATCH) / f"{kind}-{pk.hex}"


def scratch_folders(kind: str) -> Iterator[tuple[uuid.UUID, Path]]:
    """Yield the folders where jobs of a kind work or worked, each with its job's id."""
    for folder in sorted(path_of(SCRATCH).glob(f"{kind}-*")):
        with contextlib.suppress(ValueError):  # not one of ours
            yield uuid.UUID(folder.name.removeprefix(f"{kind}-")), folder


def store(source: Path, name: str) -> None:
    """Move a finished file to its name, on the disk before it is seen there."""
    target = path_of(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        _placed.get([]).append(name)
    fsync_path(source)
    source.replace(target)
    fsync_path(target.parent)


@contextlib.contextmanager
def removed_on_error() -> Iterator[None]:
    """Remove what was kept inside the block when it fails: the rows that name it are rolled back."""
    token = _placed.set([])
    try:
        yield
    except BaseException:
        for name in _placed.get():
            remove(name)
        raise
    finally:
        _placed.reset(token)


def remove(name: str) -> None:
    """Remove a file, if it is there; whoever reads it reads on to its end."""
    if name:
        path_of(name).unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a scratch folder with all in it, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def free_bytes() -> int:
    """Return what the media's disk still takes."""
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free


def move_to_bin(name: str, day: str) -> None:
    """Move a file into the bin of a day, from where it can still be taken back."""
    target = path_of(BIN) / day / name
    target.parent.mkdir(parents=True, exist_ok=True)
    path_of(name).replace(target)


def stored_names(folders: tuple[str, ...] = STORED_FOLDERS) -> Iterator[str]:
    """Yield the names of all files that rows should know."""
    for folder in folders:
        for path in sorted(path_of(folder).rglob("*")):
            if path.is_file():
                yield path.relative_to(settings.MEDIA_ROOT).as_posix()
