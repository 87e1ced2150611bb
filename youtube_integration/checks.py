"""What `manage.py check` looks at before anything is sent to Google."""

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
GROUP_AND_OTHERS = 0o077  # bits of a file's mode for its group and for everybody
FOREIGN_HINT = (
    "Leave it out: Google's own is the default. Only with MIXTAPE_DEBUG=True, on a site that only this "
    "machine reaches, may it be another address of this machine."
)


def check_google_addresses(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Codes and tokens go to Google and to nobody else."""
    addresses = {name: getattr(settings, name) for name in ADDRESSES}
    stand_in_allowed = settings.DEBUG and settings.SITE.is_loopback
    wrong = foreign_addresses(addresses, stand_in_allowed=stand_in_allowed)
    return [
        Error(f"{name} is {address}, which is not Google's.", hint=FOREIGN_HINT, id="mixtape.E010")
        for name, address in wrong.items()
    ]


def check_transport(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Nobody has switched off that tokens travel over TLS."""
    if not os.environ.get(INSECURE) or is_local(settings.GOOGLE_OAUTH_TOKEN_URI):
        return []
    hint = "Take it out of the environment: Mixtape sets it itself where a stand-in runs on this machine."
    return [Error(f"{INSECURE} is set: tokens could travel in the open.", hint=hint, id="mixtape.E011")]


def check_google_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The site's keys for Google are whole, and nobody else reads them."""
    if KEYLESS in os.environ:  # a worker that is to know nothing of them
        return []
    found: list[CheckMessage] = []
    if settings.GOOGLE_KEYS_PROBLEM:
        hint = "Download it anew in Google's console, and let the user that runs Mixtape read it."
        found.append(Error(settings.GOOGLE_KEYS_PROBLEM, hint=hint, id="mixtape.E012"))
    if bool(settings.GOOGLE_CLIENT_ID) != bool(settings.GOOGLE_CLIENT_SECRET):
        text = "Only one of GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET is set."
        hint = "Set both, or neither: see “Google” in docs/deployment.md."
        found.append(Warning(text, hint=hint, id="mixtape.W011"))  # commands may be kept from the secret
    path = Path(settings.GOOGLE_KEYS_FILE) if settings.GOOGLE_KEYS_FILE else None
    if path and path.is_file() and path.stat().st_mode & GROUP_AND_OTHERS:
        text = f"{KEYS_FILE} names {path}, which other users of this machine can read."
        found.append(Warning(text, hint=f"Close it with `chmod 600 {path}`.", id="mixtape.W010"))
    return found


def check_token_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Where channels can be connected, there is a key under which their tokens are kept."""
    if not settings.PUBLISHING:
        return []
    try:
        token_keys.cipher()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=token_keys.KEY_HINT, id="mixtape.E014")]
    return []
