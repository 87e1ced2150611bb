"""What leans on the database holds on PostgreSQL too: the same tests, on a server of their own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Claims, fences, constraints, limits under races, ordering: where databases differ
LEAN_ON_THE_DATABASE = (
    "mixes/tests/test_leases.py",
    "mixes/tests/test_job_runs.py",
    "mixes/tests/test_job_requests.py",
    "mixes/tests/test_arranging.py",
    "mixes/tests/test_uploads.py",
    "mixes/tests/test_track_views.py",
    "mixes/tests/test_mix_views.py",
    "mixes/tests/test_admin.py",
    "accounts/tests",
)
START_S = 30.0
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def binaries():
    """Return the folder of the newest PostgreSQL on this machine, Debian's own places included."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres_url():
    """A PostgreSQL server of ours on loopback, gone afterwards."""
    folder = binaries()
    if folder is None and os.environ.get("REQUIRE_POSTGRES") != "1":
        pytest.skip("no PostgreSQL here; REQUIRE_POSTGRES=1 makes this a failure")
    assert folder, "REQUIRE_POSTGRES=1, but there is no PostgreSQL"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="mixtape-postgres-") as data:
        as_user = {}
        if os.geteuid() == 0:
            shutil.chown(data, UNPRIVILEGED)
            as_user = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
        initdb = [folder / "initdb", "-D", data, "-U", "mixtape", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **as_user)
        options = ["-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", data, "-F"]
        server = subprocess.Popen(
            [folder / "postgres", *options], cwd="/", stderr=subprocess.DEVNULL, **as_user
        )
        try:
            wait_until_it_listens(port, server)
            yield f"postgres://mixtape@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: open sessions are ended
            server.wait(30)


def wait_until_it_listens(port, server):
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert server.poll() is None, "PostgreSQL did not start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail("PostgreSQL does not listen")


def test_what_leans_on_the_database_holds_on_postgresql(postgres_url, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {
        "DATABASE_URL": postgres_url,
        "MIXTAPE_DATA_DIR": str(tmp_path / "var"),
        "MIXTAPE_MEDIA_DIR": str(tmp_path / "media"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *LEAN_ON_THE_DATABASE]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
