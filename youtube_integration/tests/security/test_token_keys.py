"""Token keys: created when first needed, never available to workers that do not need them."""

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ImproperlyConfigured

from mixtape_site.configuration.worker_environment import KEYLESS, TOKEN_KEYS
from youtube_integration.security import token_keys

NEW, OLD = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def no_keys_from_elsewhere(monkeypatch):
    monkeypatch.delenv(TOKEN_KEYS, raising=False)
    monkeypatch.delenv(KEYLESS, raising=False)


def test_the_first_use_creates_a_key_readable_by_its_owner_only(settings):
    path = settings.DATA_DIR / "keys" / "tokens.key"
    assert not path.exists()
    sealed = token_keys.cipher().encrypt(b"refresh me")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Fernet(path.read_text().strip()).decrypt(sealed) == b"refresh me"
    assert token_keys.cipher().decrypt(sealed) == b"refresh me"


def test_the_environment_comes_first_and_its_first_key_encrypts(settings, monkeypatch):
    monkeypatch.setenv(TOKEN_KEYS, f"{NEW}, {OLD}")
    sealed = token_keys.cipher().encrypt(b"x")
    assert Fernet(NEW).decrypt(sealed) == b"x"
    assert token_keys.cipher().decrypt(Fernet(OLD).encrypt(b"y")) == b"y"
    with pytest.raises(InvalidToken):
        token_keys.newest_cipher().decrypt(Fernet(OLD).encrypt(b"y"))
    assert not (settings.DATA_DIR / "keys").exists()


@pytest.mark.parametrize(
    "wrong",
    ["hunter2", NEW[:-2], f"{NEW},secret-of-mine", "ä" * 44],
    ids=["short", "cut", "second", "no ascii"],  # the same in every process of a test run
)
def test_an_invalid_key_is_reported_without_its_value(wrong, monkeypatch):
    monkeypatch.setenv(TOKEN_KEYS, wrong)
    with pytest.raises(ImproperlyConfigured, match=TOKEN_KEYS) as caught:
        token_keys.cipher()
    assert wrong.split(",")[-1] not in str(caught.value) and "generate_key" in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_key_that_cannot_be_stored_is_not_used(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.DATA_DIR = tmp_path / "file" / "var"
    with pytest.raises(ImproperlyConfigured, match=f"cannot be stored.*{TOKEN_KEYS}"):
        token_keys.cipher()


def test_a_worker_that_opens_untrusted_files_gets_no_key(settings, monkeypatch):
    monkeypatch.setenv(KEYLESS, "1")
    with pytest.raises(ImproperlyConfigured, match="has no key"):
        token_keys.cipher()
    assert not (settings.DATA_DIR / "keys").exists()


def test_a_key_changed_by_another_process_is_used_at_once(settings):
    sealed = token_keys.cipher().encrypt(b"x")
    (settings.DATA_DIR / "keys" / "tokens.key").write_text(f"{NEW}\n")
    with pytest.raises(InvalidToken):
        token_keys.cipher().decrypt(sealed)


def test_starting_django_reads_no_key(tmp_path):
    code = f"import django; django.setup(); print({NEW!r} in repr(vars(django.conf.settings._wrapped)))"
    environment = {
        "DJANGO_SETTINGS_MODULE": "mixtape_site.settings",
        "MIXTAPE_DATA_DIR": str(tmp_path),
        TOKEN_KEYS: NEW,
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
    assert not (tmp_path / "keys" / "tokens.key").exists()
