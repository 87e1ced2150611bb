"""System checks of Google's endpoints and keys, and how the keys are read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixtape_site.configuration.addresses import SiteAddress
from mixtape_site.configuration.google import ADDRESSES, GoogleClient, is_google_address
from youtube_integration import checks

ROOT = Path(__file__).resolve().parents[3]
FOREIGN = (
    "http://youtube.googleapis.com/",
    "https://youtube.googleapis.com.evil.example/",
    "https://evil.example/youtube.googleapis.com/",
    "https://evilgoogleapis.com/",
    "https://googleapis.com@evil.example/",
    "https://evil.example\\.googleapis.com/",
    "https://youtube.googleapis.com:8443/",
    "https://youtube.googleapis.com:port/",
    "ftp://youtube.googleapis.com/",
    "//youtube.googleapis.com/",
    "youtube.googleapis.com",
    "",
    "https://10.0.0.1/",
    "https://[::ffff:8.8.8.8]/",
)
LOCAL = ("http://127.0.0.1:8765/", "http://localhost:1/token", "http://[::1]:9/")


def ids(found):
    return [message.id for message in found]


def test_googles_own_addresses_are_accepted():
    assert all(map(is_google_address, ADDRESSES.values()))
    assert checks.check_google_addresses(None) == []


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("address", FOREIGN)
def test_any_other_address_is_refused_even_for_developers(settings, name, address):
    settings.DEBUG = True
    setattr(settings, name, address)
    assert ids(checks.check_google_addresses(None)) == ["mixtape.E010"]


@pytest.mark.parametrize("address", LOCAL)
def test_a_local_stand_in_needs_debug_and_a_local_site(settings, address):
    settings.GOOGLE_OAUTH_TOKEN_URI = address
    assert ids(checks.check_google_addresses(None)) == ["mixtape.E010"]
    settings.DEBUG = True
    assert checks.check_google_addresses(None) == []
    settings.SITE = SiteAddress.read("https://mixtape.example.org", bind="127.0.0.1", port=8000)
    assert ids(checks.check_google_addresses(None)) == ["mixtape.E010"]


def test_insecure_transport_is_refused(settings, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    assert ids(checks.check_transport(None)) == ["mixtape.E011"]
    settings.GOOGLE_OAUTH_TOKEN_URI = LOCAL[0]
    assert checks.check_transport(None) == []


def test_the_switches_of_oauthlib_are_set_in_one_place():
    apps = ("mixes", "mixtape_site", "accounts", "youtube_integration")
    files = [path for app in apps for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    setting = [path.relative_to(ROOT).as_posix() for path in files if '["OAUTHLIB_' in path.read_text()]
    assert setting == ["youtube_integration/google/client.py"]


@pytest.fixture
def keys_file(tmp_path):
    path = tmp_path / "client.json"
    path.write_text(
        json.dumps(
            {
                "web": {
                    "client_id": "1-a.apps.googleusercontent.com",
                    "client_secret": "GOCSPX-kept",
                    "token_uri": "https://evil.example/token",
                    "auth_uri": "https://evil.example/auth",
                    "redirect_uris": ["https://mixtape.example.org/youtube/callback/"],
                }
            }
        )
    )
    path.chmod(0o600)
    return path


def test_only_the_keys_are_read_from_a_downloaded_file(keys_file):
    client = GoogleClient.read("", "", str(keys_file))
    assert (client.id, client.secret) == ("1-a.apps.googleusercontent.com", "GOCSPX-kept")
    assert client.redirect_uris == ("https://mixtape.example.org/youtube/callback/",)
    assert "evil" not in repr(client) and "GOCSPX" not in repr(client)


def test_variables_come_before_the_file(keys_file):
    assert GoogleClient.read("id", "secret", str(keys_file)) == GoogleClient("id", "secret")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "Web application"),
        ('{"installed": {"client_id": "a", "client_secret": "b"}}', "Web application"),
        ('{"web": {"client_id": "a"}}', "lacks"),
        ('{"web": {"client_id": 1, "client_secret": ["b"]}}', "lacks"),
        ("\xff\xfe", "not JSON"),
    ],
)
def test_a_file_in_another_format_is_reported(tmp_path, settings, text, why):
    path = tmp_path / "client.json"
    path.write_bytes(text.encode("latin-1"))
    client = GoogleClient.read("", "", str(path))
    assert why in client.problem and (client.id, client.secret) == ("", "")
    settings.GOOGLE_KEYS_PROBLEM = client.problem
    assert ids(checks.check_google_keys(None)) == ["mixtape.E012"]


def test_a_missing_file_is_reported(tmp_path):
    assert "No such file" in GoogleClient.read("", "", str(tmp_path / "none.json")).problem


def test_a_file_that_others_can_read_is_reported(settings, keys_file):
    settings.GOOGLE_KEYS_FILE = str(keys_file)
    assert checks.check_google_keys(None) == []
    keys_file.chmod(0o644)
    assert ids(checks.check_google_keys(None)) == ["mixtape.W010"]


def test_a_missing_key_is_reported_but_not_in_workers_without_secrets(settings, monkeypatch):
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "id", ""
    assert ids(checks.check_google_keys(None)) == ["mixtape.W011"]
    monkeypatch.setenv("MIXTAPE_KEYLESS", "1")
    assert checks.check_google_keys(None) == []


def test_a_broken_token_key_is_reported_where_channels_can_be_connected(settings, monkeypatch):
    monkeypatch.setenv("TOKENS_ENCRYPTION_KEY", "too short")
    assert checks.check_token_keys(None) == []
    settings.PUBLISHING = True
    assert ids(checks.check_token_keys(None)) == ["mixtape.E014"]


def site(tmp_path, **environment):
    """Run Python code in a site with that environment, and then `manage.py check`."""
    code = (
        "import django; django.setup(); from django.conf import settings as s;"
        "from youtube_integration.google import client;"
        "print(s.PUBLISHING, s.SOCIALACCOUNT_PROVIDERS['google']['APPS'] != [])"
    )
    own = {"MIXTAPE_DATA_DIR": str(tmp_path / "var"), "MIXTAPE_MEDIA_DIR": str(tmp_path / "media")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE", "YOUTUBE"))}
    kept |= {"DJANGO_SETTINGS_MODULE": "mixtape_site.settings", **own, **environment}
    asked = {"cwd": ROOT, "env": kept, "capture_output": True, "text": True}
    python = subprocess.run([sys.executable, "-c", code], **asked)
    assert python.returncode == 0, python.stderr
    return python.stdout.strip(), subprocess.run([sys.executable, "manage.py", "check"], **asked)


def test_a_foreign_address_switches_google_off_even_without_checks(tmp_path):
    keys = {"GOOGLE_CLIENT_ID": "a", "GOOGLE_CLIENT_SECRET": "b"}
    output, check = site(tmp_path, **keys, YOUTUBE_ROOT_URL="https://evil.example/", MIXTAPE_DEBUG="True")
    assert output == "False False"
    assert check.returncode != 0 and "mixtape.E010" in check.stderr


def test_a_file_of_keys_sets_a_site_up(tmp_path, keys_file):
    output, check = site(tmp_path, GOOGLE_CLIENT_SECRETS_FILE=str(keys_file))
    assert output == "True True"
    assert check.returncode == 0, check.stderr
