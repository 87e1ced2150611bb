"""Google configuration for sign-in and publishing: OAuth client and endpoints."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import environ

from mixtape_site.configuration.addresses import is_loopback

KEYS_FILE = "GOOGLE_CLIENT_SECRETS_FILE"
GOOGLE_DOMAINS = (".google.com", ".googleapis.com")
ADDRESSES = {
    "GOOGLE_OAUTH_AUTH_URI": "https://accounts.google.com/o/oauth2/v2/auth",
    "GOOGLE_OAUTH_TOKEN_URI": "https://oauth2.googleapis.com/token",
    "GOOGLE_OAUTH_REVOKE_URI": "https://oauth2.googleapis.com/revoke",
    "GOOGLE_CERTS_URL": "https://www.googleapis.com/oauth2/v1/certs",
    "GOOGLE_USERINFO_URL": "https://www.googleapis.com/oauth2/v2/userinfo",
    "YOUTUBE_ROOT_URL": "https://youtube.googleapis.com/",
}


@dataclass(frozen=True, slots=True)
class GoogleClient:
    """The site's OAuth client id and secret; `problem` says why a file could not be used."""

    id: str = ""
    secret: str = field(default="", repr=False)
    redirect_uris: tuple[str, ...] = ()  # those listed in the downloaded file
    problem: str = ""

    @classmethod
    def read(cls, client_id: str, secret: str, file: str) -> Self:
        """Read client id and secret from their variables, or from a JSON file of Google's console."""
        if client_id or secret or not file:
            return cls(client_id, secret)
        try:
            kept = json.loads(Path(file).read_text())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not JSON"
            return cls(problem=f"{KEYS_FILE} names {file}, which cannot be read: {why}.")
        return cls._of_kept(file, kept)

    @classmethod
    def _of_kept(cls, file: str, kept: object) -> Self:
        """Read id and secret only: endpoints in the file are ignored, so it cannot redirect tokens."""
        web = kept.get("web") if isinstance(kept, dict) else None
        if not isinstance(web, dict):
            text = f"{KEYS_FILE} names {file}, which is not of a client of the type “Web application”."
            return cls(problem=text)
        client_id, secret = web.get("client_id"), web.get("client_secret")
        if not (isinstance(client_id, str) and isinstance(secret, str) and client_id and secret):
            return cls(problem=f"{KEYS_FILE} names {file}, which lacks client_id or client_secret.")
        uris = web.get("redirect_uris")
        return cls(client_id, secret, tuple(map(str, uris)) if isinstance(uris, list) else ())


def read_addresses(env: environ.Env) -> dict[str, str]:
    """Return Google's endpoints by setting; tests and developers use a stand-in on their own machine."""
    return {name: env.str(name, default=default) for name, default in ADDRESSES.items()}


def foreign_addresses(addresses: dict[str, str], *, stand_in_allowed: bool) -> dict[str, str]:
    """Return the endpoints that are not Google's, to which no token may be sent."""
    return {
        name: address
        for name, address in addresses.items()
        if not (is_google_address(address) or (stand_in_allowed and is_local(address)))
    }


def is_google_address(address: str) -> bool:
    """Return whether a URL is https, at Google's host and on the default port."""
    try:
        parts = urlsplit(address)
        usual_port = parts.port in (None, 443)
    except ValueError:
        return False
    plain = "@" not in parts.netloc and "\\" not in address
    return (
        parts.scheme == "https" and usual_port and plain and (parts.hostname or "").endswith(GOOGLE_DOMAINS)
    )


def is_local(address: str) -> bool:
    """Return whether a URL is on this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "@" not in parts.netloc and is_loopback(parts.hostname or "")


def origin_of(address: str) -> str:
    """Return scheme, host and port of a URL, as the Content-Security-Policy needs them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
