"""Export of everything the site stores about a user: a ZIP, streamed in constant memory."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from mixes.services import storage
from mixes.services.delivery.zip_stream import ZipBuffer, send_entry
from mixes.services.maintenance import account_data

README = """What Mixtape stores about your account.

account.json   who you are, where you signed in from
*.json         your tracks, pictures, mixes with every state they were in, jobs and results
tracks/        the songs you added, as you added them          (only if you asked for the files)
pictures/      your pictures                                   (the same)
results/       files made from your mixes, one folder a job    (the same)
"""


def export_account(user: User, *, with_files: bool) -> Iterator[bytes]:
    """Yield the archive. All rows are read before the first byte: a slow download holds no database lock."""
    files = account_data.files_of(user) if with_files else []
    with tempfile.TemporaryFile() as rows:
        tables = write_tables(user, rows)
        yield from _zip_of(rows, tables, files)


def write_tables(user: User, out: IO[bytes]) -> list[tuple[str, int]]:
    """Write each table as a JSON list into `out`, one after the other; return names and lengths in bytes."""
    written = []
    parts: dict[str, Iterator[Any]] = {
        name: account_data.rows_of(table) for name, table in account_data.tables_of(user).items()
    }
    for name, rows in {"account": iter([describe_account(user)]), **parts}.items():
        begin = out.tell()
        out.write(b"[")
        for k, row in enumerate(rows):
            out.write(b",\n" if k else b"\n")
            out.write(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False).encode())
        out.write(b"\n]\n")
        written.append((f"{name}.json", out.tell() - begin))
    return written


def describe_account(user: User) -> dict[str, Any]:
    """Return the account with its addresses, sign-ins and connections."""
    return {
        "email": user.email,
        "name": user.get_full_name(),
        "joined_at": user.date_joined,
        "last_sign_in_at": user.last_login,
        "addresses": list(user.emailaddress_set.values("email", "verified", "primary")),
        "sessions": list(user.usersession_set.values("ip", "user_agent", "created_at", "last_seen_at")),
        "connections": list(user.socialaccount_set.values("provider", "uid", "date_joined", "extra_data")),
    }


def _zip_of(rows: IO[bytes], tables: list[tuple[str, int]], files: list[tuple[str, str]]) -> Iterator[bytes]:
    outbox = ZipBuffer()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("README.txt", README)
        rows.seek(0)
        for name, size in tables:
            yield from send_entry(archive, outbox, name, rows, size)
        for name, file in files:
            path = storage.path_of(file)
            if path.is_file():  # the file may have been deleted since the list was made
                with path.open("rb") as source:
                    yield from send_entry(archive, outbox, name, source, path.stat().st_size)
    yield outbox.take()
