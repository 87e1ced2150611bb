"""Pages of the site itself, and error pages."""

import hmac
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes.services.delivery.ranges import FileGone
from mixtape_site.configuration.addresses import is_loopback
from mixtape_site.middleware import busy
from mixtape_site.operations import health
from mixtape_site.operations.metrics import CONTENT_TYPE, recent_figures
from mixtape_site.operations.status import lines_of

OVERSIZED_REQUESTS = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("mixes:mix_list")
    return render(request, "home.html")


@require_safe
@cache_control(public=True, max_age=86400)
def favicon(request: HttpRequest) -> HttpResponse:
    """Serve the icon at the root, for browsers and feed readers that ignore the page's link."""
    path = finders.find("img/favicon.ico")
    if path is None:
        raise Http404("There is no icon.")
    return HttpResponse(Path(path).read_bytes(), content_type="image/x-icon")


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that this process responds; checks nothing else."""
    return JsonResponse({"ok": True})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether the site can do its work; details only for operators and this machine."""
    report = health.recent_report()
    with_details = is_local_request(request) or (
        report.checks["database"].is_ok and is_operator(request)  # identifying the user needs the database
    )
    return JsonResponse(report.to_json(with_details=with_details), status=200 if report.is_ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, when it is switched on: on this machine itself, or with the token."""
    if not settings.METRICS or not may_read_metrics(request):
        raise Http404("There are no figures here, or not for you.")
    return HttpResponse(recent_figures(), content_type=CONTENT_TYPE)


def may_read_metrics(request: HttpRequest) -> bool:
    wanted = f"Bearer {settings.METRICS_TOKEN}" if settings.METRICS_TOKEN else ""
    given = request.headers.get("Authorization", "")
    has_token = bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
    return has_token or is_local_request(request)


@require_safe
@never_cache
@login_required
def status(request: UserRequest) -> HttpResponse:
    """Show the status page to operators."""
    if not is_operator(request):
        raise Http404("This page is for operators.")
    report = health.recent_report()
    return render(request, "status.html", {"report": report, "lines": lines_of(report)})


def is_operator(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


def is_local_request(request: HttpRequest) -> bool:
    """Return whether the request was made on this machine itself, not passed on by a proxy."""
    passed_on = any(name in request.headers for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"))
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return not passed_on and is_loopback(request.META.get("REMOTE_ADDR", "")) and is_loopback(host)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, OVERSIZED_REQUESTS):
        return render(request, "413.html", status=413)
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    gone = str(exception) if isinstance(exception, FileGone) else ""
    return render(request, "404.html", {"gone": gone}, status=404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer for django-allauth's rate limits, whose windows are one and five minutes."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Show the request id for finding the error in the log; nothing here may fail again."""
    if busy.is_busy_now():
        return busy.busy_page()
    page = render_to_string("500.html", {"request_id": getattr(request, "id", "")})
    return HttpResponse(page, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)
