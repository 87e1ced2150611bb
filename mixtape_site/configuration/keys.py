"""Secrets a fresh installation makes for itself: files only their owner can read, never in the repository.

A file holds one key on each line, the newest first: that one signs and encrypts, the others are still
understood. Nothing is kept of what was read, so a key that was changed counts from the next reading on.
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
    """Return a key for whatever takes any text."""
    return secrets.token_urlsafe(KEY_BYTES)


def read_or_make_key(path: Path, *, key_bytes: int = KEY_BYTES) -> str:
    """Return the newest key kept at `path`, making it at the first start; see `read_or_make_keys`."""
    return read_or_make_keys(path, lambda: secrets.token_urlsafe(key_bytes))[0]


def read_or_make_keys(path: Path, make: MakeKey = make_key) -> list[str]:
    """Return the keys kept at `path`, newest first, making one (mode 0600) at the first start.

    Where it cannot be kept, the key is good for this process; `manage.py check` then names the folder.
    Raises ImproperlyConfigured for a file without a key.
    """
    try:
        return read_or_store_keys(path, make)
    except OSError:
        return [make()]


def read_or_store_keys(path: Path, make: MakeKey = make_key) -> list[str]:
    """Return the keys kept at `path`, newest first, making one. Raises OSError where it cannot be kept."""
    make_key_folder(path.parent)
    if not path.exists():
        # Linked into place whole: of two processes that start at once, both read the same key.
        with fresh_file(path, [make()]) as fresh, contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    return read_keys(path)


def read_keys(path: Path) -> list[str]:
    """Return the keys kept at `path`, newest first. Raises OSError, ImproperlyConfigured."""
    keys = path.read_text().split()
    if not keys:
        raise ImproperlyConfigured(f"{path} holds no key. Delete it, and a new one is made.")
    return keys


def add_key(path: Path, make: MakeKey = make_key) -> None:
    """Have a new key sign from now on; those that did are still understood. Raises OSError."""
    with locked_folder(path.parent):
        replace_keys(path, [make(), *read_keys(path)])


def drop_old_keys(path: Path) -> int:
    """Forget all keys but the newest; return how many there were. Raises OSError."""
    with locked_folder(path.parent):
        first, *old = read_keys(path)
        if old:
            replace_keys(path, [first])
    return len(old)


def replace_keys(path: Path, keys: list[str]) -> None:
    """Put other keys into a file, whole or not at all; it stays its owner's, whoever runs this."""
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
    for each in (folder.parent, folder):  # one made on the way to another would be open to all
        each.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def fresh_file(path: Path, keys: list[str]) -> Iterator[Path]:
    """Yield a file beside `path` that holds the keys for good; what is left of it goes at the end."""
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
    """Let one process at a time change the keys of a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
