"""Preparing a site: everything the first time, almost nothing the second."""

import io
import sqlite3
import time

import pytest
from django.contrib.auth import get_user_model

from accounts import services as accounts
from mixes.services.maintenance import database_copy
from mixtape_site.operations import setup

pytestmark = pytest.mark.django_db
User = get_user_model()


@pytest.fixture(autouse=True)
def own_static_files(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "var" / "static"
    songs = tmp_path / "assets"
    songs.mkdir()
    (songs / "site.css").write_text("a{}")
    settings.STATICFILES_DIRS = [songs]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]


def prepare():
    out = io.StringIO()
    setup.prepare_site(out)
    return out.getvalue()


def test_folders_and_static_files_are_created(settings):
    prepare()
    assert (settings.DATA_DIR / "keys").stat().st_mode & 0o777 == 0o700
    assert (settings.MEDIA_ROOT / "tracks").is_dir()
    assert (settings.STATIC_ROOT / "site.css").read_text() == "a{}"


def test_the_address_of_the_site_is_kept(settings):
    prepare()
    assert accounts.running_address() == settings.SITE_URL


def test_other_users_of_the_machine_cannot_read_database_and_songs(settings):
    for folder in (settings.DATA_DIR, settings.MEDIA_ROOT):
        folder.mkdir(mode=0o755, parents=True)
        folder.chmod(0o755)
    prepare()
    assert [folder.stat().st_mode & 0o777 for folder in (settings.DATA_DIR, settings.MEDIA_ROOT)] == [
        0o750
    ] * 2


def test_static_files_are_collected_again_only_when_one_changed(settings):
    prepare()
    collected = settings.STATIC_ROOT / "site.css"
    before = collected.stat().st_mtime_ns
    time.sleep(0.01)
    prepare()
    assert collected.stat().st_mtime_ns == before
    (settings.STATICFILES_DIRS[0] / "site.css").write_text("b{}")
    prepare()
    assert collected.read_text() == "b{}"


def test_a_local_site_prints_the_demo_account(settings):
    settings.DEMO_ACCOUNT = True
    said = prepare()
    assert "demo@mixtape.local" in said
    assert (settings.DATA_DIR / "keys" / "demo_password").read_text() in said
    assert prepare().count("demo@mixtape.local") == 1 and User.objects.count() == 1


def test_a_site_others_can_reach_closes_the_demo_account(settings):
    settings.DEMO_ACCOUNT = True
    prepare()
    settings.DEMO_ACCOUNT = False
    assert "closed" in prepare()
    assert not User.objects.get().is_active
    assert "demo" not in prepare()


def test_the_operators_link_is_printed_until_an_operator_exists(settings):
    settings.DEMO_ACCOUNT = False
    assert f"{settings.SITE_URL}/account/first/" in prepare()
    User.objects.create_superuser("op@example.org", "x")
    assert prepare() == ""


def test_the_database_is_copied_before_an_upgrade_and_old_copies_are_removed(settings, tmp_path, monkeypatch):
    path = tmp_path / "mixtape.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (title)")
        database.execute("INSERT INTO songs VALUES ('Aria')")
    monkeypatch.setattr(database_copy, "vendor", lambda: "sqlite")
    monkeypatch.setattr(database_copy, "sqlite_path", lambda: path)
    settings.DATA_DIR.mkdir()
    copies = [setup.copy_database() for _ in range(5)]
    assert [copy.exists() for copy in copies] == [False, False, True, True, True]
    with sqlite3.connect(copies[-1]) as database:
        assert database.execute("SELECT title FROM songs").fetchall() == [("Aria",)]
    assert copies[-1].stat().st_mode & 0o777 == 0o600
