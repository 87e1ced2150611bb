"""Responses that differ between htmx and plain requests."""

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import HtmxRequest


def is_fragment(request: HtmxRequest) -> bool:
    """Return whether htmx asks for a part of the page; restoring browser history needs all of it."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def go_to(request: HtmxRequest, view: str, pk: uuid.UUID) -> HttpResponse:
    """Redirect the browser, for htmx and plain requests alike."""
    target = redirect(view, pk)
    return HttpResponseClientRedirect(target.url) if request.htmx else target
