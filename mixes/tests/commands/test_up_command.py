"""`make run`: the site starts, makes a mix through the queue, and ends without leftovers."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 120.0


class Up:
    """A running `manage.py up` in its own session."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self):
        own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
        environment = own | {
            "MIXTAPE_DATA_DIR": str(self.folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(self.folder / "media"),
            "MIXTAPE_PORT": str(self.port),
        }
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def wait_for(self, is_so):
        until = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < until, self.log
            time.sleep(0.1)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.read().decode()

    def answers(self):
        try:
            return bool(self.get("/healthz"))
        except OSError:
            return False

    def query(self, sql):
        with sqlite3.connect(self.folder / "var" / "mixtape.sqlite3") as database:
            return database.execute(sql).fetchall()

    def processes(self):
        """Return every process of this site's folders, found by its environment."""
        mark, found = f"MIXTAPE_DATA_DIR={self.folder}/var".encode(), []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes():
                    found.append(path.parent.name)
            except OSError:  # it ended meanwhile
                continue
        return found

    def stop(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def up(tmp_path):
    up = Up(tmp_path)
    yield up
    if up.process.poll() is None:
        up.process.kill()
        up.process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc; the command itself runs elsewhere too")
def test_the_whole_site_starts_shows_its_demo_and_ends_without_a_trace(up):
    up.wait_for(lambda: "The demo mix is made." in up.log)
    assert up.query("select state, title from mixes_mixjob") == [("done", "Mixtape demo")]
    kinds = {kind for (kind,) in up.query("select kind from mixes_artifact")}
    assert kinds == {"mp3", "mp4", "description", "cue", "chapters", "timeline"}
    assert "Sign in" in up.get("/")
    assert '"ok": true' in up.get("/readyz")
    password = re.search(r"sign in as demo@mixtape.local with the password (\S+)", up.log).group(1)
    assert len(password) >= 12

    assert up.stop(signal.SIGTERM) == 0, up.log
    assert up.processes() == []
    assert not list(up.folder.rglob("*.part"))

    up.start()
    up.wait_for(up.answers)
    assert up.query("select count(*) from mixes_mixjob") == [(1,)], "the second start made the demo again"
    up.process.kill()  # SIGKILL: only the kernel can clean up
    up.process.wait()
    up.wait_for(lambda: up.processes() == [])


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {
            **os.environ,
            "MIXTAPE_DATA_DIR": str(tmp_path / "var"),
            "MIXTAPE_MEDIA_DIR": str(tmp_path / "media"),
            "MIXTAPE_PORT": str(taken.getsockname()[1]),
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert "is taken" in done.stderr and "MIXTAPE_PORT" in done.stderr
