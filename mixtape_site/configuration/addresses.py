"""Public address of the site; hosts, cookies, CSRF origins and redirects are derived from it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
ANY_ADDRESS = ("0.0.0.0", "::", "[::]")


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Public URL of the site, and whether other machines can reach it."""

    scheme: str
    host: str
    port: int | None
    is_loopback: bool

    @classmethod
    def read(cls, url: str, *, bind: str, port: int) -> "SiteAddress":
        """Read `MIXTAPE_URL`, or else the bind address. Raises ImproperlyConfigured for a bad URL."""
        if not url:
            host = "localhost" if bind in ANY_ADDRESS else bind
            return cls("http", bracketed(host), port, is_loopback(bind))
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ImproperlyConfigured(
                f"MIXTAPE_URL is {url!r}; it must look like https://mixtape.example.org, without a path."
            )
        loopback = is_loopback(parts.hostname) and is_loopback(bind)
        return cls(parts.scheme, bracketed(parts.hostname), parts.port, loopback)

    @property
    def is_https(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers send them in the Origin header."""
        default = 443 if self.is_https else 80
        port = "" if self.port in (None, default) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def url(self) -> str:
        return self.origin

    @property
    def hosts(self) -> tuple[str, ...]:
        """Allowed hosts: the site's own, and this machine's names for health checks."""
        return tuple(dict.fromkeys((self.host, *LOOPBACK_NAMES)))


def bracketed(host: str) -> str:
    """Return a host in URL form: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_loopback(host: str) -> bool:
    """Return whether `host` is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
