"""Copy the database of a running site and restore it: SQLite's backup API, or pg_dump and pg_restore."""

import contextlib
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.db import connections

from mixes.engine.disk import fsync_path

COPY_NAMES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
SIDE_FILES = ("", "-wal", "-shm")  # SQLite's files: the database, its log and its index
TABLES = {"django_migrations", "accounts_user", "mixes_track", "mixes_mix"}  # of every version
DUMPED_TABLE = re.compile(r"\d+; \d+ \d+ TABLE public (\S+) ")  # an entry of `pg_restore --list`
LOAD_LOCK = 746_152_093  # advisory lock of a load


class DatabaseCopyError(Exception):
    """A copy could not be made or read; str() is a sentence."""


def vendor() -> str:
    return connections["default"].vendor


def copy_name() -> str:
    """Return the name of the copy in a backup. Raises DatabaseCopyError for an unsupported database."""
    try:
        return COPY_NAMES[vendor()]
    except KeyError:
        raise DatabaseCopyError(f"Backups do not support a database of type {vendor()}.") from None


def copy_database(target: Path) -> None:
    """Copy the database consistently while others write to it. Raises DatabaseCopyError."""
    if vendor() == "sqlite":
        copy_sqlite(sqlite_path(), target)
    else:
        run_postgres("pg_dump", ["--format=custom", "--no-owner", f"--file={target}"])
    target.chmod(0o600)


def is_file() -> bool:
    """Return whether the database is a file, which a rename replaces."""
    return vendor() == "sqlite"


def exists() -> bool:
    """Return whether there is a database; to connect to a missing SQLite file would create it."""
    return not is_file() or sqlite_path().exists()


def check_copy(copy: Path) -> None:
    """Check that a copy can be read and has Mixtape's tables. Raises DatabaseCopyError."""
    try:
        found = tables_of_sqlite(copy) if is_file() else tables_of_dump(copy)
    except sqlite3.Error as error:
        raise DatabaseCopyError(f"The database in this backup cannot be read: {error}.") from error
    if not found >= TABLES:
        raise DatabaseCopyError("The database in this backup is not one of Mixtape: it lacks its tables.")


def tables_of_sqlite(copy: Path) -> set[str]:
    """Return the tables of a file that has no log beside it. Raises DatabaseCopyError and sqlite3.Error."""
    address = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
        if (answer := database.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise DatabaseCopyError(f"The database in this backup is damaged: {answer}")
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def tables_of_dump(copy: Path) -> set[str]:
    """Return the tables of a dump whose every entry can be read. Raises DatabaseCopyError."""
    run_postgres("pg_restore", ["--file=/dev/null", str(copy)])
    entries = run_postgres("pg_restore", ["--list", str(copy)]).splitlines()
    return {found[1] for entry in entries if (found := DUMPED_TABLE.match(entry))}


@contextlib.contextmanager
def connected_to(copy: Path) -> Iterator[None]:
    """Connect Django to a copy of an SQLite database; afterwards it is one file, flushed to the disk."""
    database = connections["default"]
    connections.close_all()
    live, database.settings_dict["NAME"] = database.settings_dict["NAME"], str(copy)
    try:
        yield
    finally:
        connections.close_all()
        database.settings_dict["NAME"] = live
    make_one_file(copy)


def make_one_file(copy: Path) -> None:
    """Write the log of an SQLite database into its file, and flush it to the disk."""
    with contextlib.closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    copy.chmod(0o600)
    fsync_path(copy)


def load_dump(dump: Path, folder: Path) -> None:
    """Replace PostgreSQL's database by a dump, wholly or not at all. Raises DatabaseCopyError.

    `folder` takes the dump as a script. A lock keeps out one that is still being loaded.
    """
    connections.close_all()
    script = folder / "database.sql"
    run_postgres("pg_restore", ["--no-owner", "--no-privileges", f"--file={script}", str(dump)])
    # drop the schema: tables of a newer version would remain and break the migrations
    arguments = (
        *("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--single-transaction"),
        f"--command=SELECT pg_advisory_xact_lock({LOAD_LOCK})",
        *("--command=DROP SCHEMA public CASCADE", "--command=CREATE SCHEMA public"),
        f"--file={script}",
    )
    run_postgres("psql", arguments)


def copy_from_aside(aside: Path, copy: Path) -> None:
    """Copy the database that a restore kept in the folder `aside`. Raises DatabaseCopyError."""
    if is_file():
        copy_sqlite(aside / sqlite_path().name, copy)
    else:
        shutil.copyfile(aside / COPY_NAMES["postgresql"], copy)
    fsync_path(copy)


def sqlite_path() -> Path:
    return Path(connections["default"].settings_dict["NAME"])


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy through SQLite's backup API, which includes the log and only whole transactions.

    Raises DatabaseCopyError.
    """
    try:
        with (
            contextlib.closing(sqlite3.connect(source, timeout=60)) as read,
            contextlib.closing(sqlite3.connect(target)) as write,
        ):
            read.backup(write)
            write.execute("PRAGMA journal_mode=DELETE")  # a single file without a log
            if (answer := write.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                raise DatabaseCopyError(f"The copy of the database is damaged: {answer}")
    except sqlite3.Error as error:
        raise DatabaseCopyError(f"The database {source} cannot be copied: {error}.") from error


def run_postgres(program: str, arguments: Sequence[str]) -> str:
    """Run one of PostgreSQL's programs, return its output; the password is not in the command line.

    Raises DatabaseCopyError.
    """
    found = shutil.which(program)
    if found is None:
        text = f"{program} was not found. Install PostgreSQL's client programs, as new as its server."
        raise DatabaseCopyError(text)
    database = settings.DATABASES["default"]
    where = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    environment = {name: str(database[key]) for name, key in where.items() if database.get(key)}
    environment |= {"PGDATABASE": connections["default"].settings_dict["NAME"], "PATH": "/usr/bin:/bin"}
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise DatabaseCopyError(f"{program} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
