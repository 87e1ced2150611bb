"""The demo set: generated songs and a mix of them."""

import tempfile
from collections.abc import Container
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import DEMO_SONGS, Song, write_song
from mixes.models import Mix, Track
from mixes.services import storage
from mixes.services.editing import edits
from mixes.services.library.uploads import append_bytes, create_upload
from mixes.services.limits import check_file

SUFFIX = ".mp3"


def add_demo_set(owner: User) -> Mix:
    """Return `owner`'s mix of the demo songs, creating it if needed. Raises LimitReached and EngineError."""
    title = _("Mixtape demo")
    if mix := _find(owner, title):
        return mix
    ready = _tracks_there(owner)
    scratch = storage.path_of(storage.SCRATCH)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        files = _write_missing(ready, Path(folder))
        if files:
            check_file(owner, sum(path.stat().st_size for path in files.values()))
        mix, is_new = _find_or_make(owner, title)
        for song in DEMO_SONGS if is_new else ():
            if song in files:
                _upload(owner, mix, files[song])
            else:
                edits.append_tracks(mix, [ready[_name(song)]])
    return mix


def _find(owner: User, title: str) -> Mix | None:
    return Mix.objects.filter(owner=owner, title=title, deleted_at=None).first()


def _find_or_make(owner: User, title: str) -> tuple[Mix, bool]:
    """Return the mix and whether it is new; a second concurrent request finds the first one's mix."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)
        mix = _find(owner, title)
        return (mix, False) if mix else (edits.create_mix(owner, title), True)


def _name(song: Song) -> str:
    return f"{song.file_stem}{SUFFIX}"


def _tracks_there(owner: User) -> dict[str, Track]:
    """Return the demo songs `owner` has already, by file name."""
    names = [_name(song) for song in DEMO_SONGS]
    there = Track.objects.filter(owner=owner, name__in=names, deleted_at=None, state=Track.State.READY)
    return {track.name: track for track in there}


def _write_missing(ready: Container[str], folder: Path) -> dict[Song, Path]:
    ffmpeg = find_ffmpeg(settings.FFMPEG)
    missing = [song for song in DEMO_SONGS if _name(song) not in ready]
    return {song: write_song(ffmpeg, song, folder / _name(song)) for song in missing}


def _upload(owner: User, mix: Mix, path: Path) -> None:
    """Upload a song as its owner would, so that it is analysed."""
    upload = create_upload(owner, path.name, path.stat().st_size, mix=mix)
    with path.open("rb") as stream:
        append_bytes(upload, 0, stream)
