"""Serve private files over HTTP with range and conditional requests (RFC 9110, sections 13 and 14)."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header, http_date
from django.utils.translation import gettext as _

from mixes.services.delivery.slots import FILES, take_slot, too_many

BLOCK_BYTES = 1 << 18
COUNTED_BYTES = 1 << 20  # a smaller part is with its client at once
# One range only: browsers never ask for several, and sending the whole file instead is always valid
RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


class FileGone(Http404):
    """The file no longer exists; str() is a sentence for its owner."""


class UnsatisfiableRange(Exception):
    """The range starts beyond the end of the file."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """The validators of a file for conditional requests."""

    size: int  # bytes
    modified_s: int  # whole seconds, as in HTTP dates
    etag: str  # strong, with its quotes

    @property
    def last_modified(self) -> str:
        return http_date(self.modified_s)


class FilePart:
    """Up to `length` bytes of an open file from its position, counted as a download until it is sent."""

    def __init__(self, file: BinaryIO, length: int, end_download: Callable[[], None] | None) -> None:
        self._file, self._left = file, length
        self._end_download = end_download
        self._holders = 1

    def read(self, size: int) -> bytes:
        block = self._file.read(min(size, self._left))
        self._left -= len(block)
        return block

    def fileno(self) -> int:
        """Return the file's descriptor: a server sends from it without reading it here."""
        return self._file.fileno()

    def hold(self) -> Callable[[], None]:
        """Count the download beyond `close`, for a server that sends later; return what ends that."""
        self._holders += 1
        return self._release

    def close(self) -> None:
        if not self._file.closed:
            self._file.close()
            self._release()

    def _release(self) -> None:
        self._holders -= 1
        if not self._holders and self._end_download:
            self._end_download()


class PartResponse(FileResponse):
    """Django's response for files, whose headers are set here."""

    block_size = BLOCK_BYTES

    def set_headers(self, filelike: object) -> None:
        """Set none: they are those of the part."""


def ranged_response(
    request: HttpRequest,
    path: Path,
    *,
    content_type: str,
    filename: str = "",
    as_attachment: bool = False,
    etag: str = "",
) -> HttpResponseBase:
    """Answer GET or HEAD with a file or the requested range of it.

    `etag` identifies the content, such as its hash; without one it is built from size and time. Raises
    Http404 when the file no longer exists.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise FileGone(
            _("This file is not there any more. What it was made from is: make it again.")
        ) from None
    facts = read_info(file, etag)
    response = left_to_nginx(path) or build_response(request, file, facts)
    if not isinstance(response, PartResponse):
        file.close()
    if response.status_code != 429:
        add_headers(response, facts, content_type, content_disposition_header(as_attachment, filename))
    return response


def left_to_nginx(path: Path) -> HttpResponse | None:
    """Return the answer that lets nginx send a media file, when the site is set up for it."""
    if not settings.ACCEL_PREFIX or not path.is_relative_to(settings.MEDIA_ROOT):
        return None
    name = path.relative_to(settings.MEDIA_ROOT).as_posix()
    return HttpResponse(headers={"X-Accel-Redirect": f"{settings.ACCEL_PREFIX.rstrip('/')}/{quote(name)}"})


def read_info(file: BinaryIO, etag: str) -> FileInfo:
    """Return size, time and ETag of an open file."""
    stat = os.fstat(file.fileno())
    tag = etag or f"{stat.st_size:x}-{stat.st_mtime_ns:x}"
    return FileInfo(stat.st_size, int(stat.st_mtime), f'"{tag}"')


def build_response(request: HttpRequest, file: BinaryIO, facts: FileInfo) -> HttpResponseBase:
    """Return the response, without the headers common to all of them."""
    if is_unchanged(request, facts):
        return HttpResponse(status=304)
    try:
        part = requested_range(request, facts)
    except UnsatisfiableRange:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{facts.size}"})
    start, end = part or (0, facts.size)
    headers = {"Content-Length": str(end - start)}
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.size}"
    end_download = None
    if end - start > COUNTED_BYTES:
        end_download = take_slot(FILES, request, settings.LIMITS.downloads_at_once)
        if end_download is None:
            return too_many()
    file.seek(start)
    return PartResponse(
        FilePart(file, end - start, end_download), status=206 if part else 200, headers=headers
    )


def add_headers(
    response: HttpResponseBase, facts: FileInfo, content_type: str, disposition: str | None
) -> None:
    """Add the headers for type, validators and private caching."""
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private"
    response["ETag"] = facts.etag
    response["Last-Modified"] = facts.last_modified
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Type"] = content_type
    if disposition:
        response["Content-Disposition"] = disposition


def is_unchanged(request: HttpRequest, facts: FileInfo) -> bool:
    """Return whether the client's copy is current; entity tags take precedence over dates."""
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return bool(known & {"*", facts.etag})
    since_s = read_date(request.headers.get("If-Modified-Since", ""))
    return since_s is not None and facts.modified_s <= since_s


def requested_range(request: HttpRequest, facts: FileInfo) -> tuple[int, int] | None:
    """Return first byte and end of the requested part, None for the whole file.

    Raises UnsatisfiableRange. Only GET has ranges. A malformed range, or one of another version of the file,
    is ignored.
    """
    found = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or not found or not if_range_matches(request, facts):
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else facts.size, facts.size)
        if last and int(last) < start:
            return None
    elif last:
        start, end = max(facts.size - int(last), 0), facts.size
    else:
        return None
    if start >= end:
        raise UnsatisfiableRange
    return start, end


def if_range_matches(request: HttpRequest, facts: FileInfo) -> bool:
    """Return whether the If-Range header allows a range of the current file."""
    condition = request.headers.get("If-Range", "").strip()
    if not condition or condition.startswith(('"', "W/")):
        return condition in ("", facts.etag)  # a weak entity tag does not identify bytes
    return read_date(condition) == facts.modified_s


def read_date(text: str) -> int | None:
    """Return an HTTP date in seconds since the epoch, None when missing or malformed."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
