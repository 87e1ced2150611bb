"""The real web server, without workers, as clients reach it that no proxy holds back."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BIG_BYTES = 60 << 20
MANY = 30  # clients of an attack
PREPARE = f"""
from importlib import import_module
from django.conf import settings
from accounts.models import User
from mixes.models import Track
from mixes.services import storage
for name in ("alice", "bob"):
    user = User.objects.create_user(f"{{name}}@example.org", password="many loud records")
    track = Track.objects.create(
        owner=user, name="long.wav", size={BIG_BYTES}, state="analysing", file=f"tracks/{{name}}.bin"
    )
    path = storage.path_of(track.file)
    with path.open("wb") as file:
        for block in range({BIG_BYTES} >> 20):
            file.write(bytes([block]) * (1 << 20))
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    print("made", session.session_key, track.pk)
"""


@dataclass
class WebServer:
    """A running gunicorn with the site's configuration."""

    port: int
    process: subprocess.Popen
    cookies: dict[str, str]  # by user
    files: dict[str, str]  # a path with BIG_BYTES, by user

    def connect(self, *, receive_bytes=0, source="127.0.0.1"):
        client = socket.socket()
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(20)
        client.bind((source, 0))  # all of 127.0.0.0/8 is this machine
        client.connect(("127.0.0.1", self.port))
        return client

    def request(self, path, user="", method="GET", extra=""):
        cookie = f"Cookie: sessionid={self.cookies[user]}\r\n" if user else ""
        return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}{extra}\r\n".encode()

    def ask(self, path, user="", method="GET", headers=(), timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = dict(headers) | ({"Cookie": f"sessionid={self.cookies[user]}"} if user else {})
        with contextlib.closing(connection):
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


def attack(server, kind, stack, count=MANY):
    """Open connections that do what their kind says, and leave them open."""
    first_bytes = first_bytes_of(server)[kind]
    clients = [stack.enter_context(server.connect(receive_bytes=4096)) for _ in range(count)]
    for client in clients:
        client.sendall(first_bytes)
    time.sleep(0.5)  # until the server has all of it
    return clients


def first_bytes_of(server):
    """Return what clients of each kind send before they do nothing."""
    return {
        "silent": b"",
        "half a head": b"GET / HTTP/1.1\r\nHost: local",
        "half a form": server.request("/accounts/login/", method="POST", extra="Content-Length: 50\r\n")
        + b"x",
        "half an upload": server.request("/uploads/", method="PATCH", extra="Content-Length: 9999999\r\n")
        + b"x",
        "half a second request": server.request("/healthz") + b"GET / HTTP/1.1\r\nHost: local",
        "unread download": server.request(server.files["alice"], "alice"),
        "unread after close": server.request("/healthz", extra="Connection: close\r\n"),
    }


def install(folder):
    """Return folder, environment, sessions and files of a new site: two users, each with a large file."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MIXTAPE_", "DATABASE_"))
    }
    environment = own | {
        "MIXTAPE_DATA_DIR": str(folder / "var"),
        "MIXTAPE_MEDIA_DIR": str(folder / "media"),
        "MIXTAPE_DEMO_ACCOUNT": "False",
    }
    for arguments in (["setup"], ["shell", "-c", PREPARE]):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    made = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("made")]
    sessions = {name: key for name, (key, _pk) in zip(("alice", "bob"), made, strict=True)}
    files = {name: f"/tracks/{pk}/original/" for name, (_key, pk) in zip(("alice", "bob"), made, strict=True)}
    return folder, environment, sessions, files


@contextlib.contextmanager
def running(installation, *arguments):
    folder, environment, sessions, files = installation
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mixtape_site.server", *arguments]
    with (folder / f"log-{port}").open("w") as log:
        process = subprocess.Popen(
            [*command, "mixtape_site.wsgi"],
            cwd=ROOT,
            env=environment | {"MIXTAPE_PORT": str(port)},
            stdout=log,
            stderr=log,
        )
    server = WebServer(port, process, sessions, files)
    try:
        wait_until_it_answers(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()


def wait_until_it_answers(server):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert server.process.poll() is None
        with contextlib.suppress(OSError):
            if server.ask("/healthz")[0] == 200:
                return
        time.sleep(0.1)
    pytest.fail("The web server did not start.")
