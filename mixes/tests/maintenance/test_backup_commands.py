"""`backup` and `restore` on real installations: commands, files, and a database under writes."""

import hashlib
import json
import sqlite3
import tarfile
import threading

import pytest

from mixes.services.maintenance import database_copy
from mixes.services.maintenance.backups import BackupRefused, make_backup
from mixes.tests.maintenance.installations import FILL, Site

COUNT = "from mixes.models import Track; print(Track.objects.count())"


@pytest.fixture
def fresh(tmp_path):
    return Site(tmp_path / "fresh")


def manifest_of(backup):
    if backup.is_dir():
        return json.loads((backup / "manifest.json").read_text())
    with tarfile.open(backup) as archive:
        return json.load(archive.extractfile("manifest.json"))


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_backup_moves_the_site_to_another_machine(site, fresh, tmp_path, name):
    backup = tmp_path / "kept" / name
    said = site.must("backup", backup)
    assert "7 files" in said
    names = {entry["name"] for entry in manifest_of(backup)["files"]}
    assert {"database.sqlite3", "keys/secret_key"} < names and not any("scratch" in name for name in names)
    assert [path.name for path in backup.parent.iterdir()] == [name]
    fresh.must("restore", backup)
    assert fresh.songs() == site.songs() and len(fresh.songs()) == 5
    assert fresh.query("SELECT email FROM accounts_user") == [("alice@example.org",)]
    assert (fresh.data / "keys/secret_key").read_text() == (site.data / "keys/secret_key").read_text()
    assert (fresh.data / "keys/secret_key").stat().st_mode & 0o777 == 0o600
    assert not list(fresh.data.glob("restoring-*")) + list(fresh.media.glob("restoring-*"))


