"""`manage.py rotate_keys`: users notice nothing until the old keys are dropped."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from mixtape_site.configuration import keys
from mixtape_site.configuration.worker_environment import KEYLESS, TOKEN_KEYS
from youtube_integration.models import PendingRevocation, YouTubeCredential, YouTubePublication
from youtube_integration.security import key_rotation, token_keys

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def own_keys(settings, monkeypatch):
    for name in (TOKEN_KEYS, KEYLESS, "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return keys.read_or_make_key(settings.DATA_DIR / "keys" / "secret_key")


def lines(settings, name):
    return (settings.DATA_DIR / "keys" / name).read_text().split()


def seal(text):
    return token_keys.cipher().encrypt(text.encode()).decode()


def make_rows(alice):
    """Create one encrypted value of each kind."""
    now = timezone.now()
    credential = YouTubeCredential.objects.create(
        user=alice, channel_id="UC1", sealed_tokens=seal("tokens"), granted_at=now, channel_read_at=now
    )
    publication = YouTubePublication.objects.create(
        owner=alice, queue="publish", channel_id="UC1", title="Mix", sealed_session=seal("session")
    )
    YouTubePublication.objects.create(owner=alice, queue="publish", channel_id="UC1", title="Not begun")
    revocation = PendingRevocation.objects.create(
        sealed_tokens=seal("old tokens"), owner_key="1", not_before=now + timedelta(hours=1)
    )
    return credential, publication, revocation


def opened_by(cipher, rows):
    for row in rows:
        row.refresh_from_db()
    credential, publication, revocation = rows
    sealed = (credential.sealed_tokens, publication.sealed_session, revocation.sealed_tokens)
    return [cipher.decrypt(value).decode() for value in sealed]


def test_every_sealed_column_is_known():
    assert {(model.__name__, column) for model, column in key_rotation.sealed_columns()} >= {
        ("YouTubeCredential", "sealed_tokens"),
        ("YouTubePublication", "sealed_session"),
        ("PendingRevocation", "sealed_tokens"),
    }


def test_new_keys_encrypt_and_old_ones_stay_valid(settings, alice, capsys):
    rows = make_rows(alice)
    secret, token = lines(settings, "secret_key"), lines(settings, "tokens.key")
    call_command("rotate_keys")
    assert lines(settings, "secret_key")[1:] == secret and lines(settings, "tokens.key")[1:] == token
    assert opened_by(token_keys.newest_cipher(), rows) == ["tokens", "session", "old tokens"]
    said = capsys.readouterr().out
    assert "newest key: 3." in said and "Restart" in said
    assert not any(key in said for key in (*lines(settings, "secret_key"), *lines(settings, "tokens.key")))


def test_old_keys_are_dropped_only_after_everything_is_re_encrypted(settings, alice):
    rows = make_rows(alice)
    keys.add_key(token_keys.key_path(), token_keys.make_token_key)  # as if it had been stopped there
    call_command("rotate_keys", "--drop-old")
    assert len(lines(settings, "secret_key")) == len(lines(settings, "tokens.key")) == 1
    assert opened_by(token_keys.cipher(), rows) == ["tokens", "session", "old tokens"]


def test_the_check_fails_until_the_newest_key_opens_all(alice):
    call_command("rotate_keys", "--check")
    assert not token_keys.key_path().exists()
    make_rows(alice)
    call_command("rotate_keys", "--check")
    keys.add_key(token_keys.key_path(), token_keys.make_token_key)
    with pytest.raises(CommandError, match=r"does not open: 3\."):
        call_command("rotate_keys", "--check")
    call_command("rotate_keys")
    call_command("rotate_keys", "--check")


def test_a_token_of_a_lost_key_is_reported_and_skipped(settings, alice, capsys):
    rows = make_rows(alice)
    YouTubeCredential.objects.update(sealed_tokens=Fernet(Fernet.generate_key()).encrypt(b"?").decode())
    call_command("rotate_keys")
    assert "no key opens: 1." in capsys.readouterr().err
    rows[1].refresh_from_db()
    assert token_keys.newest_cipher().decrypt(rows[1].sealed_session) == b"session"
    with pytest.raises(CommandError, match=r"does not open: 1\."):
        call_command("rotate_keys", "--check")


def test_keys_in_the_environment_are_not_changed(settings, alice, monkeypatch, capsys):
    old, new = token_keys.make_token_key(), token_keys.make_token_key()
    monkeypatch.setenv(TOKEN_KEYS, old)
    monkeypatch.setenv("SECRET_KEY", "given by the environment, long and random enough for everybody")
    rows, before = make_rows(alice), lines(settings, "secret_key")
    monkeypatch.setenv(TOKEN_KEYS, f"{new},{old}")
    call_command("rotate_keys")
    assert lines(settings, "secret_key") == before and not token_keys.key_path().exists()
    assert opened_by(Fernet(new), rows) == ["tokens", "session", "old tokens"]
    said = capsys.readouterr().out
    assert "SECRET_KEY_FALLBACKS" in said and TOKEN_KEYS in said


class Site:
    """An installation with its own folders, called through new processes, as after a restart."""

    def __init__(self, folder):
        self.environment = {
            "PATH": os.environ["PATH"],
            "MIXTAPE_DATA_DIR": str(folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(folder / "media"),
        }
        self.run("migrate", "-v0")

    def run(self, *arguments, code=""):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=code,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sign_in(self):
        return re.search(r"cookie=(\w+)", self.run("shell", code=SIGN_IN))[1]

    def status(self, cookie):
        return int(re.search(r"status=(\d+)", self.run("shell", code=LOOK % cookie))[1])


SIGN_IN = """
from django.test import Client
from accounts.models import User
client = Client()
user = User.objects.first() or User.objects.create_vouched_user("a@example.org", "many records")
client.force_login(user, "django.contrib.auth.backends.ModelBackend")
print("cookie=" + client.cookies["sessionid"].value)
"""
SIGNED_IN, SIGNED_OUT = 412, 401  # status of an upload request without its headers: needs no page
LOOK = """
from django.test import Client
client = Client()
client.cookies["sessionid"] = "%s"
print("status=%%d" %% client.post("/uploads/", headers={"host": "localhost"}).status_code)
"""


def test_a_session_outlives_a_rotation_and_ends_with_the_old_keys(tmp_path):
    site = Site(tmp_path)
    seen, unseen = site.sign_in(), site.sign_in()
    site.run("rotate_keys")
    assert site.status(seen) == SIGNED_IN
    site.run("rotate_keys", "--drop-old")
    assert site.status(unseen) == SIGNED_OUT
    assert site.status(site.sign_in()) == SIGNED_IN
