"""ZIP archives written while they are sent: constant memory, no temporary file."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from mixes.services.delivery.slots import ARCHIVES, take_slot, too_many

CHUNK_BYTES = 1 << 20


class OpenArchive:
    """An archive that is being sent; `close` ends it and its download."""

    def __init__(self, pieces: Iterable[bytes], end_download: Callable[[], None]) -> None:
        self._pieces, self._end_download = pieces, end_download

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        close(self._pieces)
        self._end_download()


def archive_response(
    request: HttpRequest, pieces: Iterable[bytes], headers: dict[str, str]
) -> HttpResponseBase:
    """Send an archive while it is made, or answer 429 when its user has too many open."""
    end_download = take_slot(ARCHIVES, request, settings.LIMITS.archives_at_once)
    if end_download is None:
        close(pieces)
        return too_many()
    archive = OpenArchive(pieces, end_download)
    return StreamingHttpResponse(archive, content_type="application/zip", headers=headers)


def close(pieces: Iterable[bytes]) -> None:
    """Close the files of an archive that may not have been sent."""
    if end := getattr(pieces, "close", None):
        end()


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
