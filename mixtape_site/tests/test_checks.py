"""`manage.py check` names what is missing, and the cure."""

from mixes.engine import ffmpeg
from mixtape_site import checks


def fake_ffmpeg(folder, version, encoders):
    """A program that answers like an ffmpeg of that version with those encoders."""
    lines = "".join(f"echo ' A....D {name} x'\n" for name in encoders)
    path = folder / "ffmpeg"
    first = f"echo 'ffmpeg version {version} Copyright'"
    path.write_text(f'#!/bin/sh\nif [ "$1" = -version ]; then {first}; else {lines} fi\n')
    path.chmod(0o755)
    return str(path)


def test_the_pinned_ffmpeg_is_fine(settings):
    settings.FFMPEG = None
    assert checks.check_ffmpeg(None) == []


def test_a_missing_ffmpeg_is_named_with_its_cure(settings, tmp_path):
    settings.FFMPEG = str(tmp_path / "nowhere")
    (error,) = checks.check_ffmpeg(None)
    assert error.id == "mixtape.E001"
    assert "nowhere" in error.msg and "MIXTAPE_FFMPEG" in error.hint


def test_an_ffmpeg_that_does_not_start_is_named(settings, tmp_path):
    path = tmp_path / "ffmpeg"
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)
    settings.FFMPEG = str(path)
    (error,) = checks.check_ffmpeg(None)
    assert error.id == "mixtape.E001"


def test_an_old_ffmpeg_and_a_missing_encoder_are_named(settings, tmp_path):
    encoders = [name for name in ffmpeg.NEEDED_ENCODERS if name != "libmp3lame"]
    settings.FFMPEG = fake_ffmpeg(tmp_path, "4.4.1", encoders)
    old, missing = checks.check_ffmpeg(None)
    assert (old.id, missing.id) == ("mixtape.E002", "mixtape.E003")
    assert "4.4.1" in old.msg and "libmp3lame" in missing.msg


def test_folders_that_can_be_made_are_fine(settings, tmp_path):
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path / "var" / "deep", tmp_path
    assert checks.check_folders(None) == []


def test_an_unwritable_folder_is_named_with_its_setting(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "file" / "media"
    (error,) = checks.check_folders(None)
    assert error.id == "mixtape.E004" and "MIXTAPE_MEDIA_DIR" in error.hint
