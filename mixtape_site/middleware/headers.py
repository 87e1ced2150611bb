"""Headers of every page; the other security headers are set by Django and django-csp."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# no page needs these features; an empty list denies them to frames too
DENIED_FEATURES = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
# with them, an address gives a part of its page or the whole one: Back must not show a part
FRAGMENT_HEADERS = ("HX-Request", "HX-History-Restore-Request")
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in DENIED_FEATURES)


class PermissionsPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response


class PrivatePagesMiddleware:
    """Let no cache show a user's page to others, nor an old one after a sign-out.

    Back still works: `no-cache` lets the browser keep a page, and asks before it shows it at another visit.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        # the cached user only: `request.user` would query a database that may be down
        user = getattr(request, "_cached_user", None)
        if is_page and user and user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-cache")
            patch_vary_headers(response, FRAGMENT_HEADERS)
        return response
