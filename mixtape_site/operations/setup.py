"""What stands between a fresh copy of the code and a site that runs; quick when nothing is to be done."""

import contextlib
import fcntl
import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts import services as accounts
from mixes.services.maintenance import database_copy
from mixes.services.storage import STORED_FOLDERS

MAX_COPIES = 3  # of the database as it was before an upgrade


def prepare_site(stdout: TextIO) -> None:
    """Make folders, database, static files and accounts as they should be; say what people need to know."""
    make_folders()
    with setup_lock():
        migrate(stdout)
        collect_static_files()
        prepare_accounts(stdout)


def make_folders() -> None:
    """Make the folders; what lies in them is no business of others who have an account on this machine."""
    for folder in (Path(settings.DATA_DIR), Path(settings.DATA_DIR) / "keys"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in STORED_FOLDERS:
        (Path(settings.MEDIA_ROOT) / name).mkdir(parents=True, exist_ok=True)
    for folder in (Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)):
        close_to_others(folder)


def close_to_others(folder: Path) -> None:
    """Take the rights to a folder from all but its owner and group, unless it is not ours to change."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IRWXO:
        with contextlib.suppress(PermissionError):
            folder.chmod(mode & ~stat.S_IRWXO)


@contextlib.contextmanager
def setup_lock() -> Iterator[None]:
    """Let one process at a time prepare the site; the others wait, and find nothing left to do."""
    with (Path(settings.DATA_DIR) / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def migrate(stdout: TextIO) -> None:
    """Apply missing migrations, to a database that was copied before."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if executor.loader.applied_migrations and (copy := copy_database()):
        stdout.write(f"The database as it was before this upgrade is kept in {copy}\n")
    call_command("migrate", interactive=False, verbosity=0)


def copy_database() -> Path | None:
    """Copy a database that is a file, keeping the last few copies; others have their own means."""
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
    """Gather, name and compress the static files, unless that was done for these very files."""
    mark = Path(settings.STATIC_ROOT).with_name("static.sha256")
    print_now = fingerprint_static_files()
    if mark.is_file() and mark.read_text() == print_now:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    mark.write_text(print_now)


def fingerprint_static_files() -> str:
    """Return a hash of names, sizes and times of all static files, and of how they are stored."""
    found = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            found.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def prepare_accounts(stdout: TextIO) -> None:
    """Open or close the demo account; without an operator, print the link that makes one."""
    if settings.DEMO_ACCOUNT:
        demo = accounts.ensure_demo_account()
        stdout.write(f"To look around, sign in as {demo.email} with the password {demo.password}\n")
    elif accounts.close_demo_account():
        stdout.write("The demo account is closed; MIXTAPE_DEMO_ACCOUNT=True opens it again.\n")
    if not accounts.has_operator():
        stdout.write("This site has no operator yet. Open this link to become it; it works once:\n")
        stdout.write(f"  {accounts.make_operator_link()}\n")
