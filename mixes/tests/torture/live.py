"""A real site with real workers, for what only happens between processes."""

import contextlib
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

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 180.0
FORM = "application/x-www-form-urlencoded"


class LiveSite:
    """`manage.py up` on folders of its own, and one signed-in user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
        self.environment = own | {
            "MIXTAPE_DATA_DIR": str(folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(folder / "media"),
            "MIXTAPE_PORT": str(self.port),
            "MIXTAPE_DEMO_ACCOUNT": "False",
        }

    def __enter__(self):
        with (self.folder / "log").open("w") as log:
            command = [sys.executable, "manage.py", "up"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: self.answers())
        self.cookies = self.sign_up()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        finally:
            self.process.kill()

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(OSError):
            return self.ask("GET", "/healthz", cookies={})[0] == 200
        return False

    def ask(self, method, path, body=b"", headers=(), cookies=None):
        """Return status, headers and body of one request on a connection of its own."""
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

    def sign_up(self):
        cookies = set_cookies(self.ask("GET", "/accounts/signup/", cookies={})[1])
        form = "email=tess@example.org&password1=many+loud+records&password2=many+loud+records"
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
        told = f"filename {b64encode(name.encode()).decode()}"
        told += f",mix {b64encode(mix.encode()).decode()}" if mix else ""
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": told}
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

    def upload(self, path, mix=""):
        data = path.read_bytes()
        place = self.announce(path.name, len(data), mix)
        assert self.send(place, 0, data)[0] == 204

    def make(self, mix):
        status, headers, body = self.post(f"/mixes/{mix}/make/")
        assert status == 302, body[:500]
        found = re.search(r"/jobs/([0-9a-f-]{36})/", headers["Location"])
        if not found:
            # what the answer says travels in a cookie to the page it leads to
            page = self.ask("GET", headers["Location"], cookies=self.cookies | set_cookies(headers))[2]
            raise AssertionError(re.findall(r'<[^>]*class="[^"]*toast[^"]*".*?</', page.decode(), re.DOTALL))
        return found.group(1)

    def query(self, sql):
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

    def processes(self, *words):
        """Return the ids of this site's processes whose command line has all `words`."""
        mark, found = f"MIXTAPE_DATA_DIR={self.folder}/var".encode(), []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (path / "cmdline").read_bytes().decode("utf-8", "replace")
                if mark in (path / "environ").read_bytes() and all(word in command for word in words):
                    found.append(int(path.name))
        return found


def set_cookies(headers):
    pairs = (line.split(";")[0].split("=", 1) for line in headers.get_all("Set-Cookie") or [])
    return {name: value for name, value in pairs if value}


def wait_until(is_so, *, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)


def at_once(count, deed):
    """Do `deed(number)` in so many threads that begin together; return what came of each."""
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
