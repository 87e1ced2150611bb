"""Key files that an installation generates for itself, readable by their owner only.

A file holds one key per line, newest first: the first key signs and encrypts, the others only verify and
decrypt. Nothing is cached, so a changed key takes effect at the next read.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 50
OWNER_ONLY = 0o600

MakeKey = Callable[[], str]


def make_key() -> str:
    """Return a random key as text."""
    return secrets.token_urlsafe(KEY_BYTES)


def read_or_make_key(path: Path, *, key_bytes: int = KEY_BYTES) -> str:
    """Return the newest key in `path`, creating it if missing; see `read_or_make_keys`."""
    return read_or_make_keys(path, lambda: secrets.token_urlsafe(key_bytes))[0]


def read_or_make_keys(path: Path, make: MakeKey = make_key) -> list[str]:
    """Return the keys in `path`, newest first; create the file (mode 0600) if it is missing.

    If the file cannot be written, the key is valid in this process only; `manage.py check` then names the
    folder.
    Raises ImproperlyConfigured for a file without a key.
    """
    try:
        return read_or_store_keys(path, make)
    except OSError:
        return [make()]


def read_or_store_keys(path: Path, make: MakeKey = make_key) -> list[str]:
    """Return the keys in `path`, newest first; create the file if missing. Raises OSError if that fails."""
    make_key_folder(path.parent)
    if not path.exists():
        # Written whole, then linked: two processes that start together read the same key
        with fresh_file(path, [make()]) as fresh, contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    return read_keys(path)


def read_keys(path: Path) -> list[str]:
    """Return the keys in `path`, newest first. Raises OSError, or ImproperlyConfigured without a key."""
    keys = path.read_text().split()
    if not keys:
        raise ImproperlyConfigured(f"{path} contains no key. Delete it to get a new one.")
    return keys


def add_key(path: Path, make: MakeKey = make_key) -> None:
    """Add a new signing key; older keys stay valid for verification. Raises OSError."""
    with locked_folder(path.parent):
        replace_keys(path, [make(), *read_keys(path)])


def drop_old_keys(path: Path) -> int:
    """Delete all keys but the newest; return how many were deleted. Raises OSError."""
    with locked_folder(path.parent):
        first, *old = read_keys(path)
        if old:
            replace_keys(path, [first])
    return len(old)


def replace_keys(path: Path, keys: list[str]) -> None:
    """Replace the keys in a file atomically; the file keeps its owner, whichever user runs this."""
    owner = path.stat()
    with fresh_file(path, keys) as fresh:
        if owner.st_uid != os.geteuid():
            os.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_key_folder(folder: Path) -> None:
    for each in (folder.parent, folder):  # `parents=True` would create parents with open permissions
        each.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def fresh_file(path: Path, keys: list[str]) -> Iterator[Path]:
    """Yield a temporary file next to `path` with the keys, flushed to disk; removes it at the end."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(handle, "w") as file:
            file.write("\n".join(keys))
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock a key folder: one process at a time may change its keys."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
