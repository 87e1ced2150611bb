"""Middleware that keeps the list of a user's sessions current without a write per request."""

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

UPDATE_EVERY_S = 300  # job pages poll twice a second; "last seen" need not be that exact


class NoteSessionMiddleware:
    """Record when and from where a session was last used, at most once every UPDATE_EVERY_S."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.session.session_key
        if key and request.user.is_authenticated and cache.add(f"session-noted:{key}", True, UPDATE_EVERY_S):
            UserSession.objects.create_from_request(request)
        return self.get_response(request)
