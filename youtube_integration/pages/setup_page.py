"""Page model of the set-up page: the steps in Google's console, and checks of this site's configuration."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils.translation import gettext as _

from mixes.queues import PUBLISH
from mixes.services import workers
from mixtape_site.configuration.addresses import is_loopback
from mixtape_site.configuration.google import KEYS_FILE
from youtube_integration.google.types import (
    PLAYLIST_SCOPE,
    READ_SCOPE,
    UPLOAD_SCOPE,
    GrantLost,
    Tokens,
    Unreachable,
)
from youtube_integration.security import token_keys
from youtube_integration.security.key_rotation import can_open, sealed_columns

OK, WRONG, NOTE = "ok", "wrong", "note"
SIGN_IN_SCOPES = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
)
SCOPES = (*SIGN_IN_SCOPES, UPLOAD_SCOPE, READ_SCOPE, PLAYLIST_SCOPE)
CLIENT_ENDING = ".apps.googleusercontent.com"


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check: ok, wrong or note, and a sentence with the fix."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class SetupPage:
    """The set-up page for operators."""

    is_ready: bool
    findings: tuple[Finding, ...]
    addresses: tuple[tuple[str, str], ...]  # label and the address to copy
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]


def setup_page(*, ask_google: bool = False) -> SetupPage:
    findings = (*check_keys(), *check_address(), *check_redirects(), *check_token_key())
    if settings.PUBLISHING:
        findings += check_worker()
    if settings.PUBLISHING and ask_google:
        findings += check_keys_at_google()
    return SetupPage(
        is_ready=not any(finding.level == WRONG for finding in findings),
        findings=findings,
        addresses=(
            (_("Home page"), settings.SITE_URL),
            (_("Privacy policy"), settings.SITE_URL + reverse("privacy")),
            (_("Terms of service"), settings.SITE_URL + reverse("terms")),
        ),
        redirect_uris=redirect_uris(),
        scopes=SCOPES,
    )


def redirect_uris() -> tuple[str, ...]:
    """Return the OAuth redirect URIs of publishing and of signing in."""
    return tuple(settings.SITE_URL + reverse(name) for name in ("youtube:callback", "google_callback"))


def check_keys() -> tuple[Finding, ...]:
    if settings.GOOGLE_FOREIGN:
        names = ", ".join(settings.GOOGLE_FOREIGN)
        return (Finding(WRONG, _("%(names)s: not an address of Google. Leave it out.") % {"names": names}),)
    if settings.GOOGLE_KEYS_PROBLEM:
        return (Finding(WRONG, settings.GOOGLE_KEYS_PROBLEM),)
    if not settings.PUBLISHING:
        missing = [
            name for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET") if not getattr(settings, name)
        ]
        text = _("Not set: %(names)s. Or let %(file)s name the file that Google offers for download.")
        return (Finding(WRONG, text % {"names": ", ".join(missing), "file": KEYS_FILE}),)
    if not settings.GOOGLE_CLIENT_ID.endswith(CLIENT_ENDING):
        text = _("The client ID does not end with %(ending)s, as Google's do: is it another key?")
        return (Finding(NOTE, text % {"ending": CLIENT_ENDING}),)
    return (Finding(OK, _("The keys are set for the client %(id)s.") % {"id": settings.GOOGLE_CLIENT_ID}),)


def check_address() -> tuple[Finding, ...]:
    """Check that the site's address is https with a public name, or this machine: Google requires it."""
    words = {"url": settings.SITE_URL}
    if is_loopback(settings.SITE.host):
        text = _("%(url)s is on this machine, which Google accepts: good for you alone or to try it out.")
        return (Finding(OK, text % words),)
    if not settings.SITE.is_https:
        text = _("%(url)s is not https, which Google accepts for this machine only. Set MIXTAPE_URL.")
        return (Finding(WRONG, text % words),)
    if not is_public_name(settings.SITE.host):
        text = _("%(url)s: Google needs a public name such as mixtape.example.org, not an IP address.")
        return (Finding(WRONG, text % words),)
    return (Finding(OK, _("%(url)s is https and has a public name.") % words),)


def is_public_name(host: str) -> bool:
    ending = host.rpartition(".")[2]
    return "." in host and ending.isalpha() and ending not in ("local", "lan", "internal", "test", "home")


def check_redirects() -> tuple[Finding, ...]:
    """Check the redirect URIs; only a downloaded key file lists those registered at Google."""
    if not settings.GOOGLE_REDIRECT_URIS:
        return (Finding(NOTE, _("Compare both addresses of step 5 with Google's console, to the letter.")),)
    missing = [uri for uri in redirect_uris() if uri not in settings.GOOGLE_REDIRECT_URIS]
    if missing:
        text = _("The file of keys does not list %(uris)s: add it in step 5, and download the file again.")
        return (Finding(WRONG, text % {"uris": ", ".join(missing)}),)
    return (Finding(OK, _("The file of keys lists both redirect addresses.")),)


def check_token_key() -> tuple[Finding, ...]:
    """Check that the token encryption key opens every stored grant."""
    try:
        cipher = token_keys.cipher()
    except ImproperlyConfigured as error:
        return (Finding(WRONG, str(error)),)
    lost = sum(
        not can_open(cipher, value)
        for model, column in sealed_columns()
        for value in model._base_manager.exclude(**{column: ""}).values_list(column, flat=True)
    )
    if lost:
        text = _("%(lost)d stored secrets cannot be opened: their key is lost. Reconnect those channels.")
        return (Finding(NOTE, text % {"lost": lost}),)
    return (Finding(OK, _("There is an encryption key for grants, and it opens all of them.")),)


def check_worker() -> tuple[Finding, ...]:
    if workers.alive(PUBLISH).exists():
        return (Finding(OK, _("A worker for publishing is running.")),)
    text = _("No worker for publishing is running: start the site again, or mixtape-worker@publish.service.")
    return (Finding(WRONG, text),)


def check_keys_at_google() -> tuple[Finding, ...]:
    """Check the keys at Google with an invalid grant: the error tells which of the two is wrong."""
    from youtube_integration.google import client  # imported here: Google's libraries take 40 MB and 0.7 s

    nothing = Tokens("none", "none", datetime(2020, 1, 1, tzinfo=UTC), ())
    try:
        client.refresh(nothing)
    except Unreachable:
        return (Finding(WRONG, _("Google could not be reached from this machine.")),)
    except GrantLost as error:
        if error.reason != "invalid_grant":
            text = _("Google does not know these keys (%(reason)s). Compare both with its console.")
            return (Finding(WRONG, text % {"reason": error.reason}),)
    return (Finding(OK, _("Google knows these keys (checked just now).")),)
