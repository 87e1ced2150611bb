"""Errors of the API as `application/problem+json` (RFC 9457), with the sentences of the pages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from mixes.services.library.uploads import NotMusic
from mixes.services.limits import DiskFull, LimitReached
from mixes.services.rate_limits import TooFast, window_left_s

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:mixtape:problem:"
TOKEN_WANTED = {"WWW-Authenticate": 'Bearer realm="Mixtape"'}
SENTENCES: Mapping[int, str | Promise] = {  # of answers that the API does not give itself
    400: gettext_lazy("This request cannot be read."),
    404: gettext_lazy("There is no such address, no such thing, or it is not yours."),
    405: gettext_lazy("This address does not know that method; the header Allow lists those that it knows."),
    413: gettext_lazy("This request is larger than it may be."),
    416: gettext_lazy("The file has no such bytes; Content-Range says how long it is."),
    429: gettext_lazy("That was a lot at once. Wait a little, then try again."),
    500: gettext_lazy("Something went wrong on our side. The id of the request finds it in the site's log."),
    503: gettext_lazy("The site is busy or being updated. Nothing was changed; try again in a moment."),
}


class Problem(Exception):
    """An answer with an error: its status, a short code for programs, and a sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
        self.headers, self.members = headers or {}, members


def to_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the response for a problem, with the id of the request."""
    content = {
        "type": TYPE + problem.code,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.sentence,
        "request_id": getattr(request, "id", ""),
        **problem.members,
    }
    return JsonResponse(
        content, status=problem.status, content_type=MEDIA_TYPE, headers=dict(problem.headers)
    )


def unknown_thing(error: Exception) -> Problem:
    return Problem(404, "not-found", _("There is no such thing, or it is not yours."))


def refused(error: Exception) -> Problem:
    return Problem(409, "refused", str(error))


def too_fast(error: Exception) -> Problem:
    return Problem(429, "too-fast", str(error), headers={"Retry-After": str(window_left_s())})


def disk_full(error: Exception) -> Problem:
    return Problem(507, "disk-full", str(error))


def not_music(error: Exception) -> Problem:
    return Problem(415, "not-music", str(error))


def no_token(error: Exception) -> Problem:
    sentence = _("This address needs a token: Authorization: Bearer mxt_…")
    return Problem(401, "no-token", sentence, headers=TOKEN_WANTED)


def unreadable(error: Exception) -> Problem:
    return Problem(400, "not-json", _("The body is not JSON that can be read."))


def invalid(error: Exception) -> Problem:
    """Return the problem for values of the wrong shape, each with its place."""
    assert isinstance(error, ValidationError)
    errors = [{"field": field_of(one["loc"]), "sentence": one["msg"]} for one in error.errors]
    return invalid_fields(errors)


def invalid_fields(errors: list[dict[str, str]]) -> Problem:
    """Return the problem for fields with their sentences."""
    sentence = " ".join(f"{one['field']}: {one['sentence'].rstrip('.')}." for one in errors[:5])
    return Problem(422, "invalid", sentence, errors=errors)


def field_of(place: tuple[Any, ...]) -> str:
    """Return the name of a field without where it came from, such as `tracks.0`."""
    return ".".join(str(part) for part in place if part not in ("body", "query", "path", "header"))


# the most special class first: a handler is found by the class of the error, then by its bases
MAKERS = {
    Http404: unknown_thing,
    LimitReached: refused,
    TooFast: too_fast,
    DiskFull: disk_full,
    NotMusic: not_music,
    AuthenticationError: no_token,
    HttpError: unreadable,
    ValidationError: invalid,
}


def add_handlers(api: NinjaAPI) -> None:
    """Let an API answer with problems."""

    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        if isinstance(error, Problem):
            return to_response(request, error)
        make = next(MAKERS[kind] for kind in type(error).__mro__ if kind in MAKERS)
        return to_response(request, make(error))

    for kind in (Problem, *MAKERS):
        api.add_exception_handler(kind, handle)


def problem_of(response: Any) -> Problem:
    """Return a page or a plain sentence with an error as a problem."""
    status: int = response.status_code
    is_plain = response.headers.get("Content-Type", "").startswith("text/plain")
    sentence = response.content.decode() if is_plain and not response.streaming else ""
    kept = {name: response[name] for name in ("Allow", "Retry-After", "Content-Range") if name in response}
    code = HTTPStatus(status).phrase.lower().replace(" ", "-")
    return Problem(status, code, sentence or str(SENTENCES.get(status, SENTENCES[400])), headers=kept)
