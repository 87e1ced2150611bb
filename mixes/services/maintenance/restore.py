"""Restore a backup after verifying every checksum; nothing is touched before.

Existing data is moved aside, never overwritten, so that restoring the wrong backup can be undone.
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
SITE_RUNS = "The site is running. Stop it first; a crashed worker counts as running for a minute."


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore."""

    manifest: Manifest
    aside: tuple[Path, ...]  # folders with the previous data; empty if there was none


def restore_backup(backup: Path, *, replace: bool = False) -> Restored:
    """Replace this installation by a backup. Raises BackupRefused and DatabaseCopyError."""
    manifest = read_manifest(backup)
    check_database_kind(manifest)
    for entry in manifest.files:  # reject bad names before reading any file
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
    """Undo the last restore; the current data is moved aside in turn.

    Returns the folders with that data. Raises BackupRefused and DatabaseCopyError.
    """
    data, media = Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)
    last = max(
        (folder.name for place in (data, media) for folder in place.glob(f"{ASIDE_PREFIX}*")), default=""
    )
    if not last:
        raise BackupRefused(f"There is no restore to undo: no folder {ASIDE_PREFIX}… is in {data}.")
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
    """Replace this installation by another one; return the folders with the previous data."""
    data, media = Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)
    aside = (data / f"{ASIDE_PREFIX}{stamp}", media / f"{ASIDE_PREFIX}{stamp}")
    for folder in aside:
        folder.mkdir(mode=0o700, parents=True)
    database_copy.restore_database(
        new_data / database_copy.copy_name(), aside[0]
    )  # first, because it can fail
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
    """Return whether any worker had a heartbeat within the last minute."""
    try:
        return any(workers.alive(queue).exists() for queue in QUEUES)
    except DatabaseError:  # no tables yet, so no workers
        return False


def is_fresh() -> bool:
    """Return whether this installation is empty, with nothing to lose."""
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
    """Yield folders with the backup's files on the target disks, so that the rest is renames."""
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
    """Return the path where a file of a backup is unpacked. Raises BackupRefused for an unexpected name."""
    parts = PurePosixPath(name).parts
    known = (
        parts == (database_copy.copy_name(),)
        or (len(parts) == 2 and parts[0] == KEYS)
        or (len(parts) > 2 and parts[0] == MEDIA and parts[1] in storage.STORED_FOLDERS)
    )
    if not known or ".." in parts:
        raise BackupRefused(f"{name!r} is not an expected file of a backup.")
    return (new_media if parts[0] == MEDIA else new_data).joinpath(*parts)


def swap_folders(new: Path, here: Path, aside: Path, names: tuple[str, ...]) -> None:
    """Move existing folders aside, and the new ones into their place."""
    for name in names:
        if (here / name).exists():
            (here / name).rename(aside / name)
        if (new / name).exists():
            (new / name).rename(here / name)


def drop_if_empty(folder: Path) -> bool:
    """Remove a folder that contains no file; return whether it was removed."""
    if any(path.is_file() for path in folder.rglob("*")):
        return False
    shutil.rmtree(folder)
    return True
