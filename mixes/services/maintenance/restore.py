"""Restore a backup after verifying every checksum and its database; nothing is touched before.

Existing data is moved aside, never overwritten, so that restoring the wrong backup can be undone. A restore
that fails or is killed is reversed from its journal (journal.py), at once or by `undo_restore`.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.dispatch import Signal
from django.utils import timezone

from accounts.models import User
from mixes.engine.disk import fsync_path
from mixes.queues import QUEUES
from mixes.services import storage, workers
from mixes.services.maintenance import database_copy, journal
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
from mixes.services.maintenance.journal import JOURNAL, JournalError, Move, Plan

UNDONE = "undone-restore.json"  # the record of the restore that an undo reversed
DATA, DATABASE = "data", "database"  # roots of moves, with MEDIA
SITE_RUNS = "The site is running. Stop it first; a crashed worker counts as running for a minute."
# Sent with the older database in use, before the site can use it: what happened since is not in it
database_restored = Signal()


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore."""

    manifest: Manifest
    aside: tuple[Path, ...]  # folders with the previous data; empty if there was none


@dataclass(frozen=True, slots=True)
class Undone:
    """The result of an undo."""

    was_interrupted: bool  # a restore or an undo had not ended
    aside: tuple[Path, ...] = ()


def restore_backup(backup: Path, *, replace: bool = False) -> Restored:
    """Replace this installation by a backup. Raises BackupRefused, DatabaseCopyError and JournalError."""
    manifest = read_manifest(backup)
    check_database_kind(manifest)
    for entry in manifest.files:  # reject bad names before reading any file
        place_of(entry.name, backup, backup)
    if database_copy.copy_name() not in manifest.names:
        raise BackupRefused("This backup contains no database.")
    verify_backup(backup, manifest)
    with journal.locked(data_folder()):
        refuse_open_journal()
        if has_workers():
            raise BackupRefused(SITE_RUNS)
        if not replace and not is_fresh():
            text = "This installation is not empty. With --yes it is moved aside and replaced."
            raise BackupRefused(text)

        def unpack(plan: Plan) -> list[Move]:
            new_data, new_media = data_folder() / plan.new, media_folder() / plan.new
            unpack_backup(backup, manifest, new_data, new_media)
            if (copy := new_data / database_copy.copy_name()) != new_database(plan):
                new_database(plan).parent.mkdir(mode=0o700)
                shutil.move(copy, new_database(plan))
            prepare_database(plan)
            return [
                *swap_folder(plan, DATA, KEYS, f"{plan.new}/{KEYS}"),
                *(
                    move
                    for name in storage.STORED_FOLDERS
                    for move in swap_folder(plan, MEDIA, name, f"{plan.new}/{MEDIA}/{name}")
                ),
            ]

        return Restored(manifest, replace_installation(unpack))


def undo_restore() -> Undone:
    """Reverse a restore that has not ended; otherwise undo the last one, which moves the current data aside.

    Raises BackupRefused, DatabaseCopyError and JournalError.
    """
    with journal.locked(data_folder()):
        if journal.is_open(data_folder()):
            roll_back(journal.read(data_folder()))
            return Undone(was_interrupted=True)
        last = last_restore()
        if has_workers():
            raise BackupRefused(SITE_RUNS)

        def unpack(plan: Plan) -> list[Move]:
            new_database(plan).parent.mkdir(mode=0o700)
            if last.loads_dump or any(move.root == DATABASE and move.is_aside for move in last.moves):
                database_copy.copy_from_aside(roots()[DATABASE] / last.aside, new_database(plan))
                prepare_database(plan)
            names = dict.fromkeys((move.root, move.live_name) for move in last.moves)
            return [
                move
                for root, name in names
                if "/" not in name and root != DATABASE
                for move in swap_folder(plan, root, name, f"{last.aside}/{name}")
            ] + [Move(DATA, f"{last.aside}/{JOURNAL}", f"{plan.aside}/{UNDONE}")]

        aside = replace_installation(unpack)
        remove_unused(folders(last.aside))
        return Undone(was_interrupted=False, aside=aside)


