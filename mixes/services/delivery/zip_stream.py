"""ZIP archives written while they are sent: constant memory, no temporary file."""

import zipfile
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 20


class ZipBuffer:
    """A write-only buffer: what a ZipFile writes is taken out and sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing; data stays until it is taken."""

    def close(self) -> None:
        """Do nothing: what was written is still to be taken."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def send_entry(
    archive: zipfile.ZipFile, outbox: ZipBuffer, name: str, source: IO[bytes], size: int
) -> Iterator[bytes]:
    """Copy `size` bytes into an entry of the archive; yield the archive's bytes as they are written."""
    with archive.open(name, "w", force_zip64=True) as entry:
        left = size
        while left and (piece := source.read(min(CHUNK_BYTES, left))):
            entry.write(piece)
            left -= len(piece)
            yield outbox.take()
