"""What all answers of the API have in common: problems instead of pages, rates, and no copy in a cache."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from api.problems import MEDIA_TYPE, problem_of, to_response
from mixes.services.rate_limits import window_left_s

PREFIX = "/api/"


class ApiAnswersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(PREFIX):
            return response
        if is_page_of_error(response):
            response = to_response(request, problem_of(response))
        if rate := getattr(request, "rate", None):
            most, count = rate
            response["RateLimit-Limit"] = str(most)
            response["RateLimit-Remaining"] = str(max(0, most - count))
            response["RateLimit-Reset"] = str(window_left_s())
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def is_page_of_error(response: HttpResponse) -> bool:
    """Return whether the answer is an error in words of its own; uploads by tus have plain sentences."""
    is_problem = response.headers.get("Content-Type", "").startswith(MEDIA_TYPE)
    return response.status_code >= 400 and not is_problem and "Tus-Resumable" not in response
