"""A real site to measure: `manage.py up` with its own folders; accounts and rows are made through the ORM."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import django

from benchmarks.report import ROOT

START_S = 60.0
IDLE_S = 4.0


@dataclass(slots=True)
class Answer:
    """A response, and how long it took."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float


def prepare(folder: Path) -> int:
    """Configure Django for a new site in `folder` and create its database; return its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "mixtape_site.settings",
        "MIXTAPE_DATA_DIR": str(folder / "var"),
        "MIXTAPE_MEDIA_DIR": str(folder / "media"),
        "MIXTAPE_PORT": str(port),
        "MIXTAPE_DEMO_ACCOUNT": "False",
        "MIXTAPE_LOG_LEVEL": "WARNING",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
    django.setup()
    return port


class Site:
    """The running site; a context manager that stops it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.log = (folder / "log").open("w")

    def __enter__(self) -> "Site":
        command = [sys.executable, "manage.py", "up"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=self.log)
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            try:
                if Client(self.port).get("/healthz").status == 200:
                    return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"The site did not start; see {self.log.name}.")

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()

    def web_pids(self) -> list[int]:
        """Return the process ids of the web server."""
        command = ["pgrep", "-f", f"gunicorn.*mixtape_site|mixtape.*{self.process.pid}"]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        return [int(pid) for pid in found if _has_ancestor(int(pid), self.process.pid)]


class Client:
    """A signed-in HTTP client with one persistent connection."""

    def __init__(self, port: int, cookies: str = "", csrf: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.used_s = time.monotonic()
        self.headers = {"Cookie": cookies, "X-CSRFToken": csrf} if cookies else {}

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        if time.monotonic() - self.used_s > IDLE_S:
            self.connection.close()  # the server closes it too; the next request reconnects
        self.used_s = time.monotonic()
        began_s = time.perf_counter()
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        response = self.connection.getresponse()
        data = response.read()
        return Answer(response.status, response.headers, data, time.perf_counter() - began_s)


def sign_in(email: str, port: int) -> Client:
    """Create the user if missing, and a session; return a client with that session."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    users = get_user_model().objects
    user = users.filter(email=email).first() or users.create_user(email, None)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    cookie = f"sessionid={session.session_key}"
    given = Client(port, cookie).get("/mixes/").headers.get_all("Set-Cookie") or []
    csrf = next(line.split("=", 1)[1].split(";")[0] for line in given if line.startswith("csrftoken="))
    return Client(port, f"{cookie}; csrftoken={csrf}", csrf)


def rss_mb(pids: list[int]) -> float:
    """Return the memory (PSS) of processes in 10^6 bytes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total / 1e6


def _has_ancestor(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False
