"""The examples of deploy/ as they are: nginx and Caddy in front of the real web server."""

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse
from dataclasses import dataclass

import pytest

from mixtape_site.tests.connections.web_server import (
    BIG_BYTES,
    MANY,
    ROOT,
    WebServer,
    first_bytes_of,
    install,
    running,
)

WITHIN_S = 1.0  # the bound that the site promises
KINDS = ("silent", "half a head", "half a form", "half an upload", "unread download")


@dataclass
class Proxy:
    """A running proxy, which speaks TLS on `port`."""

    port: int
    server: WebServer

    def connect(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        return client

    def ask(self, path, user="", extra=(), form=None):
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        headers = kind | dict(extra) | ({"Cookie": f"sessionid={self.server.cookies[user]}"} if user else {})
        connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=20, context=any_certificate()
        )
        with contextlib.closing(connection):
            connection.request("POST" if form else "GET", path, form, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def free_ports(count):
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def replaced(text, changes):
    """Return the text with each change made; a key that does not occur is an error of the test."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_command(folder, upstream, plain, tls):
    """Write the example with this test's ports and certificate; return the command and its environment."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-keyout", str(folder / "key"), "-out", str(folder / "certificate")),
        ],
        check=True,
        capture_output=True,
    )
    site = replaced(
        (ROOT / "deploy" / "nginx.conf").read_text(),
        {
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "mixtape.example.org;": "localhost;",
            "/etc/letsencrypt/live/mixtape.example.org/fullchain.pem": str(folder / "certificate"),
            "/etc/letsencrypt/live/mixtape.example.org/privkey.pem": str(folder / "key"),
            "127.0.0.1:8000": f"127.0.0.1:{upstream}",
            "/srv/mixtape/media/": f"{folder / 'media'}/",
        },
    )
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""  # the media folder of this test belongs to this user
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder / 'pid'}; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths} include {folder / 'site.conf'}; }}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], {}


def caddy_command(folder, upstream, plain, tls):
    """Write the example with this test's ports; return the command and its environment."""
    example = replaced(
        (ROOT / "deploy" / "Caddyfile").read_text(),
        {"\tservers {": f"\tadmin off\n\tskip_install_trust\n\thttp_port {plain}\n\tservers {{"},
    )
    (folder / "Caddyfile").write_text(example)
    environment = {
        "MIXTAPE_HOST": f"https://localhost:{tls}",
        "MIXTAPE_UPSTREAM": f"127.0.0.1:{upstream}",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "configuration"),
    }
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"], environment


COMMANDS = {"nginx": nginx_command, "caddy": caddy_command}


@contextlib.contextmanager
def running_proxy(name, folder, server):
    plain, tls = free_ports(2)
    command, environment = COMMANDS[name](folder, server.port, plain, tls)
    with (folder / f"log-{name}").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
    proxy = Proxy(tls, server)
    try:
        until = time.monotonic() + 30
        while True:
            assert process.poll() is None and time.monotonic() < until, (folder / f"log-{name}").read_text()
            with contextlib.suppress(OSError):
                if proxy.ask("/healthz")[0] == 200:
                    break
            time.sleep(0.1)
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module", params=COMMANDS)
def proxy(request, tmp_path_factory):
    name = request.param
    if shutil.which(name) is None and os.environ.get("REQUIRE_PROXIES") != "1":
        pytest.skip(f"no {name} here; REQUIRE_PROXIES=1 makes this a failure")
    folder, environment, sessions, files = install(tmp_path_factory.mktemp(name))
    environment["MIXTAPE_TRUSTED_PROXIES"] = "1"
    if name == "nginx":
        environment["MIXTAPE_ACCEL_PREFIX"] = "/mixtape-media"
    with (
        running((folder, environment, sessions, files)) as server,
        running_proxy(name, folder, server) as proxy,
    ):
        yield proxy


@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered_beside_clients_that_do_nothing(proxy, kind):
    first_bytes = first_bytes_of(proxy.server)[kind]
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            client = stack.enter_context(proxy.connect())
            if first_bytes:
                client = stack.enter_context(
                    any_certificate().wrap_socket(client, server_hostname="localhost")
                )
                client.sendall(first_bytes)
        for _ in range(5):
            asked = time.monotonic()
            assert proxy.ask("/healthz")[0] == 200
            assert time.monotonic() - asked <= WITHIN_S
            time.sleep(0.05)


def test_a_file_arrives_whole_and_in_ranges(proxy):
    path = proxy.server.files["alice"]
    status, _, body = proxy.ask(path, "alice")
    assert (status, len(body)) == (200, BIG_BYTES)
    assert body[:: 1 << 20] == bytes(range(BIG_BYTES >> 20))
    status, headers, part = proxy.ask(path, "alice", {"Range": "bytes=1048570-1048579"})
    assert (status, part) == (206, b"\x00" * 6 + b"\x01" * 4)
    assert headers["Content-Range"] == f"bytes 1048570-1048579/{BIG_BYTES}"


def test_files_of_others_stay_closed(proxy):
    path = proxy.server.files["alice"]
    assert proxy.ask(path, "bob")[0] == 404
    assert proxy.ask(path)[0] == 302  # to the sign-in page
    assert proxy.ask("/mixtape-media/tracks/alice.bin", "alice")[0] == 404


def test_the_scheme_is_the_proxys_and_not_the_clients(proxy):
    """Django takes a form only from a page of the same scheme and host, so a believed header is a 403."""
    forged = {"X-Forwarded-Proto": "http"}
    _, headers, page = proxy.ask("/accounts/login/", extra=forged)
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page)[1].decode()
    cookie = headers["Set-Cookie"].partition(";")[0]
    sent = {"Cookie": cookie, "Origin": f"https://localhost:{proxy.port}"}
    form = urllib.parse.urlencode({"login": "bob@example.org", "password": "x", "csrfmiddlewaretoken": token})
    assert proxy.ask("/accounts/login/", extra=forged | sent, form=form)[0] == 200  # the form again
    sent["Origin"] = f"http://localhost:{proxy.port}"
    assert proxy.ask("/accounts/login/", extra=forged | sent, form=form)[0] == 403
