"""Responses that differ between htmx and plain requests."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect


def is_fragment(request: HttpRequest) -> bool:
    """Return whether htmx asks for a part of the page; restoring browser history needs all of it."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def go_to(request: HttpRequest, view: str, pk: uuid.UUID) -> HttpResponse:
    """Redirect the browser, for htmx and plain requests alike."""
    target = redirect(view, pk)
    return HttpResponseClientRedirect(target.url) if request.htmx else target
