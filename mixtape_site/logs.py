"""One log line per message, with the id of its request or job, and without secrets."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from mixes.job_context import job_id

access = logging.getLogger("mixtape.access")

request_id: ContextVar[str] = ContextVar("request_id", default="-")

# prefixes of secret links: what follows them is removed from every log line
SECRET_LINK = re.compile(r"(/account/first/|/password/reset/key/|/confirm-email/)[^\s/?\"']+")
QUIET_PATHS = ("/healthz", "/readyz", "/favicon.ico")  # polled by monitors and browsers
POLLED_SUFFIXES = ("/status/", "/state/", "/states/")  # polled every two seconds by every open page


class LineFormatter(logging.Formatter):
    """`time level logger request=… job=… message`; line breaks, in tracebacks too, become \\n."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self.default_msec_format = "%s.%03d"

    def formatMessage(self, record: logging.LogRecord) -> str:
        ids = "".join(
            f" {name}={value}"
            for name, value in (("request", request_id.get()), ("job", job_id.get()))
            if value != "-"
        )
        return f"{record.asctime} {record.levelname} {record.name}{ids} {record.message}"

    def format(self, record: logging.LogRecord) -> str:
        return SECRET_LINK.sub(r"\1***", escape_controls(super().format(record)))


def escape_controls(text: str) -> str:
    """Return `text` on one line with control characters escaped, against forged lines and terminal codes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def has_traceback(record: logging.LogRecord) -> bool:
    """Return whether a `django.request` message says more than the request's own line."""
    return bool(record.exc_info)


class RequestIdMiddleware:
    """Give each request an id, in the log and in the response, so that a user can report what failed.

    Logs one line per request, without its query string.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = uuid.uuid4().hex[:12]
        request.id = name  # type: ignore[attr-defined]  # our own attribute
        # not reset afterwards: a streaming response may still log
        request_id.set(name)
        begun_s = time.perf_counter()
        response = self.get_response(request)
        log_access(request, response.status_code, time.perf_counter() - begun_s)
        response["X-Request-ID"] = name
        return response


def log_access(request: HttpRequest, status: int, took_s: float) -> None:
    """Log one request; machine polls and static files only at level DEBUG."""
    quiet = request.path in QUIET_PATHS or request.path.startswith(settings.STATIC_URL)
    quiet = quiet or request.path.endswith(POLLED_SUFFIXES)
    # the cached user only: `request.user` would query the database here
    user = getattr(request, "_cached_user", None)
    access.log(
        logging.DEBUG if quiet and status < 400 else logging.INFO,
        "%s %s %d %.0fms user=%s",
        request.method,
        request.path,
        status,
        took_s * 1000,
        getattr(user, "pk", None) or "-",
    )
