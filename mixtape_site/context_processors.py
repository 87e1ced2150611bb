"""What every page knows of the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Give templates the settings they show."""
    return {
        "SIGNUP_OPEN": settings.SIGNUP_OPEN,
        "PASSWORD_RESET_ENABLED": settings.HAS_MAIL,
        "GOOGLE_ENABLED": settings.PUBLISHING,  # the same keys, and both of them
        "PUBLISHING": settings.PUBLISHING,
        "LIMITS": settings.LIMITS,
        "version": settings.VERSION,
    }
