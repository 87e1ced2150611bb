"""Serve private files over HTTP with range and conditional requests (RFC 9110, sections 13 and 14)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header, http_date
from django.utils.translation import gettext as _

BLOCK_BYTES = 1 << 18
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
    """Yields `length` bytes of an open file from its position; the response closes it."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (block := self._file.read(min(BLOCK_BYTES, self._left))):
            self._left -= len(block)
            yield block

    def close(self) -> None:
        self._file.close()


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
    response = build_response(request, file, facts)
    if not isinstance(response, StreamingHttpResponse):
        file.close()
    add_headers(response, facts, content_type, content_disposition_header(as_attachment, filename))
    return response


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
    file.seek(start)
    return StreamingHttpResponse(FilePart(file, end - start), status=206 if part else 200, headers=headers)


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
