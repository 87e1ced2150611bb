"""System checks for the Google configuration (`manage.py check`)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured

from mixtape_site.configuration.google import ADDRESSES, KEYS_FILE, foreign_addresses, is_local
from mixtape_site.configuration.worker_environment import KEYLESS
from youtube_integration.security import token_keys

INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"
GROUP_AND_OTHERS = 0o077  # permission bits of a file's group and of others
FOREIGN_HINT = (
    "Remove it: the default is Google's address. It may be another address of this machine only with "
    "MIXTAPE_DEBUG=True, on a site that only this machine can reach."
)


def check_google_addresses(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that codes and tokens are sent to Google's addresses only."""
    addresses = {name: getattr(settings, name) for name in ADDRESSES}
    stand_in_allowed = settings.DEBUG and settings.SITE.is_loopback
    wrong = foreign_addresses(addresses, stand_in_allowed=stand_in_allowed)
    return [
        Error(f"{name} is {address}, which is not Google's.", hint=FOREIGN_HINT, id="mixtape.E010")
        for name, address in wrong.items()
    ]


def check_transport(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that nothing allows OAuth tokens to travel without TLS."""
    if not os.environ.get(INSECURE) or is_local(settings.GOOGLE_OAUTH_TOKEN_URI):
        return []
    hint = "Remove it from the environment: Mixtape sets it itself when a stand-in runs on this machine."
    return [
        Error(f"{INSECURE} is set: tokens could be sent without encryption.", hint=hint, id="mixtape.E011")
    ]


def check_google_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that Google's client id and secret are complete and their file is private."""
    if KEYLESS in os.environ:  # this worker must not know them
        return []
    found: list[CheckMessage] = []
    if settings.GOOGLE_KEYS_PROBLEM:
        hint = "Download it again from Google's console, and make it readable for the user that runs Mixtape."
        found.append(Error(settings.GOOGLE_KEYS_PROBLEM, hint=hint, id="mixtape.E012"))
    if bool(settings.GOOGLE_CLIENT_ID) != bool(settings.GOOGLE_CLIENT_SECRET):
        text = "Only one of GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET is set."
        hint = "Set both, or neither: see “Google” in docs/deployment.md."
        found.append(Warning(text, hint=hint, id="mixtape.W011"))  # commands may run without it
    path = Path(settings.GOOGLE_KEYS_FILE) if settings.GOOGLE_KEYS_FILE else None
    if path and path.is_file() and path.stat().st_mode & GROUP_AND_OTHERS:
        text = f"{KEYS_FILE} names {path}, which other users of this machine can read."
        found.append(Warning(text, hint=f"Restrict it with `chmod 600 {path}`.", id="mixtape.W010"))
    return found


def check_token_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that a token encryption key exists where channels can be connected."""
    if not settings.PUBLISHING:
        return []
    try:
        token_keys.cipher()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=token_keys.KEY_HINT, id="mixtape.E014")]
    return []