def last_restore() -> Plan:
    """Return the last restore with all that it moved aside. Raises BackupRefused."""
    records = sorted(data_folder().glob(f"{journal.ASIDE}*/{JOURNAL}"))
    if not records:
        text = f"There is no restore to undo: no folder {journal.ASIDE}… is in {data_folder()}."
        raise BackupRefused(text)
    last = journal.read(records[-1].parent)
    for move in last.moves:
        if move.is_aside and not os.path.lexists(gone := roots()[move.root] / move.target):
            raise BackupRefused(f"The last restore cannot be undone: {gone} is missing.")
    return last


def replace_installation(unpack: Callable[[Plan], list[Move]]) -> tuple[Path, ...]:
    """Replace this installation by what `unpack` places next to it; reverse everything on an error.

    Returns the folders with the previous data.
    """
    plan = Plan(f"{timezone.now():%Y%m%d-%H%M%S-%f}")
    try:
        journal.write(data_folder(), plan)
        remove_leftovers()
        moves = unpack(plan)
        make_aside_folders(plan)
        plan = Plan(plan.stamp, (*swap_database(plan), *moves), loads_dump=save_dump(plan))
        journal.write(data_folder(), plan)
        if plan.loads_dump:
            database_copy.load_dump(new_database(plan), data_folder() / plan.new)
            bring_up_to_date()
        journal.make_moves(plan, roots())
        journal.close(data_folder(), plan)
    except BaseException as error:
        try:
            journal.write(data_folder(), plan)  # its end may have failed
            roll_back(plan)
        except Exception as another:
            text = f"{error} This could not be reversed yet: {another} {journal.UNFINISHED}"
            raise JournalError(text) from error
        raise
    remove_unused(folders(plan.new))
    return tuple(folder for folder in folders(plan.aside) if has_data(folder))


def remove_unused(unused: list[Path]) -> None:
    """Remove folders once a restore has ended; it has succeeded even if one of them cannot be removed."""
    for folder in unused:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder, ignore_errors=True)


def roll_back(plan: Plan) -> None:
    """Reverse a restore and close its journal. Raises DatabaseCopyError, JournalError and OSError."""
    journal.reverse_moves(plan, roots())
    if plan.loads_dump:
        (data_folder() / plan.new).mkdir(mode=0o700, exist_ok=True)
        database_copy.load_dump(saved_dump(plan), data_folder() / plan.new)
    journal.write(data_folder(), Plan(plan.stamp))  # nothing is to be moved back any more
    for folder in folders(plan.new):
        remove_path(folder)
    for path in (saved_dump(plan), data_folder() / plan.aside / JOURNAL):
        path.unlink(missing_ok=True)
    for folder in folders(plan.aside):
        if folder.exists():
            folder.rmdir()  # it is empty: everything is back
    journal.discard(data_folder())


def data_folder() -> Path:
    return Path(settings.DATA_DIR)


def media_folder() -> Path:
    return Path(settings.MEDIA_ROOT)


def roots() -> dict[str, Path]:
    """Return the folders in which things are moved; each may be on a disk of its own."""
    database = database_copy.sqlite_path().parent if database_copy.is_file() else data_folder()
    return {DATA: data_folder(), MEDIA: media_folder(), DATABASE: database}


def folders(name: str) -> list[Path]:
    """Return the folder of that name in each root, existing or not."""
    return [root / name for root in dict.fromkeys(roots().values())]


def new_database(plan: Plan) -> Path:
    return roots()[DATABASE] / plan.new / database_copy.copy_name()


def saved_dump(plan: Plan) -> Path:
    """Return the path of PostgreSQL's previous database."""
    return data_folder() / plan.aside / database_copy.COPY_NAMES["postgresql"]


def refuse_open_journal() -> None:
    if journal.is_open(data_folder()):
        raise BackupRefused(journal.UNFINISHED)


def remove_leftovers() -> None:
    """Remove unpacked files of restores that were killed before their first move or after their last one."""
    for folder in dict.fromkeys(roots().values()):
        for leftover in folder.glob(f"{journal.NEW}*"):
            remove_path(leftover)


def check_database_kind(manifest: Manifest) -> None:
    if manifest.database != database_copy.vendor():
        raise BackupRefused(
            f"This backup is of a {manifest.database} database and this site uses {database_copy.vendor()}. "
            "Set DATABASE_URL to the same kind."
        )


def has_workers() -> bool:
    """Return whether any worker had a heartbeat within the last minute."""
    try:
        return database_copy.exists() and any(workers.alive(queue).exists() for queue in QUEUES)
    except DatabaseError:  # no tables yet, so no workers
        return False


