"""Send a show as one file, written while it is sent."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from typing import IO

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from mixes.engine.filenames import file_stem
from mixes.models import Show
from mixes.services import storage
from mixes.services.delivery.zip_stream import ZipBuffer, archive_response, send_entry
from mixes.services.shows.show_file import JSON_NAME, described, files_of

SUFFIX = ".mixtape-show.zip"


class ShowArchive:
    """The archive of a show; its files are opened first, so that deleting them does no harm."""

    def __init__(self, show: Show) -> None:
        self._open = ExitStack()
        text = json.dumps(described(show), ensure_ascii=False, indent=1).encode()
        self._entries: list[tuple[str, IO[bytes], int]] = [(JSON_NAME, BytesIO(text), len(text))]
        for name, stored in files_of(show).values():
            path = storage.path_of(stored)
            if path.is_file():
                file = self._open.enter_context(path.open("rb"))
                self._entries.append((name, file, path.stat().st_size))

    def __iter__(self) -> Iterator[bytes]:
        outbox = ZipBuffer()
        with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
            for name, file, size in self._entries:
                yield from send_entry(archive, outbox, name, file, size)
        yield outbox.take()

    def close(self) -> None:
        self._open.close()


def show_archive_response(request: HttpRequest, show: Show) -> HttpResponseBase:
    """Answer with the file of a show."""
    headers = {
        "Content-Disposition": content_disposition_header(True, file_stem(show.name) + SUFFIX) or "",
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return HttpResponse(content_type="application/zip", headers=headers)
    return archive_response(request, ShowArchive(show), headers)
