"""A restore, or its undo, that fails or is killed at any change of the disk loses nothing."""

import os
import subprocess
import sys

import pytest

from mixes.tests.maintenance.installations import FILL, ROOT, Site
from mixes.tests.torture.harness.table import note_row
from mixtape_site.tests.postgres import postgres_server

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
STEPS = {"fail": 1, "kill": 1} if FULL else {"fail": 3, "kill": 11}
LATER = "from mixes.models import Track; Track.objects.all().delete()"


class OnPostgres(Site):
    """An installation with a database on a server."""

    def __init__(self, folder, url):
        super().__init__(folder)
        self.environment = {"DATABASE_URL": url}


@pytest.fixture(params=["sqlite", "postgresql"])
def any_site(request, tmp_path):
    """A site that changed after its backup, on each database."""
    if request.param == "sqlite":
        yield changed_since_its_backup(Site(tmp_path / "site"))
        return
    with postgres_server() as server:
        yield changed_since_its_backup(OnPostgres(tmp_path / "site", server.create_database("mixtape")))


def changed_since_its_backup(site):
    site.must("migrate", "--verbosity", "0")
    site.must("shell", "-c", FILL)
    site.must("backup", site.folder / "backup.tar")
    site.must("shell", "-c", LATER)
    (site.media / "tracks/aa" / f"{0:032x}").write_bytes(b"changed since")
    (site.media / "pictures").mkdir()
    (site.media / "pictures" / "cover.jpg").write_bytes(b"a picture")
    return site


def interrupt(site, way, what):
    command = [
        sys.executable,
        "-m",
        "mixes.tests.torture.harness.interrupted",
        way,
        str(what),
        str(STEPS[way]),
    ]
    done = subprocess.run(command, cwd=ROOT, env=site.environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("way", ["fail", "kill"])
def test_an_interrupted_restore_loses_nothing(any_site, way):
    times = interrupt(any_site, way, any_site.folder / "backup.tar")
    times_undone = interrupt(any_site, way, "undo")
    assert min(times, times_undone) * STEPS[way] > 20
    note_row(f"restore and undo: {way} at a change of the disk", tried=times + times_undone, wrong=0)
