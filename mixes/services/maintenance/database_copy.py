"""Copy the database of a running site and restore it: SQLite's backup API, or pg_dump and pg_restore."""

import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

COPY_NAMES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
SIDE_FILES = ("", "-wal", "-shm")  # SQLite's files: the database, its log and its index


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


def restore_database(copy: Path, aside: Path) -> None:
    """Replace the database by a copy; save the old one in the folder `aside`. Raises DatabaseCopyError."""
    connections.close_all()
    if vendor() == "sqlite":
        path = sqlite_path()
        for ending in SIDE_FILES:
            old = path.with_name(path.name + ending)
            if old.exists():
                shutil.move(old, aside / old.name)
        shutil.move(copy, path)
        return
    run_postgres("pg_dump", ["--format=custom", "--no-owner", f"--file={aside / COPY_NAMES['postgresql']}"])
    # drop the schema: tables of a newer version would remain and break the migrations
    with connections["default"].cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connections.close_all()
    arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(copy)]
    run_postgres("pg_restore", arguments, database_option=True)


def copy_from_aside(aside: Path, copy: Path) -> None:
    """Copy the database that `restore_database` saved in `aside`. Raises DatabaseCopyError."""
    if vendor() == "sqlite":
        old = aside / sqlite_path().name
        if not old.is_file():
            raise DatabaseCopyError(f"There is no database in {aside}.")
        copy_sqlite(old, copy)
    else:
        shutil.copyfile(aside / COPY_NAMES["postgresql"], copy)


def sqlite_path() -> Path:
    return Path(connections["default"].settings_dict["NAME"])


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy through SQLite's backup API, which includes the log and only whole transactions."""
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as read,
        contextlib.closing(sqlite3.connect(target)) as write,
    ):
        read.backup(write)
        write.execute("PRAGMA journal_mode=DELETE")  # a single file without a log
        if (answer := write.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise DatabaseCopyError(f"The copy of the database is damaged: {answer}")


def run_postgres(program: str, arguments: Sequence[str], *, database_option: bool = False) -> None:
    """Run one of PostgreSQL's programs; the password is passed outside the command line."""
    found = shutil.which(program)
    if found is None:
        text = f"{program} was not found. Install PostgreSQL's client programs, as new as its server."
        raise DatabaseCopyError(text)
    database = settings.DATABASES["default"]
    where = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    environment = {name: str(database[key]) for name, key in where.items() if database.get(key)}
    environment |= {"PGDATABASE": connections["default"].settings_dict["NAME"], "PATH": "/usr/bin:/bin"}
    extra: list[Any] = [f"--dbname={environment['PGDATABASE']}"] if database_option else []
    done = subprocess.run([found, *extra, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise DatabaseCopyError(f"{program} failed: {done.stderr.strip()[-500:]}")
