"""The way back from a backup: all of it is read and checked before anything here is touched.

What was here is moved aside, never overwritten: whoever restored the wrong backup can go back.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.utils import timezone

from accounts.models import User
from mixes.queues import QUEUES
from mixes.services import storage, workers
from mixes.services.maintenance import database_copy
from mixes.services.maintenance.backups import (
    CHUNK_BYTES,
    KEYS,
    MEDIA,
    BackupRefused,
    Manifest,
    files_in,
    read_manifest,
    remove_path,
    verify_backup,
)

ASIDE_PREFIX = "before-restore-"  # and when
SITE_RUNS = "The site is running. Stop it first; a worker that died is forgotten after a minute."


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it."""

    manifest: Manifest
    aside: tuple[Path, ...]  # folders with what was here before; none where nothing was


def restore_backup(backup: Path, *, replace: bool = False) -> Restored:
    """Put a backup in the place of this installation. Raises BackupRefused, DatabaseCopyError."""
    manifest = read_manifest(backup)
    check_database_kind(manifest)
    for entry in manifest.files:  # before a single one is read
        place_of(entry.name, backup, backup)
    verify_backup(backup, manifest)
    if has_workers():
        raise BackupRefused(SITE_RUNS)
    if not replace and not is_fresh():
        raise BackupRefused("This installation is not empty. With --yes it is moved aside and replaced.")
    stamp = new_stamp()
    data, media = Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)
    with unpacked(backup, manifest, data, media, stamp) as (new_data, new_media):
        aside = swap_installation(new_data, new_media / MEDIA, stamp)
    return Restored(manifest, aside)


def undo_restore() -> tuple[Path, ...]:
    """Put back what the last restore moved aside; what is here now is moved aside in its turn.

    Returns the folders with that. Raises BackupRefused, DatabaseCopyError.
    """
    data, media = Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)
    last = max(
        (folder.name for place in (data, media) for folder in place.glob(f"{ASIDE_PREFIX}*")), default=""
    )
    if not last:
        raise BackupRefused(f"There is no restore to undo: no folder {ASIDE_PREFIX}… lies in {data}.")
    if has_workers():
        raise BackupRefused(SITE_RUNS)
    stamp = new_stamp()
    new_data = data / f"restoring-{stamp}"
    new_data.mkdir(mode=0o700)
    try:
        database_copy.copy_from_aside(data / last, new_data / database_copy.copy_name())
        if (data / last / KEYS).is_dir():
            shutil.copytree(data / last / KEYS, new_data / KEYS)
        aside = swap_installation(new_data, media / last, stamp)
    finally:
        remove_path(new_data)
    for place in (data, media):
        remove_path(place / last)
    return aside


def new_stamp() -> str:
    return f"{timezone.now():%Y%m%d-%H%M%S}"


def swap_installation(new_data: Path, new_media: Path, stamp: str) -> tuple[Path, ...]:
    """Swap this installation for another one; return the folders in which what was here lies now."""
    data, media = Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)
    aside = (data / f"{ASIDE_PREFIX}{stamp}", media / f"{ASIDE_PREFIX}{stamp}")
    for folder in aside:
        folder.mkdir(mode=0o700, parents=True)
    database_copy.restore_database(
        new_data / database_copy.copy_name(), aside[0]
    )  # what may fail comes first
    swap_folders(new_media, media, aside[1], storage.STORED_FOLDERS)
    swap_folders(new_data, data, aside[0], (KEYS,))
    connections.close_all()
    call_command("migrate", interactive=False, verbosity=0)
    return tuple(folder for folder in aside if not drop_if_empty(folder))


def check_database_kind(manifest: Manifest) -> None:
    if manifest.database != database_copy.vendor():
        raise BackupRefused(
            f"This backup is of a {manifest.database} database and this site uses {database_copy.vendor()}. "
            "Set DATABASE_URL to the same kind."
        )


def has_workers() -> bool:
    """Tell whether a worker was heard of within the last minute."""
    try:
        return any(workers.alive(queue).exists() for queue in QUEUES)
    except DatabaseError:  # no tables yet: nothing runs
        return False


def is_fresh() -> bool:
    """Tell whether there is nothing here that somebody could miss."""
    if next(storage.stored_names(), None) is not None:
        return False
    try:
        return not User.objects.exists()
    except DatabaseError:
        return True


@contextlib.contextmanager
def unpacked(
    backup: Path, manifest: Manifest, data: Path, media: Path, stamp: str
) -> Iterator[tuple[Path, Path]]:
    """Yield folders on the right disks with the backup's files: what follows is renames."""
    new_data, new_media = data / f"restoring-{stamp}", media / f"restoring-{stamp}"
    sizes = {entry.name: entry.size for entry in manifest.files}
    for folder in (new_data, new_media):
        folder.mkdir(mode=0o700, parents=True)
    try:
        if sum(sizes.values()) > shutil.disk_usage(new_media).free:
            raise BackupRefused(f"There is no room for {sum(sizes.values()) // 1_000_000} MB.")
        for name, file in files_in(backup, set(sizes)):
            place = place_of(name, new_data, new_media)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with place.open("wb") as out:
                shutil.copyfileobj(file, out, CHUNK_BYTES)
                out.flush()
                os.fsync(out.fileno())
            if not name.startswith(f"{MEDIA}/"):
                place.chmod(0o600)
        yield new_data, new_media
    finally:
        remove_path(new_data)
        remove_path(new_media)


def place_of(name: str, new_data: Path, new_media: Path) -> Path:
    """Return where a file of a backup is unpacked. Raises BackupRefused for one that belongs to none."""
    parts = PurePosixPath(name).parts
    known = (
        parts == (database_copy.copy_name(),)
        or (len(parts) == 2 and parts[0] == KEYS)
        or (len(parts) > 2 and parts[0] == MEDIA and parts[1] in storage.STORED_FOLDERS)
    )
    if not known or ".." in parts:
        raise BackupRefused(f"{name!r} belongs to no backup of Mixtape.")
    return (new_media if parts[0] == MEDIA else new_data).joinpath(*parts)


def swap_folders(new: Path, here: Path, aside: Path, names: tuple[str, ...]) -> None:
    """Move folders that are here aside, and the new ones to where they were."""
    for name in names:
        if (here / name).exists():
            (here / name).rename(aside / name)
        if (new / name).exists():
            (new / name).rename(here / name)


def drop_if_empty(folder: Path) -> bool:
    """Remove a folder that holds no file; tell whether it did."""
    if any(path.is_file() for path in folder.rglob("*")):
        return False
    shutil.rmtree(folder)
    return True
