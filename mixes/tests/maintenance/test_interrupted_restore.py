"""A restore, or its undo, that fails or is killed at any change of the disk loses nothing."""

import os
import signal
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
    """A site that changed after its backup; what is in neither is a picture."""
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
    command = [sys.executable, "-m", "mixes.tests.maintenance.interrupted", way, str(what), str(STEPS[way])]
    done = subprocess.run(command, cwd=ROOT, env=site.environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("way", ["fail", "kill"])
def test_an_interrupted_restore_loses_nothing(any_site, way):
    times = interrupt(any_site, way, any_site.folder / "backup.tar")
    times_undone = interrupt(any_site, way, "undo")
    assert min(times, times_undone) * STEPS[way] > 20
    note_row(f"restore and undo: {way} at a change of the disk", tried=times + times_undone, wrong=0)


def test_an_open_journal_stops_every_command(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    (site.data / "restore-journal.json").write_text('{"stamp": "1", "moves": [], "loads_dump": false}')
    (site.data / "keys" / "secret_key").rename(tmp_path / "secret_key")  # as if it was moved aside
    commands = (
        ("up",),
        ("worker", "long"),
        ("backup", tmp_path / "second.tar"),
        ("restore", tmp_path / "backup.tar", "--yes"),
        ("prune_media", "--yes"),
        ("check",),
    )
    for command in commands:
        done = site.manage(*command)
        sentence = done.stderr.strip().splitlines()
        assert done.returncode == 1 and len(sentence) == 1 and "restore --undo" in sentence[0], command
    assert not (site.data / "keys" / "secret_key").exists()
    said = site.must("restore", "--undo")
    assert "interrupted restore is undone" in said
    (tmp_path / "secret_key").rename(site.data / "keys" / "secret_key")
    site.must("check")


def test_a_second_restore_waits_for_the_first(site, tmp_path):
    lock = f"import fcntl, os, time; fcntl.flock(os.open({str(site.data)!r}, os.O_RDONLY), fcntl.LOCK_EX); "
    command = [sys.executable, "-c", lock + "print('locked', flush=True); time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        done = site.manage("restore", "--undo")
        other.send_signal(signal.SIGKILL)
    assert done.returncode == 1 and "Another restore is running" in done.stderr
    assert "Traceback" not in done.stderr


def test_undo_leaves_what_was_not_moved(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    site.must("restore", tmp_path / "backup.tar", "--yes")
    (site.media / "previews").mkdir()  # the site made it since
    (site.media / "previews" / "one.mp3").write_bytes(b"sound")
    site.must("restore", "--undo")
    assert (site.media / "previews" / "one.mp3").read_bytes() == b"sound"


def test_an_undo_without_all_of_the_previous_data_is_refused(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    site.must("restore", tmp_path / "backup.tar", "--yes")
    (aside,) = site.media.glob("before-restore-*")
    (aside / "tracks").rename(tmp_path / "tracks")
    songs = site.songs()
    done = site.manage("restore", "--undo")
    assert done.returncode == 1 and "is missing" in done.stderr and site.songs() == songs
