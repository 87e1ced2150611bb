"""The only access to the media folder: generated names, and files that are complete or absent."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from django.conf import settings

from mixes.engine.disk import fsync_path

TRACKS, PICTURES, PREVIEWS, ARTIFACTS = "tracks", "pictures", "previews", "artifacts"
STORED_FOLDERS = (TRACKS, PICTURES, PREVIEWS, ARTIFACTS)  # folders of files that rows name
UPLOADS, SCRATCH = "uploads", "scratch"  # part files of uploads
BIN = "bin"  # orphaned files, by the day they were moved there
_placed: ContextVar[list[str]] = ContextVar("placed")  # names created inside removed_on_error


def path_of(name: str) -> Path:
    """Return the path of a stored name. Raises ValueError for one outside the media folder."""
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"{name!r} leads outside the media folder.")
    return Path(settings.MEDIA_ROOT, *pure.parts)


def uploads_folder() -> Path:
    """Return the folder of part files, creating it if needed."""
    folder = path_of(UPLOADS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def upload_path(upload_id: uuid.UUID) -> Path:
    """Return the path of an upload's part file; its folder exists."""
    uploads_folder()
    return path_of(upload_name(upload_id))


def upload_name(upload_id: uuid.UUID) -> str:
    """Return the stored name of an upload's part file."""
    return f"{UPLOADS}/{upload_id.hex}.part"


def scratch_path(kind: str, pk: uuid.UUID) -> Path:
    """Return the scratch folder of a job, on the disk of its results."""
    return path_of(SCRATCH) / f"{kind}-{pk.hex}"


def scratch_folders(kind: str) -> Iterator[tuple[uuid.UUID, Path]]:
    """Yield the scratch folders of one kind of job, each with the job's id."""
    for folder in sorted(path_of(SCRATCH).glob(f"{kind}-*")):
        with contextlib.suppress(ValueError):  # not created by this site
            yield uuid.UUID(folder.name.removeprefix(f"{kind}-")), folder


def store(source: Path, name: str) -> None:
    """Move a finished file to its name; it is synced to disk before it is visible."""
    target = path_of(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        _placed.get([]).append(name)
    fsync_path(source)
    source.replace(target)
    fsync_path(target.parent)


@contextlib.contextmanager
def removed_on_error() -> Iterator[None]:
    """Remove files stored inside the block when it fails, as the rows that name them are rolled back."""
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
    """Remove a file if it exists; open readers can finish reading it."""
    if name:
        path_of(name).unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a scratch folder if it exists."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def free_bytes() -> int:
    """Return the free bytes of the media disk."""
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free


def move_to_bin(name: str, day: str) -> None:
    """Move a file into the bin of a day, from which it can be restored."""
    target = path_of(BIN) / day / name
    target.parent.mkdir(parents=True, exist_ok=True)
    path_of(name).replace(target)


def stored_names(folders: tuple[str, ...] = STORED_FOLDERS) -> Iterator[str]:
    """Yield the names of all files that rows should name."""
    for folder in folders:
        for path in sorted(path_of(folder).rglob("*")):
            if path.is_file():
                yield path.relative_to(settings.MEDIA_ROOT).as_posix()
