"""Clients that send or read nothing: the site answers the others, and lets these go."""

import contextlib
import signal
import socket
import subprocess
import time

import pytest

from mixtape_site.configuration.limits import Limits
from mixtape_site.tests.connections.web_server import BIG_BYTES, attack, running

WITHIN_S = 1.0  # the bound that the site promises
CONTENT_STARTS = b"\r\n\r\n"


def read_all(client):
    """Return what comes until the server ends the connection."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    "kind",
    [
        "silent",
        "half a head",
        "half a form",
        "half an upload",
        "half a second request",
        "unread download",
        "unread after close",
    ],
)
def test_the_site_answers_beside_clients_that_do_nothing(server, kind):
    with contextlib.ExitStack() as stack:
        attack(server, kind, stack)
        for path in ("/healthz", "/accounts/login/"):
            assert server.ask(path, timeout=WITHIN_S)[0] == 200


def test_a_silent_client_is_let_go(hasty):
    with hasty.connect() as client:
        assert client.recv(100) == b""


def test_half_a_request_is_answered_and_let_go(hasty):
    for sent in (b"GET / HTTP/1.1\r\nHost: local", hasty.request("/", extra="Content-Length: 9\r\n") + b"x"):
        with hasty.connect() as client:
            client.sendall(sent)
            assert read_all(client).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_an_end_is_refused(hasty):
    with hasty.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000)
        assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_an_upload_that_stops_is_let_go(hasty):
    with hasty.connect() as client:
        client.sendall(hasty.request("/uploads/", method="PATCH", extra="Content-Length: 9999999\r\n"))
        for _ in range(40):  # a byte now and then keeps no connection
            time.sleep(0.2)
            try:
                client.sendall(b"x")
            except OSError:
                return
        pytest.fail("The upload was not let go.")


def test_a_download_that_nobody_reads_is_let_go_and_a_steady_one_is_not(hasty):
    with hasty.connect(receive_bytes=4096) as idle, hasty.connect(receive_bytes=1 << 16) as steady:
        idle.sendall(hasty.request(hasty.files["alice"], "alice"))
        steady.sendall(hasty.request(hasty.files["alice"], "alice", extra="Connection: close\r\n"))
        head, _, content = steady.recv(4096).partition(CONTENT_STARTS)
        assert head.startswith(b"HTTP/1.1 200 ")
        for _ in range(30):  # slow, but above the least rate
            content += steady.recv(1 << 16)
            time.sleep(0.2)
        content += read_all(steady)
        assert len(read_all(idle)) < BIG_BYTES
    assert content == b"".join(bytes([block]) * (1 << 20) for block in range(BIG_BYTES >> 20))


def test_one_address_gets_429_beyond_its_connections(hasty):
    with contextlib.ExitStack() as stack:
        attack(hasty, "silent", stack, 40)
        with hasty.connect() as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 429 ")
        with hasty.connect(source="127.0.0.7") as client:
            client.sendall(hasty.request("/healthz", extra="Connection: close\r\n"))
            assert read_all(client).startswith(b"HTTP/1.1 200 ")


def test_one_address_gets_429_beyond_its_uploads(server):
    with contextlib.ExitStack() as stack:
        clients = attack(server, "half an upload", stack, 13)
        assert any(client.recv(1000).startswith(b"HTTP/1.1 429 ") for client in clients[12:])
        with server.connect(source="127.0.0.7") as client:  # another address still sends
            client.sendall(
                server.request("/uploads/", method="PATCH", extra="Content-Length: 100000\r\n")
                + b"x" * 100_000
            )
            assert client.recv(1000).startswith(b"HTTP/1.1 403 ")  # signed out


def test_one_user_gets_429_beyond_their_downloads(server):
    most = Limits().downloads_at_once
    with contextlib.ExitStack() as stack:
        attack(server, "unread download", stack, most)
        assert server.ask(server.files["alice"], "alice")[0] == 429
        assert server.ask(server.files["alice"], "alice", headers={"Range": "bytes=0-99"})[0] == 206
        assert server.ask(server.files["bob"], "bob", method="HEAD")[0] == 200
        status, _headers, content = server.ask(server.files["bob"], "bob")
        assert status == 200 and len(content) == BIG_BYTES
    wait_until(lambda: server.ask(server.files["alice"], "alice")[0] == 200)


def wait_until(happened):
    until = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ranges_kept_connections_and_pipelined_requests(server):
    path = server.files["alice"]
    with server.connect() as client:
        client.sendall(
            server.request(path, "alice", extra="Range: bytes=1048570-1048580\r\n")
            + server.request(path, "alice", method="HEAD")
            + server.request("/healthz", extra="Connection: close\r\n")
        )
        answers = read_all(client)
    first, second, third = answers.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"206 ") and first.endswith(CONTENT_STARTS + b"\0" * 6 + b"\1" * 5)
    assert second.startswith(b"200 ") and second.endswith(CONTENT_STARTS)
    assert f"Content-Length: {BIG_BYTES}".encode() in second
    assert third.startswith(b"200 ") and third.endswith(b'{"ok": true}')


def test_a_stopping_server_lets_a_download_end(installation):
    with running(installation) as server, server.connect(receive_bytes=1 << 16) as client:
        client.sendall(server.request(server.files["alice"], "alice"))
        with server.connect() as silent:
            received = client.recv(1 << 16)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            received += read_all(client)
            assert silent.recv(10) == b""
        assert len(received) > BIG_BYTES
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(10)
        assert server.process.returncode == 0
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", server.port)):
            pass
