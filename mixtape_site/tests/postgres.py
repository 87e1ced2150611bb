"""A PostgreSQL server for tests, which can be killed and restarted."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

START_S = 60.0
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def binaries():
    """Return the folder of the newest installed PostgreSQL, including Debian's locations."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class PostgresServer:
    """A server on loopback with its data in a folder."""

    def __init__(self, folder, data, as_user):
        self.folder, self.data, self.as_user = folder, data, as_user
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def url(self, database="postgres"):
        return f"postgres://mixtape@127.0.0.1:{self.port}/{database}"

    def start(self):
        """Start it, with retries: a killed server may leave shared memory for a moment."""
        options = ["-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k", self.data, "-F"]
        until = time.monotonic() + START_S
        self.process = None
        while not self.answers():
            assert time.monotonic() < until, "PostgreSQL did not start"
            if self.process is None or self.process.poll() is not None:
                self.process = subprocess.Popen(
                    [self.folder / "postgres", *options], cwd="/", stderr=subprocess.DEVNULL, **self.as_user
                )
            time.sleep(0.1)

    def answers(self):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url(), connect_timeout=2).close()
            return True
        return False

    def kill(self):
        """Kill its processes without a shutdown, like a power cut."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # fast shutdown: ends open sessions
        self.process.wait(30)

    def create_database(self, name, template="template1"):
        """Create a database from an unused template; return its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)


@contextlib.contextmanager
def postgres_server():
    """Yield a running server and remove it afterwards; skip the test without PostgreSQL."""
    folder = binaries()
    if folder is None and os.environ.get("REQUIRE_POSTGRES") != "1":
        pytest.skip("no PostgreSQL here; REQUIRE_POSTGRES=1 makes this a failure")
    assert folder, "REQUIRE_POSTGRES=1, but there is no PostgreSQL"
    with tempfile.TemporaryDirectory(prefix="mixtape-postgres-") as data:
        as_user = {}
        if os.geteuid() == 0:
            shutil.chown(data, UNPRIVILEGED)
            as_user = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
        initdb = [folder / "initdb", "-D", data, "-U", "mixtape", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **as_user)
        server = PostgresServer(folder, data, as_user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
