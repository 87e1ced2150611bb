"""Run the tests that depend on the database on PostgreSQL too, with a server of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixtape_site.tests.postgres import postgres_server

ROOT = Path(__file__).resolve().parents[2]
# Claims, fences, constraints, limits under races, ordering: where databases differ
LEAN_ON_THE_DATABASE = (
    "mixes/tests/jobs/test_leases.py",
    "mixes/tests/jobs/test_runner.py",
    "mixes/tests/rendering/test_mix_requests.py",
    "mixes/tests/test_database_retry.py",
    "mixes/tests/jobs/test_steady_clock.py",
    "mixes/tests/editing/test_edits.py",
    "mixes/tests/shows/test_episodes.py",
    "mixes/tests/library/test_uploads.py",
    "mixes/tests/pages/test_track_views.py",
    "mixes/tests/pages/test_mix_views.py",
    "mixes/tests/pages/test_admin.py",
    "accounts/tests",
)


@pytest.fixture(scope="module")
def postgres_url():
    with postgres_server() as server:
        yield server.url()


def test_database_tests_pass_on_postgresql(postgres_url, tmp_path):
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
