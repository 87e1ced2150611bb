"""Template context of every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the settings that templates show."""
    return {
        "SIGNUP_OPEN": settings.SIGNUP_OPEN,
        "PASSWORD_RESET_ENABLED": settings.HAS_MAIL,
        "GOOGLE_ENABLED": settings.PUBLISHING,  # sign-in and publishing use the same keys
        "PUBLISHING": settings.PUBLISHING,
        "LIMITS": settings.LIMITS,
        "version": settings.VERSION,
    }