def is_fresh() -> bool:
    """Return whether this installation is empty, with nothing to lose."""
    if next(storage.stored_names(), None) is not None:
        return False
    try:
        return not (database_copy.exists() and User.objects.exists())
    except DatabaseError:
        return True


def unpack_backup(backup: Path, manifest: Manifest, new_data: Path, new_media: Path) -> None:
    """Write the backup's files on the disks where they belong, so that the rest is renames."""
    for folder in (new_data, new_media):
        folder.mkdir(mode=0o700, parents=True)
    if manifest.size_bytes > shutil.disk_usage(new_media).free:
        raise BackupRefused(f"There is no room for {manifest.size_bytes // 1_000_000} MB.")
    for name, file in files_in(backup, manifest.names):
        place = place_of(name, new_data, new_media)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with place.open("wb") as out:
            shutil.copyfileobj(file, out, CHUNK_BYTES)
            out.flush()
            os.fsync(out.fileno())
        if not name.startswith(f"{MEDIA}/"):
            place.chmod(0o600)
    for folder in (new_data, new_media):
        for path, _, _ in os.walk(folder):
            fsync_path(Path(path))


def place_of(name: str, new_data: Path, new_media: Path) -> Path:
    """Return the path where a file of a backup is unpacked. Raises BackupRefused for an unexpected name."""
    parts = PurePosixPath(name).parts
    known = (
        parts == (database_copy.copy_name(),)
        or (len(parts) == 2 and parts[0] == KEYS)
        or (len(parts) > 2 and parts[0] == MEDIA and parts[1] in storage.STORED_FOLDERS)
    )
    if not known or ".." in parts or PurePosixPath(name).as_posix() != name:
        raise BackupRefused(f"{name!r} is not an expected file of a backup.")
    return (new_media if parts[0] == MEDIA else new_data).joinpath(*parts)


def prepare_database(plan: Plan) -> None:
    """Check the new database, and migrate it if it is a file; a dump must be loaded first.

    Raises BackupRefused and DatabaseCopyError.
    """
    database_copy.check_copy(new_database(plan))
    if database_copy.is_file():
        with database_copy.connected_to(new_database(plan)):
            bring_up_to_date()
    fsync_path(new_database(plan).parent)


def bring_up_to_date() -> None:
    """Migrate an older database, and report it to the apps that act on the world. Raises BackupRefused."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
        database_restored.send(sender=None)
    except Exception as error:  # an unknown database can fail a migration in any way
        text = f"The database of this backup cannot be brought up to date: {error}."
        raise BackupRefused(text) from error
    finally:
        connections.close_all()


def make_aside_folders(plan: Plan) -> None:
    for folder in folders(plan.aside):
        folder.mkdir(mode=0o700)
        fsync_path(folder.parent)


def save_dump(plan: Plan) -> bool:
    """Save PostgreSQL's current database; return False when the database is a file that is moved instead."""
    if database_copy.is_file():
        return False
    database_copy.copy_database(saved_dump(plan))
    fsync_path(saved_dump(plan))
    fsync_path(saved_dump(plan).parent)
    return True


def swap_database(plan: Plan) -> Iterator[Move]:
    """Yield the moves that replace a database that is a file, with its log."""
    if not database_copy.is_file():
        return
    live = database_copy.sqlite_path()
    for name in (f"{live.name}{ending}" for ending in database_copy.SIDE_FILES):
        if os.path.lexists(live.with_name(name)):
            yield Move(DATABASE, name, f"{plan.aside}/{name}")
    if new_database(plan).exists():
        yield Move(DATABASE, f"{plan.new}/{new_database(plan).name}", live.name)


def swap_folder(plan: Plan, root: str, name: str, source: str) -> Iterator[Move]:
    """Yield the moves that replace a folder in use by another one; either may be missing."""
    if os.path.lexists(roots()[root] / name):
        yield Move(root, name, f"{plan.aside}/{name}")
    if os.path.lexists(roots()[root] / source):
        yield Move(root, source, name)


def has_data(folder: Path) -> bool:
    """Return whether a folder with previous data contains a file beside the records of restores."""
    return any(path.is_file() for path in folder.rglob("*") if path.name not in (JOURNAL, UNDONE))
