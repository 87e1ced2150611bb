"""Known devices: a browser in which a user signed in keeps its own count of wrong passwords.

Guesses from elsewhere then lock out the guesser, and not the owner. The cookie grants nothing else.
"""

import secrets

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User

SALT = "accounts.devices"
MAX_AGE_S = 365 * 24 * 3600


def cookie_name() -> str:
    return "__Host-device" if settings.SESSION_COOKIE_SECURE else "device"


def remember_device(response: HttpResponseBase, user: AbstractBaseUser) -> None:
    """Mark the browser as one in which `user` signed in."""
    value = signing.dumps([user.pk, secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        cookie_name(),
        value,
        max_age=MAX_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known_device(request: HttpRequest, email: str) -> str:
    """Return the name of this browser if the user with this address signed in here before, else ""."""
    try:
        pk, name = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=MAX_AGE_S)
    except (signing.BadSignature, TypeError, ValueError):
        return ""
    return str(name) if User.objects.filter(pk=pk, email__iexact=email).exists() else ""
