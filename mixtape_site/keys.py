"""Secrets a fresh installation makes for itself: files only their owner can read, never in the repository."""

import os
import secrets
from pathlib import Path

KEY_BYTES = 50


def read_or_make_key(path: Path, *, key_bytes: int = KEY_BYTES) -> str:
    """Return the key kept at `path`, making it (mode 0600) at the first start.

    Where it cannot be kept, the key is good for this process; `manage.py check` then names the folder.
    """
    try:
        return _keep_key(path, key_bytes)
    except OSError:
        return secrets.token_urlsafe(key_bytes)


def _keep_key(path: Path, key_bytes: int) -> str:
    for folder in (path.parent.parent, path.parent):  # one made on the way to another would be open to all
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Linked into place whole: of two processes that start at once, both read the same key.
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(key_bytes))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # the other process was first
        finally:
            fresh.unlink()
    return path.read_text()
