"""Who calls: the bearer token of a request, its scope and its rate. Cookies count for nothing here."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from accounts.requests import UserRequest
from api.models import ApiToken
from api.problems import TOKEN_WANTED, Problem
from api.services import tokens
from mixes.services.rate_limits import count_request, window_left_s


class ApiRequest(UserRequest):
    """A request with a token."""

    token: ApiToken
    rate: tuple[int, int]  # most per minute, number of this one


class Bearer(HttpBearer):
    """Lets a request in whose token has a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        return sign_in(request, token, self.scope)


def sign_in(request: HttpRequest, secret: str, scope: str) -> ApiToken | None:
    """Make the owner of a token the request's user; return None for an unknown token. Raises Problem."""
    token = tokens.find_token(secret)
    if token is None:
        return None
    if tokens.has_expired(token):
        sentence = _("This token has expired. Make a new one in your account.")
        headers = {"WWW-Authenticate": f'{TOKEN_WANTED["WWW-Authenticate"]}, error="invalid_token"'}
        raise Problem(401, "token-expired", sentence, headers=headers)
    known: Any = request
    known.user = known._cached_user = token.owner  # the log names the cached user
    known.token = token
    check_rate(known, token)
    tokens.note_use(token)
    require_scope(token, scope)
    return token


def require_scope(token: ApiToken, scope: str) -> None:
    """Raise Problem when a token lacks a scope."""
    if scope not in token.scopes:
        sentence = _("This token may not do that: it has no scope “%s”.") % scope
        raise Problem(403, "no-scope", sentence, scope=scope)


def check_rate(request: ApiRequest, token: ApiToken) -> None:
    """Count the request. Raises Problem above the rate of a token."""
    most = settings.LIMITS.api_per_minute
    request.rate = most, count_request("api", token.pk)
    if request.rate[1] > most:
        sentence = _("A token may send %d requests a minute. Wait a moment, then go on.") % most
        raise Problem(429, "too-fast", sentence, headers={"Retry-After": str(window_left_s())})
