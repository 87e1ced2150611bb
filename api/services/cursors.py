"""Pages of long lists by cursor: the place of the last row, so that new rows do not shift the next page."""

import base64
import binascii
import json
import uuid
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

YEARS = range(2000, 3000)  # the database refuses times near the ends of the calendar


class BadCursor(ValueError):
    """The cursor is not one that a page gave."""


class CursorPage(NamedTuple):
    """Some rows, and the cursor of the page after them, empty at the end."""

    rows: list[Any]
    next: str


def page_of(rows: QuerySet[Any], cursor: str, size: int) -> CursorPage:
    """Return up to `size` of the rows after `cursor`, newest first by `created_at`. Raises BadCursor."""
    if cursor:
        created_at, pk = read_cursor(cursor)
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__gt=pk))
    found = list(rows.order_by("-created_at", "pk")[: size + 1])
    return CursorPage(found[:size], write_cursor(found[size - 1]) if len(found) > size else "")


def write_cursor(row: Any) -> str:
    """Return the cursor of a row."""
    text = json.dumps([row.created_at.isoformat(), str(row.pk)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime, uuid.UUID]:
    """Read the output of `write_cursor`. Raises BadCursor."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        created_at, pk = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        place = datetime.fromisoformat(created_at), uuid.UUID(pk)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise BadCursor from error
    if place[0].tzinfo is None or place[0].year not in YEARS:
        raise BadCursor
    return place
