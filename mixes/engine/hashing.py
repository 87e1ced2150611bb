"""SHA-256 of files."""

import hashlib
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled

HASH_BYTES = 1 << 22  # read at a time; `should_stop` is called before each block


def hash_file(path: Path, should_stop: ShouldStop = never) -> str:
    """Return the SHA-256 of a file as hexadecimal text.

    Raises OSError when the file cannot be read, Cancelled when `should_stop` returns True.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BYTES):
            if should_stop():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()
