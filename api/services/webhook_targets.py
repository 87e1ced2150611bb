"""Which addresses a webhook may have: those of the public network, so that no user reaches into ours."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PRIVATE = gettext_lazy("This address leads into a private network, where this site sends nothing.")
PORTS = {"https": 443, "http": 80}
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv4 inside IPv6


class BadTarget(Exception):
    """Nothing may be sent there; str() is the sentence for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: where to connect, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str
    netloc: str  # for the header Host


def read_target(url: str) -> Target:
    """Return the parts of an address. Raises BadTarget when nothing may be sent to it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadTarget(_("This is not an address.")) from None
    if any(not " " < letter < "\x7f" for letter in url) or not host:
        raise BadTarget(_("This is not an address: it has characters that an address cannot have."))
    if parts.scheme not in PORTS or (parts.scheme == "http" and not settings.WEBHOOKS_PRIVATE):
        raise BadTarget(_("The address begins with https://"))
    if parts.username is not None or parts.password is not None:
        raise BadTarget(_("The address has no name and password in it: the signature shows who sends."))
    if not settings.WEBHOOKS_PRIVATE and is_private_literal(host):
        raise BadTarget(PRIVATE)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path, parts.netloc)


def is_private_literal(host: str) -> bool:
    """Return whether a host is written as an address that is not public; names are looked up when sending."""
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost"


def resolve(target: Target) -> str:
    """Return the address to connect to, looked up once. Raises BadTarget and OSError.

    Every address of the name has to be allowed: a name with a public and a private one is a trick.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.WEBHOOKS_PRIVATE and not all(is_public(one) for one in addresses):
        raise BadTarget(PRIVATE)
    return addresses[0]


def is_public(text: str) -> bool:
    """Return whether an address is one of the public network, also where it is written inside another."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(str(address.ipv4_mapped))
        if address.sixtofour or address.teredo or address in TRANSLATED:
            return False
    return address.is_global and not address.is_multicast
