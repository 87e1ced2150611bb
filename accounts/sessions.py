"""Keeps the list of a user's sessions true without a write for every page."""

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

UPDATE_EVERY_S = 300  # a job's page asks twice a second: "last seen" need not be that exact


class NoteSessionMiddleware:
    """Notes when and from where a session was used last, at most once in a few minutes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.session.session_key
        if key and request.user.is_authenticated and cache.add(f"session-noted:{key}", True, UPDATE_EVERY_S):
            UserSession.objects.create_from_request(request)
        return self.get_response(request)
