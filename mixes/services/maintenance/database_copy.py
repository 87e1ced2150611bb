"""A copy of the database while the site runs, and the way back: a file of SQLite, a dump of PostgreSQL."""

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
SIDE_FILES = ("", "-wal", "-shm")  # what SQLite keeps beside its file


class DatabaseCopyError(Exception):
    """A copy that could not be made or read; str() is a sentence."""


def vendor() -> str:
    return connections["default"].vendor


def copy_name() -> str:
    """Return the name of the copy in a backup. Raises DatabaseCopyError for a database we cannot copy."""
    try:
        return COPY_NAMES[vendor()]
    except KeyError:
        raise DatabaseCopyError(f"There is no way here to copy a database of {vendor()}.") from None


def copy_database(target: Path) -> None:
    """Copy the database as it is at one moment, whoever writes meanwhile."""
    if vendor() == "sqlite":
        copy_sqlite(sqlite_path(), target)
    else:
        run_postgres("pg_dump", ["--format=custom", "--no-owner", f"--file={target}"])
    target.chmod(0o600)


def restore_database(copy: Path, aside: Path) -> None:
    """Put a copy in the database's place; what was there goes into the folder `aside`."""
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
    # the schema anew: tables of a newer version would stay and stop the migrations
    with connections["default"].cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connections.close_all()
    arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(copy)]
    run_postgres("pg_restore", arguments, database_option=True)


def copy_from_aside(aside: Path, copy: Path) -> None:
    """Make a copy, as of a backup, of the database that `restore_database` moved aside."""
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
    """Copy through SQLite itself: with what its log holds, and never half a transaction."""
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as read,
        contextlib.closing(sqlite3.connect(target)) as write,
    ):
        read.backup(write)
        write.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        if (answer := write.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise DatabaseCopyError(f"The copy of the database is damaged: {answer}")


def run_postgres(program: str, arguments: Sequence[str], *, database_option: bool = False) -> None:
    """Run one of PostgreSQL's own programs against our database; its password is on no command line."""
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
