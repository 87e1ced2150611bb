"""Count answers for `/metrics`; in use only when that is switched on."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram

WEB = CollectorRegistry(auto_describe=True)  # of this process
ANSWERS = Counter("mixtape_answers", "Answers of the web server", ("app", "status"), registry=WEB)
SECONDS = Histogram(
    "mixtape_answer_seconds",
    "Time to an answer's first byte",
    registry=WEB,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class CountAnswersMiddleware:
    """Counts each answer by the app that gave it and the class of its status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun_s = time.perf_counter()
        response = self.get_response(request)
        SECONDS.observe(time.perf_counter() - begun_s)
        match = request.resolver_match
        app = (match.app_name or "site") if match else "none"
        ANSWERS.labels(app, f"{response.status_code // 100}xx").inc()
        return response
