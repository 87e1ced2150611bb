"""Answer 503 with Retry-After while the database is locked or restarting."""

import logging
import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from mixes.services.database_retry import UNAVAILABLE_ERRORS

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5


class BusyDatabaseMiddleware:
    """Answers 503 when a view fails because the database does not respond."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, UNAVAILABLE_ERRORS):
            return None
        logger.warning("The database did not answer: %s", error)
        return busy_page()


def busy_page() -> HttpResponse:
    """Return the page without any database query, not even for the signed-in user."""
    page = render_to_string("503.html", {"retry_after_s": RETRY_AFTER_S})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})


def is_busy_now() -> bool:
    """Return whether the exception being handled is a database that does not respond."""
    return isinstance(sys.exception(), UNAVAILABLE_ERRORS)
