"""Answers that differ between htmx and a plain request."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether a part of the page is asked for; Back wants all of it."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def go_to(request: HttpRequest, view: str, pk: uuid.UUID) -> HttpResponse:
    """Send the browser to a page, whoever asked: htmx or a plain form."""
    target = redirect(view, pk)
    return HttpResponseClientRedirect(target.url) if request.htmx else target
