"""Who is signed out is sent to sign in as a whole page, not in the place of a fragment."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect


class SignInPageMiddleware:
    """Has scripts open the sign-in page that a fragment was redirected to, and come back to their page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.htmx or response.status_code != 302:
            return response
        sign_in = resolve_url(settings.LOGIN_URL)
        if urlsplit(response["Location"]).path != sign_in:
            return response
        page = request.htmx.current_url_abs_path or ""  # none for an address of another site
        if url_has_allowed_host_and_scheme(page, allowed_hosts=None):
            sign_in += "?" + urlencode({REDIRECT_FIELD_NAME: page})
        return HttpResponseClientRedirect(sign_in)
