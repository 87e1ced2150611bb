"""Parts that several shapes share."""

from typing import Annotated, Any, Generic, TypeVar

from django.http import HttpRequest
from ninja import Field, Header, Query, Schema
from pydantic import AfterValidator, ConfigDict

Item = TypeVar("Item")
MOST_ROWS, USUAL_ROWS = 200, 50


class Shape(Schema):
    """An object with exactly the named members: a misspelt one is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Answer(Schema):
    """An object of an answer; later versions may add members."""


class Page(Answer, Generic[Item]):
    """Some of a list; `next` is the `cursor` of the rest, null at the end."""

    items: list[Item]
    next: str | None = None


class Items(Answer, Generic[Item]):
    """A whole list."""

    items: list[Item]


def one_of(*values: str) -> Any:
    """Return the field of a text of an answer that is one of `values`."""
    return Field(json_schema_extra={"enum": list(values)})


def missing(**options: Any) -> Any:
    """Return the field of a value that may be left out, which is not the same as null."""
    return Field(default_factory=lambda: None, **options)


def without_nul(text: str) -> str:
    """Return a text. Raises ValueError for a NUL character, which databases refuse."""
    if "\0" in text:
        raise ValueError("A text has no NUL character.")
    return text


Text = Annotated[str, AfterValidator(without_nul)]
Cursor = Annotated[str, Query("", max_length=300, description="`next` of the page before")]
Limit = Annotated[int, Query(USUAL_ROWS, ge=1, le=MOST_ROWS, description="rows of a page")]
Wait = Annotated[
    float, Query(0.0, ge=0.0, le=30.0, description="seconds to wait for the end; fewer when the site is busy")
]
IfMatch = Annotated[
    str | None,
    Header(
        None,
        alias="If-Match",
        max_length=100,
        description='the version that the change is made to, such as `"7"`',
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="the same answer again for a request repeated within 24 hours",
    ),
]


def address(request: HttpRequest, path: str) -> str:
    """Return the whole address of a path of this site."""
    return request.build_absolute_uri(path)


def rounded(seconds: float | None) -> float | None:
    """Return seconds in milliseconds' steps."""
    return None if seconds is None else round(seconds, 3)
