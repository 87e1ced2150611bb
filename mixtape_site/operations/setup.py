"""Prepare an installation to run: folders, database, static files, accounts; fast when nothing changed."""

import contextlib
import fcntl
import hashlib
import stat
from collections.abc import Iterator
from io import TextIOBase
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts import services as accounts
from mixes.services.maintenance import database_copy
from mixes.services.storage import STORED_FOLDERS

MAX_COPIES = 3  # of the database before an upgrade


def prepare_site(stdout: TextIOBase) -> None:
    """Prepare folders, database, static files and accounts; print what the operator needs to know."""
    make_folders()
    accounts.note_address()
    with setup_lock():
        migrate(stdout)
        collect_static_files()
        prepare_accounts(stdout)


def make_folders() -> None:
    """Create the folders, closed to other users of this machine."""
    for folder in (Path(settings.DATA_DIR), Path(settings.DATA_DIR) / "keys"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in STORED_FOLDERS:
        (Path(settings.MEDIA_ROOT) / name).mkdir(parents=True, exist_ok=True)
    for folder in (Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)):
        close_to_others(folder)


def close_to_others(folder: Path) -> None:
    """Remove the permissions of others on a folder, unless another user owns it."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IRWXO:
        with contextlib.suppress(PermissionError):
            folder.chmod(mode & ~stat.S_IRWXO)


@contextlib.contextmanager
def setup_lock() -> Iterator[None]:
    """Lock the setup: one process prepares the site, the others wait for it."""
    with (Path(settings.DATA_DIR) / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def migrate(stdout: TextIOBase) -> None:
    """Apply missing migrations after copying the database."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if executor.loader.applied_migrations and (copy := copy_database()):
        stdout.write(f"A copy of the database from before this upgrade is in {copy}\n")
    call_command("migrate", interactive=False, verbosity=0)


def copy_database() -> Path | None:
    """Copy an SQLite database and keep the last few copies; other databases have their own tools."""
    if database_copy.vendor() != "sqlite" or not database_copy.sqlite_path().is_file():
        return None
    folder = Path(settings.DATA_DIR) / "before-upgrades"
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"{timezone.now():%Y%m%d-%H%M%S-%f}.sqlite3"
    database_copy.copy_database(copy)
    for old in sorted(folder.glob("*.sqlite3"))[:-MAX_COPIES]:
        old.unlink()
    return copy


def collect_static_files() -> None:
    """Run collectstatic, unless nothing changed since the last time."""
    mark = Path(settings.STATIC_ROOT).with_name("static.sha256")
    print_now = fingerprint_static_files()
    if mark.is_file() and mark.read_text() == print_now:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    mark.write_text(print_now)


def fingerprint_static_files() -> str:
    """Return a hash of all static files' names, sizes and times, and of the storage settings."""
    found = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            found.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def prepare_accounts(stdout: TextIOBase) -> None:
    """Open or close the demo account; print a link for the first operator if there is none."""
    if settings.DEMO_ACCOUNT:
        demo = accounts.ensure_demo_account()
        stdout.write(f"To look around, sign in as {demo.email} with the password {demo.password}\n")
    elif accounts.close_demo_account():
        stdout.write("The demo account is closed; MIXTAPE_DEMO_ACCOUNT=True opens it again.\n")
    if not accounts.has_operator():
        stdout.write("This site has no operator yet. Open this link to become the operator; it works once:\n")
        stdout.write(f"  {accounts.make_operator_link()}\n")
