"""Sign-in redirects for HTMX requests: the whole page goes to sign-in, and returns to where it was."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import HtmxRequest

SAFE_METHODS = ("GET", "HEAD")


class SignInPageMiddleware:
    """Make HTMX open the sign-in page as a whole page, and set `next` to the current page.

    The URL of a form must not be `next`: it would be requested by GET after the sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 302 or (request.method in SAFE_METHODS and not request.htmx):
            return response
        sign_in = resolve_url(settings.LOGIN_URL)
        if request.path == sign_in or urlsplit(response["Location"]).path != sign_in:
            return response
        try:
            page = current_page(request)
        except ValueError:  # an invalid header
            page = ""
        if url_has_allowed_host_and_scheme(page, allowed_hosts=None):
            sign_in += "?" + urlencode({REDIRECT_FIELD_NAME: page})
        return HttpResponseClientRedirect(sign_in) if request.htmx else HttpResponseRedirect(sign_in)


def current_page(request: HtmxRequest) -> str:
    """Return the page a request was made from, or "" when it is on another site."""
    if request.htmx:
        return request.htmx.current_url_abs_path or ""
    came_from = urlsplit(request.headers.get("Referer", ""))
    return came_from._replace(scheme="", netloc="").geturl() if came_from.netloc == request.get_host() else ""
