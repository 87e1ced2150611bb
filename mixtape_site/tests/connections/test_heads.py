"""What the server reads of a request before it starts a thread."""

import pytest

from mixtape_site.connections.heads import SMALL_BODY_BYTES, read_head

START = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("fields", "first", "is_large"),
    [
        (b"", 0, False),
        (b"Content-Length: 7\r\n", 7, False),
        (b"content-length:7\r\n", 7, False),
        (b"X-Content-Length: 7\r\n", 0, False),
        (b"Content-Length: %d\r\n" % SMALL_BODY_BYTES, SMALL_BODY_BYTES, False),
        (b"Content-Length: %d\r\n" % (SMALL_BODY_BYTES + 1), 0, True),
        (b"Transfer-Encoding: chunked\r\n", 0, True),
        (b"Expect: 100-continue\r\nContent-Length: 7\r\n", 0, True),
        (b"Content-Length: seven\r\n", 0, False),  # the parser refuses it
    ],
)
def test_a_small_body_is_awaited_and_a_large_one_is_not(fields, first, is_large):
    head = read_head(START + fields + b"\r\nbody")
    assert head.bytes_first == len(START + fields) + 2 + first
    assert head.has_large_body == is_large


def test_the_end_of_a_head_is_found_across_two_reads():
    received = START + b"\r\n"
    for scanned in range(len(received)):
        assert read_head(received[:scanned]) is None
        assert read_head(received, scanned)


@pytest.mark.parametrize(
    ("proxies", "client"), [(0, "peer"), (1, "3.3.3.3"), (2, "2.2.2.2"), (3, "1.1.1.1"), (9, "1.1.1.1")]
)
def test_only_trusted_proxies_name_the_client(proxies, client):
    fields = b"X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n"
    assert read_head(START + fields + b"\r\n").client("peer", proxies) == client


def test_a_proxy_that_names_nobody_counts_itself():
    assert read_head(START + b"\r\n").client("peer", 1) == "peer"
