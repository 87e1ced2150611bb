"""What the server needs to know of a request before it spends a thread on it."""

import re
from dataclasses import dataclass

END = b"\r\n\r\n"
MAX_HEAD_BYTES = 64 << 10
SMALL_BODY_BYTES = 64 << 10  # collected before a thread starts; a larger body is read by its view
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
OTHER_BODY = re.compile(rb"\r\n(?:transfer-encoding|expect):", re.IGNORECASE)
FORWARDED = re.compile(rb"\r\nx-forwarded-for:([^\r\n]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """The size of a request's head, and what of its body comes before the thread."""

    bytes_first: int  # received before a thread starts
    has_large_body: bool
    forwarded: tuple[str, ...]  # addresses in X-Forwarded-For, the nearest last

    def client(self, peer: str, proxies: int) -> str:
        """Return the address of the client: that of the connection, or what the trusted proxies say."""
        if not proxies or not self.forwarded:
            return peer
        return self.forwarded[-min(proxies, len(self.forwarded))]


def read_head(received: bytes | bytearray, scanned: int = 0) -> Head | None:
    """Return the head, None while its end is missing; `scanned` bytes are known not to hold the end."""
    end = received.find(END, max(0, scanned - len(END) + 1))
    if end < 0:
        return None
    head = bytes(received[: end + len(END)])
    length = sum(int(found) for found in LENGTH.findall(head))
    large = length > SMALL_BODY_BYTES or bool(OTHER_BODY.search(head))
    addresses = b",".join(FORWARDED.findall(head)).decode("latin-1").split(",")
    return Head(
        bytes_first=len(head) + (0 if large else length),
        has_large_body=large,
        forwarded=tuple(address.strip() for address in addresses if address.strip()),
    )
