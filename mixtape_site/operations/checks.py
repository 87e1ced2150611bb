"""System checks for tools, folders and keys (`manage.py check`), each with a fix."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from mixes.engine.errors import EngineError
from mixes.engine.processes import ffmpeg
from mixes.engine.processes.sandbox import can_restrict_files
from mixtape_site.configuration.addresses import is_loopback

GROUP_AND_OTHERS = 0o077  # permission bits of a file's group and of others

INSTALL_HINT = (
    "Leave MIXTAPE_FFMPEG empty to use the ffmpeg that comes with requirements.txt, "
    "or let it name an ffmpeg with libmp3lame, aac and libx264."
)


def check_ffmpeg(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check for an ffmpeg of a supported version with every encoder we use."""
    try:
        path = ffmpeg.find_ffmpeg(settings.FFMPEG)
        version = ffmpeg.version(path)
        missing = ffmpeg.missing_encoders(path)
    except EngineError as error:
        return [Error(f"ffmpeg cannot be used: {error}", hint=INSTALL_HINT, id="mixtape.E001")]
    found: list[CheckMessage] = []
    major = ffmpeg.major_version(version)
    if major is not None and major < ffmpeg.OLDEST_MAJOR:
        text = f"{path} is ffmpeg {version}; at least version {ffmpeg.OLDEST_MAJOR} is needed."
        found.append(Error(text, hint=INSTALL_HINT, id="mixtape.E002"))
    if missing:
        text = f"{path} was built without {', '.join(missing)}."
        found.append(Error(text, hint=INSTALL_HINT, id="mixtape.E003"))
    return found


def check_folders(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the data and media folders are writable."""
    folders = {"MIXTAPE_DATA_DIR": settings.DATA_DIR, "MIXTAPE_MEDIA_DIR": settings.MEDIA_ROOT}
    return [
        Error(
            f"The folder {folder} cannot be written to.",
            hint=f"Give the user that runs Mixtape the right to write there, or name another in {name}.",
            id="mixtape.E004",
        )
        for name, folder in folders.items()
        if not is_writable(Path(folder))
    ]


def check_sandbox(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the kernel can restrict ffmpeg's access to files (Landlock)."""
    if can_restrict_files():
        return []
    text = "This system has no Landlock: ffmpeg is restricted by format lists and limits only."
    hint = "Linux 5.13 or newer with Landlock enabled restricts it to the uploaded file."
    return [Warning(text, hint=hint, id="mixtape.W001")]


def check_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the site's user can read and write its keys, and nobody else can read them."""
    folder = Path(settings.DATA_DIR) / "keys"
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return [unusable_keys(folder)]
    files = [path for path in sorted(folder.glob("*")) if path.is_file()]
    open_files = [path for path in files if path.stat().st_mode & GROUP_AND_OTHERS]
    unusable = [unusable_keys(path) for path in files if not os.access(path, os.R_OK)]
    return unusable + [
        Warning(
            f"{path} can be read by other users of this machine.",
            hint=f"Restrict it with `chmod 600 {path}`. If others could read it, delete it to get a new one.",
            id="mixtape.W002",
        )
        for path in open_files
    ]


def unusable_keys(path: Path) -> CheckMessage:
    return Error(
        f"{path} cannot be used: each process uses a temporary key of its own.",
        hint="Give it to the user that runs Mixtape.",
        id="mixtape.E005",
    )


def check_reach(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that a site others can reach has its URL and proxy set, and no open demo account."""
    found: list[CheckMessage] = []
    if not is_loopback(settings.BIND) and not settings.HAS_URL:
        text = f"The site listens on {settings.BIND} and does not know the address people use for it."
        hint = "Set MIXTAPE_URL, such as https://mixtape.example.org; other addresses are refused."
        found.append(Warning(text, hint=hint, id="mixtape.W003"))
    if settings.SITE.is_https and not settings.TRUSTED_PROXIES:
        text = "MIXTAPE_URL is https, so there is a proxy in front, but none is trusted for client addresses."
        hint = "Set MIXTAPE_TRUSTED_PROXIES=1, or all users share the rate limits of one address."
        found.append(Warning(text, hint=hint, id="mixtape.W004"))
    if settings.DEMO_ACCOUNT and not settings.SITE.is_loopback:
        text = "The demo account is on, and others can reach this site."
        hint = "Remove MIXTAPE_DEMO_ACCOUNT; everybody who knows the password shares one library."
        found.append(Warning(text, hint=hint, id="mixtape.W005"))
    return found


def is_writable(folder: Path) -> bool:
    """Return whether files can be created in `folder`, or the folder itself where it is missing."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