def test_the_checksums_match_the_files(site, tmp_path):
    site.must("backup", tmp_path / "backup")
    for entry in manifest_of(tmp_path / "backup")["files"]:
        content = (tmp_path / "backup" / entry["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["size"], entry["sha256"])


def test_only_the_owner_can_read_a_backup(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    site.must("backup", tmp_path / "backup")
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0


def test_a_database_is_copied_consistently_during_writes(site, fresh, tmp_path):
    """Two rows that always change together have equal values in every copy."""
    over = threading.Event()

    def write():
        with sqlite3.connect(site.database, timeout=30) as database:
            database.execute("CREATE TABLE pair (name, value)")
            database.execute("INSERT INTO pair VALUES ('a', 0), ('b', 0)")
            while not over.is_set():
                database.execute("UPDATE pair SET value = value + 1")
                database.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        site.must("backup", tmp_path / "backup.tar")
    finally:
        over.set()
        writer.join()
    fresh.must("restore", tmp_path / "backup.tar")
    (a,), (b,) = fresh.query("SELECT value FROM pair")
    assert a == b and a <= site.query("SELECT value FROM pair")[0][0]


PURGE = """
from mixes.models import Track
from mixes.services.library.tracks import purge_track
for track in Track.objects.order_by("?")[:150]:
    purge_track(track)
"""


def test_files_deleted_meanwhile_are_in_the_backup(site, tmp_path):
    """Every file that a row of the backup names is in the backup."""
    site.must(
        "shell",
        "-c",
        FILL.replace("range(5)", "range(100, 300)").replace("alice@", "bob@").replace("[n]", "[9]"),
    )
    purging = threading.Thread(target=site.must, args=("shell", "-c", PURGE))
    purging.start()
    site.must("backup", tmp_path / "backup")
    purging.join()
    with sqlite3.connect(tmp_path / "backup" / "database.sqlite3") as database:
        named = [name for (name,) in database.execute("SELECT file FROM mixes_track")]
    assert len(named) > 50
    assert [name for name in named if not (tmp_path / "backup" / "media" / name).is_file()] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_disk_that_loses_writes_is_detected(site, tmp_path, monkeypatch, settings, name):
    monkeypatch.setattr(database_copy, "sqlite_path", lambda: site.database)
    settings.MEDIA_ROOT, settings.DATA_DIR = site.media, site.data
    unfinished = tmp_path / f"{name}.part"

    def spoil(saved, size):
        if saved.endswith("secret_key"):  # after the damaged song, which was flushed long ago
            path = unfinished if unfinished.is_file() else unfinished / f"media/tracks/aa/{3:032x}"
            content = bytearray(path.read_bytes())
            content[content.index(b"\x03" * 9000) + 4000] ^= 1
            with path.open("r+b") as file:
                file.write(content)

    with pytest.raises(BackupRefused, match="does not match its checksum"):
        make_backup(tmp_path / name, on_file=spoil)
    assert not (tmp_path / name).exists() and not unfinished.exists()


def test_a_backup_is_never_overwritten(site, tmp_path):
    (tmp_path / "backup.tar").write_text("precious")
    done = site.manage("backup", tmp_path / "backup.tar")
    assert done.returncode == 1 and "exists already" in done.stderr
    assert (tmp_path / "backup.tar").read_text() == "precious"


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(site, fresh, tmp_path, name):
    backup = tmp_path / name
    site.must("backup", backup)
    spoilt = backup / f"media/tracks/aa/{3:032x}" if backup.is_dir() else backup
    content = bytearray(spoilt.read_bytes())
    content[content.index(b"\x03" * 9000) + 4000] ^= 1
    spoilt.unlink()  # it may be a hard link to the song
    spoilt.write_bytes(content)
    done = fresh.manage("restore", backup)
    assert done.returncode == 1 and "does not match its checksum" in done.stderr
    assert not fresh.songs()


def test_an_incomplete_backup_is_refused(site, fresh, tmp_path):
    backup = tmp_path / "backup.tar"
    site.must("backup", backup)
    backup.write_bytes(backup.read_bytes()[:200_000])
    done = fresh.manage("restore", backup)
    assert done.returncode == 1 and "backup" in done.stderr and "Traceback" not in done.stderr


def test_a_filled_installation_is_replaced_only_with_yes_and_kept_aside(site, tmp_path):
    backup = tmp_path / "backup.tar"
    site.must("backup", backup)
    site.must("shell", "-c", "from mixes.models import Track; Track.objects.all().delete()")
    (site.media / f"tracks/aa/{0:032x}").write_bytes(b"changed since")
    done = site.manage("restore", backup)
    assert done.returncode == 1 and "--yes" in done.stderr
    assert site.must("shell", "-v0", "-c", COUNT).strip() == "0"
    said = site.must("restore", backup, "--yes")
    assert site.must("shell", "-v0", "-c", COUNT).strip() == "5"
    assert site.songs()[f"{0:032x}"] == b"\x00" * 10_000
    (old,) = site.media.glob("before-restore-*")
    assert (old / f"tracks/aa/{0:032x}").read_bytes() == b"changed since" and str(old) in said
    (old_data,) = site.data.glob("before-restore-*")
    with sqlite3.connect(old_data / "mixtape.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM mixes_track").fetchone() == (0,)


def test_a_running_site_is_not_replaced(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    beat = 'from mixes.services import workers; workers.beat(workers.Node("long", "here", 1, "run"), "")'
    site.must("shell", "-c", beat)
    done = site.manage("restore", tmp_path / "backup.tar", "--yes")
    assert done.returncode == 1 and "Stop it first" in done.stderr


def test_an_older_backup_is_migrated(site, fresh, tmp_path):
    site.must("migrate", "accounts", "0001", "--verbosity", "0")
    site.must("backup", tmp_path / "backup.tar")
    fresh.must("restore", tmp_path / "backup.tar")
    assert fresh.query("SELECT count(*) FROM accounts_operatorlink") == [(0,)]
    assert fresh.query("SELECT count(*) FROM mixes_track") == [(5,)]


def test_names_outside_the_installation_are_refused(site, fresh, tmp_path):
    backup = tmp_path / "backup"
    site.must("backup", backup)
    manifest = manifest_of(backup)
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    manifest["files"].append({"name": "../outside", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()})
    (backup / "manifest.json").write_text(json.dumps(manifest))
    done = fresh.manage("restore", backup)
    assert done.returncode == 1 and "not an expected file of a backup" in done.stderr
    assert not fresh.database.exists() or fresh.query("SELECT count(*) FROM sqlite_master") == [(0,)]
