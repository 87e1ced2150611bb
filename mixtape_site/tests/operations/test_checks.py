"""`manage.py check` reports what is missing, with a fix."""

import os
import subprocess
import sys

import pytest

from mixes.engine.processes import ffmpeg
from mixtape_site.configuration.addresses import SiteAddress
from mixtape_site.operations import checks


def fake_ffmpeg(folder, version, encoders):
    """Write a program that answers like an ffmpeg of that version with those encoders."""
    lines = "".join(f"echo ' A....D {name} x'\n" for name in encoders)
    path = folder / "ffmpeg"
    first = f"echo 'ffmpeg version {version} Copyright'"
    path.write_text(f'#!/bin/sh\nif [ "$1" = -version ]; then {first}; else {lines} fi\n')
    path.chmod(0o755)
    return str(path)


def test_the_pinned_ffmpeg_passes(settings):
    settings.FFMPEG = None
    assert checks.check_ffmpeg(None) == []


def test_a_missing_ffmpeg_is_reported_with_its_fix(settings, tmp_path):
    settings.FFMPEG = str(tmp_path / "nowhere")
    (error,) = checks.check_ffmpeg(None)
    assert error.id == "mixtape.E001"
    assert "nowhere" in error.msg and "MIXTAPE_FFMPEG" in error.hint


def test_an_ffmpeg_that_does_not_start_is_reported(settings, tmp_path):
    path = tmp_path / "ffmpeg"
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)
    settings.FFMPEG = str(path)
    (error,) = checks.check_ffmpeg(None)
    assert error.id == "mixtape.E001"


def test_an_old_ffmpeg_and_a_missing_encoder_are_reported(settings, tmp_path):
    encoders = [name for name in ffmpeg.NEEDED_ENCODERS if name != "libmp3lame"]
    settings.FFMPEG = fake_ffmpeg(tmp_path, "4.4.1", encoders)
    old, missing = checks.check_ffmpeg(None)
    assert (old.id, missing.id) == ("mixtape.E002", "mixtape.E003")
    assert "4.4.1" in old.msg and "libmp3lame" in missing.msg


def test_folders_that_can_be_created_pass(settings, tmp_path):
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path / "var" / "deep", tmp_path
    assert checks.check_folders(None) == []


def test_an_unwritable_folder_is_reported_with_its_setting(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "file" / "media"
    (error,) = checks.check_folders(None)
    assert error.id == "mixtape.E004" and "MIXTAPE_MEDIA_DIR" in error.hint


def test_a_key_that_others_can_read_is_reported(settings):
    keys = settings.DATA_DIR / "keys"
    keys.mkdir(parents=True)
    (keys / "secret_key").write_text("x")
    (keys / "secret_key").chmod(0o600)
    assert checks.check_keys(None) == []
    (keys / "secret_key").chmod(0o640)
    (warning,) = checks.check_keys(None)
    assert warning.id == "mixtape.W002" and "chmod 600" in warning.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_keys_that_the_site_cannot_read_are_reported(settings):
    keys = settings.DATA_DIR / "keys"
    keys.mkdir(parents=True)
    (keys / "secret_key").write_text("x")
    (keys / "secret_key").chmod(0)
    (error,) = checks.check_keys(None)
    assert error.id == "mixtape.E005" and "secret_key" in error.msg
    keys.chmod(0o500)
    (error,) = checks.check_keys(None)
    assert error.id == "mixtape.E005"
    keys.chmod(0o700)


def reach(settings, *, bind, url="", proxies=0, demo=False):
    settings.BIND, settings.HAS_URL, settings.TRUSTED_PROXIES = bind, bool(url), proxies
    settings.SITE = SiteAddress.read(url, bind=bind, port=8000)
    settings.DEMO_ACCOUNT = demo
    return [warning.id for warning in checks.check_reach(None)]


def test_a_local_site_needs_no_url(settings):
    assert reach(settings, bind="127.0.0.1", demo=True) == []


def test_a_site_others_can_reach_needs_its_url_and_its_proxy(settings):
    assert reach(settings, bind="0.0.0.0") == ["mixtape.W003"]
    assert reach(settings, bind="127.0.0.1", url="https://mix.example.org") == ["mixtape.W004"]
    assert reach(settings, bind="127.0.0.1", url="https://mix.example.org", proxies=1) == []
    demo = reach(settings, bind="127.0.0.1", url="https://mix.example.org", proxies=1, demo=True)
    assert demo == ["mixtape.W005"]


@pytest.mark.parametrize("google", [{}, {"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "secret"}])
def test_a_deployed_site_passes_djangos_own_checks(google, tmp_path):
    environment = {
        **google,
        "PATH": os.environ["PATH"],
        "MIXTAPE_URL": "https://mix.example.org",
        "MIXTAPE_TRUSTED_PROXIES": "1",
        "MIXTAPE_DATA_DIR": str(tmp_path / "var"),
        "MIXTAPE_MEDIA_DIR": str(tmp_path / "media"),
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr
