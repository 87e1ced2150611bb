"""Files known by their content."""

import hashlib
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled

HASH_BYTES = 1 << 22  # read at a time: between them it can be stopped


def hash_file(path: Path, should_stop: ShouldStop = never) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal. Raises OSError, Cancelled."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BYTES):
            if should_stop():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()
