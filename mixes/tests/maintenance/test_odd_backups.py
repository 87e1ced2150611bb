"""What is not a backup of Mixtape is refused in one sentence, and nothing is moved for it."""

import hashlib
import io
import json
import sqlite3
import tarfile

import pytest

DATABASE = "database.sqlite3"


def entry(name, content=b""):
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_tar(path, files, manifest=None, twice=()):
    """Write a TAR of files with its manifest; `manifest` changes the manifest's values."""
    manifest = {
        "format": 1,
        "version": "0.1.0",
        "made_at": "2026-11-30T12:00:00+00:00",
        "database": "sqlite",
        "migrations": {},
        "files": [entry(name, content) for name, content in files.items()],
        **(manifest or {}),
    }
    members = {**files, "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as archive:
        for name in (*members, *twice):
            member = tarfile.TarInfo(name)
            member.size = len(members[name])
            archive.addfile(member, io.BytesIO(members[name]))


def sqlite_file(folder, *tables):
    with sqlite3.connect(folder / "made.sqlite3") as database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} (id)")
    return (folder / "made.sqlite3").read_bytes()


def refuse(site, backup):
    """Try to restore it; return the sentence after checking that the site is as it was."""
    songs, users = site.songs(), site.query("SELECT * FROM accounts_user")
    key = (site.data / "keys/secret_key").read_text()
    done = site.manage("restore", backup, "--yes")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert (site.songs(), site.query("SELECT * FROM accounts_user")) == (songs, users)
    assert (site.data / "keys/secret_key").read_text() == key
    left = [path.name for root in (site.data, site.media) for path in root.glob("*restor*")]
    assert left == []
    return done.stderr


NOT_SQLITE = b"not a database at all" * 100
NAMES_OF_ALL = ("django_migrations", "accounts_user", "mixes_track", "mixes_mix")


@pytest.mark.parametrize(
    ("files", "manifest", "sentence"),
    [
        ({"keys/secret_key": b"key"}, {}, "contains no database"),
        ({DATABASE: NOT_SQLITE}, {}, "cannot be read"),
        ({DATABASE: b""}, {}, "not one of Mixtape"),
        ({DATABASE: ("notes",)}, {}, "not one of Mixtape"),
        ({DATABASE: NAMES_OF_ALL}, {}, "cannot be brought up to date"),
        ({}, {"files": [{**entry(DATABASE), "name": 5}]}, "impossible values"),
        ({}, {"files": [{**entry(DATABASE), "size": -1}]}, "impossible values"),
        ({}, {"files": [{**entry(DATABASE), "size": "1"}]}, "impossible values"),
        ({}, {"files": [entry(f"{DATABASE}\0")]}, "impossible values"),
        ({}, {"files": [entry("keys/\ud800")]}, "impossible values"),
        ({}, {"files": [entry(DATABASE), entry(DATABASE)]}, "names a file twice"),
        ({}, {"files": 5}, "cannot be read"),
        ({}, {"files": [entry("keys//secret_key")]}, "not an expected file"),
        ({}, {"database": 5}, "impossible values"),
        ({}, {"format": "1"}, "cannot be read"),
        ({DATABASE: b"x"}, {"files": [{**entry(DATABASE, b"x"), "size": 2}]}, "does not match"),
    ],
)
def test_an_odd_backup_is_refused(site, tmp_path, files, manifest, sentence):
    tables = files.get(DATABASE)
    if isinstance(tables, tuple):
        files = {**files, DATABASE: sqlite_file(tmp_path, *tables)}
    write_tar(tmp_path / "odd.tar", files, manifest)
    assert sentence in refuse(site, tmp_path / "odd.tar")


@pytest.mark.parametrize("name", [DATABASE, "manifest.json"])
def test_a_file_that_is_twice_in_the_archive_is_refused(site, tmp_path, name):
    write_tar(tmp_path / "odd.tar", {DATABASE: b"x"}, twice=(name,))
    assert f"contains {name} twice" in refuse(site, tmp_path / "odd.tar")


def test_a_negative_size_in_the_archive_is_refused(site, tmp_path):
    write_tar(tmp_path / "odd.tar", {DATABASE: b"x"})
    member = tarfile.TarInfo("keys/secret_key")
    member.size = -512
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    (tmp_path / "odd.tar").write_bytes(bytes(header) + (tmp_path / "odd.tar").read_bytes())
    refuse(site, tmp_path / "odd.tar")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_archive_is_refused(site, tmp_path, share):
    site.must("backup", tmp_path / "whole.tar")
    content = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "odd.tar").write_bytes(content[: int(share * len(content))])
    assert "backup" in refuse(site, tmp_path / "odd.tar")
