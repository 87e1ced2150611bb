"""A live site with real workers, for behaviour between processes."""

import contextlib
import ctypes
import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import psycopg

from benchmarks.measure import command_of, process_tree
from mixes.engine.tests.signals import RATE, pink_noise, sine, write_audio

ROOT = Path(__file__).resolve().parents[4]
PATIENCE_S = 180.0
PR_SET_CHILD_SUBREAPER = 36
FORM = "application/x-www-form-urlencoded"


class Visitor:
    """A client of a site: HTTP requests with their own cookies."""

    port = 0
    cookies: ClassVar[dict[str, str]] = {}

    def ask(self, method, path, body=b"", headers=(), cookies=None):
        """Return status, headers and body of one request on its own connection."""
        cookies = self.cookies if cookies is None else cookies
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), **dict(headers)}
        if "csrftoken" in cookies:
            sent["X-CSRFToken"] = cookies["csrftoken"]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def sign_up(self, name="tess"):
        cookies = set_cookies(self.ask("GET", "/accounts/signup/", cookies={})[1])
        form = f"email={name}@example.org&password1=many+loud+records&password2=many+loud+records"
        status, headers, body = self.ask(
            "POST", "/accounts/signup/", form.encode(), {"Content-Type": FORM}, cookies
        )
        assert status == 302, body[:2000]
        return cookies | set_cookies(headers)

    def post(self, path, form=""):
        return self.ask("POST", path, form.encode(), {"Content-Type": FORM})

    def create_mix(self):
        return self.post("/mixes/new/")[1]["Location"].strip("/").split("/")[1]

    def announce(self, name, size, mix=""):
        metadata = f"filename {b64encode(name.encode()).decode()}"
        metadata += f",mix {b64encode(mix.encode()).decode()}" if mix else ""
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
        status, answered, body = self.ask("POST", "/uploads/", b"", headers)
        assert status == 201, body
        return answered["Location"]

    def send(self, place, offset, piece):
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        return self.ask("PATCH", place, piece, headers)

    def break_off(self, place, offset, data, cut):
        """Send the bytes from `offset` to `cut` of a longer chunk, then close the connection."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = (
            f"PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n"
            f"X-CSRFToken: {self.cookies['csrftoken']}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data) - offset}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(head.encode() + data[offset:cut])
        time.sleep(0.3)  # until the server has noticed

    def upload(self, path, mix=""):
        data = path.read_bytes()
        place = self.announce(path.name, len(data), mix)
        assert self.send(place, 0, data)[0] == 204

    def make(self, mix):
        status, headers, body = self.post(f"/mixes/{mix}/make/")
        assert status == 302, body[:500]
        found = re.search(r"/jobs/([0-9a-f-]{36})/", headers["Location"])
        if not found:
            # the message travels in a cookie to the page of the redirect
            page = self.ask("GET", headers["Location"], cookies=self.cookies | set_cookies(headers))[2]
            toast = page.decode().partition('class="toast ')[2][:1500]
            raise AssertionError(" ".join(re.sub("<[^>]*>?", " ", toast.partition(">")[2]).split()))
        return found.group(1)


class LiveSite(Visitor):
    """`manage.py up` with its own folders, and one signed-in user."""

    def __init__(
        self, folder: Path, *, database_url: str = "", program: str = "manage.py", **environment: str
    ) -> None:
        self.folder, self.database_url, self.program = folder, database_url, program
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        others = ("MIXTAPE_", "DATABASE_URL")
        own = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        own |= {"DATABASE_URL": database_url} if database_url else {}
        self.environment = own | {
            "MIXTAPE_DATA_DIR": str(folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(folder / "media"),
            "MIXTAPE_PORT": str(self.port),
            "MIXTAPE_DEMO_ACCOUNT": "False",
            **environment,
        }

    def __enter__(self):
        adopt_orphans(True)
        self.start()
        self.cookies = self.sign_up()
        return self

    def start(self):
        """Start the site, again if it has ended."""
        with (self.folder / "log").open("a") as log:
            command = [sys.executable, self.program, "up"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: self.answers())

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            adopt_orphans(False)

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(OSError):
            return self.ask("GET", "/healthz", cookies={})[0] == 200
        return False

    def query(self, sql):
        """Return the rows of a query; ids are 32 hex digits, as in SQLite."""
        if self.database_url:
            with psycopg.connect(self.database_url) as database:
                rows = database.execute(sql).fetchall()
            return [tuple(cell.hex if isinstance(cell, UUID) else cell for cell in row) for row in rows]
        with contextlib.closing(
            sqlite3.connect(self.folder / "var" / "mixtape.sqlite3", timeout=30)
        ) as database:
            return database.execute(sql).fetchall()

    def wait_until_ready(self, mix, count):
        ready = (
            "select count(*) from mixes_mixtrack item join mixes_track track on track.id = item.track_id "
            f"where track.state = 'ready' and item.mix_id = '{mix.replace('-', '')}'"
        )
        wait_until(lambda: self.query(ready) == [(count,)])

    def mix_of(self, songs):
        """Upload songs to a new mix; return it once they are ready."""
        mix = self.create_mix()
        for song in songs:
            self.upload(song, mix)
        self.wait_until_ready(mix, len(songs))
        return mix

    def processes(self, *words):
        """Return the ids of this site's processes whose command line has all `words`.

        Orphans are included: this process adopts them, and they differ from its own children by their
        session. Their environment does not identify them, because the sandbox replaces it.
        """
        orphans = [
            pid for pid, parent in process_tree(os.getpid()) if parent == os.getpid() and is_alien(pid)
        ]
        found = [pid for root in (self.process.pid, *orphans) for pid, _parent in process_tree(root)]
        commands = {pid: command_of(pid).decode("utf-8", "replace") for pid in found}
        return [
            pid for pid, command in commands.items() if command and all(word in command for word in words)
        ]


def write_song(folder, number, seconds):
    """Write noise with a tone that depends on the number; return the file."""
    sound = 0.5 * sine(220.0 + 50 * number, seconds) + pink_noise(seconds, level_db=-30.0, seed=number)
    return write_audio(folder / f"{number} song.flac", sound, RATE)


def adopt_orphans(wanted):
    """Adopt orphaned processes, so that leftovers are found."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def is_alien(pid):
    """Return whether a child of this process was adopted; reap one that has ended, as init would."""
    try:
        is_alien = os.getsid(pid) != os.getsid(0)
    except ProcessLookupError:
        return False
    if is_alien and not command_of(pid):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return is_alien


def set_cookies(headers):
    pairs = (line.split(";")[0].split("=", 1) for line in headers.get_all("Set-Cookie") or [])
    return {name: value for name, value in pairs if value}


def wait_until(is_so, *, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)


def at_once(count, deed):
    """Run `deed(number)` in that many threads at the same moment; return the results."""
    results, start = [None] * count, threading.Barrier(count)

    def run(number):
        start.wait()
        results[number] = deed(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
