"""A show as one file: a ZIP of its settings as JSON, its picture, its intro and its outro."""

import contextlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.engine.filenames import safe_name
from mixes.engine.pipeline.work_folder import lock
from mixes.models import Artwork, Mix, Show, Track
from mixes.services import limits, storage
from mixes.services.editing.arrangement import SETTINGS, Arrangement, arrangement_of
from mixes.services.library.artwork import PictureRefused, add_artwork
from mixes.services.library.scratch import FORM
from mixes.services.library.uploads import NotMusic, add_file
from mixes.services.limits import LimitReached
from mixes.services.shows.presets import create_show, preset_of

FORMAT = 1
ABOUT = (
    "name",
    "title_pattern",
    "next_number",
    "ends_unlisted",
    "privacy",
    "publish_hour",
    "playlist",
    "tags",
    "description",
    "explicit",
)
JSON_NAME = "show.json"
MOST_JSON_BYTES = 1 << 20
LEFT_ALONE = ("title", "artwork_id")  # settings that a file does not carry as values
PIECE_BYTES = 1 << 20
# what `zipfile` raises for damaged, encrypted and unknown archives
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)


class BadShowFile(Exception):
    """The file holds no show; str() is a sentence."""


@dataclass(frozen=True, slots=True)
class ShowFile:
    """An opened file of a show, not yet checked: what it says about the show, and the settings."""

    archive: zipfile.ZipFile
    about: Mapping[str, Any]
    preset: Arrangement
    files: Mapping[str, str]  # "picture", "intro", "outro": name in the archive


def described(show: Show) -> dict[str, Any]:
    """Return what a show's file says, with the names of the files beside it."""
    about = {name: getattr(show, name) for name in ABOUT}
    about["publish_hour"] = show.publish_hour and show.publish_hour.strftime("%H:%M")
    preset = {name: value for name, value in preset_of(show).settings().items() if name not in LEFT_ALONE}
    names = {what: name for what, (name, _stored) in files_of(show).items()}
    return {"format": FORMAT, "about": about, "settings": preset, "files": names}


def files_of(show: Show) -> dict[str, tuple[str, str]]:
    """Return name in the archive and name in storage of each: picture, intro and outro, where there are."""
    pk = preset_of(show).artwork_id
    picture = Artwork.objects.filter(owner=show.owner_id, pk=pk).first() if pk else None
    found = {"picture": (picture.name, picture.file)} if picture else {}
    for what, track in (("intro", show.intro), ("outro", show.outro)):
        if track and track.file and track.deleted_at is None:
            found[what] = (track.name, track.file)
    return {what: (f"{what}/{safe_name(name)}", stored) for what, (name, stored) in found.items()}


def open_show_file(file: IO[bytes]) -> ShowFile:
    """Open the file of a show. Raises BadShowFile."""
    try:
        archive = zipfile.ZipFile(file)
        data = json.loads(_read(archive, JSON_NAME, MOST_JSON_BYTES))
        if data["format"] != FORMAT:
            raise ValueError(f"There is no format {data['format']!r}.")
        there = set(archive.namelist())
        files = {what: name for what, name in _scalars(data, "files").items() if name in there}
        return ShowFile(archive, _scalars(data, "about"), _preset(data), files)
    except (*BROKEN, KeyError, TypeError, ValueError) as error:
        raise BadShowFile(_("This file holds no show. Choose one that “Take along” has made.")) from error


def add_show(
    owner: User, opened: ShowFile, about: Mapping[str, Any], preset: Mapping[str, Any]
) -> tuple[Show, tuple[str, ...]]:
    """Add a show with checked values; return it with sentences on what was left out. Raises LimitReached."""
    show = create_show(owner, **about, preset=_plain(preset))
    notes = []
    for what in ("picture", "intro", "outro"):
        try:
            _add_file(show, opened, what)
        except (LimitReached, PictureRefused, NotMusic) as error:
            notes.append(f"{opened.files[what].rpartition('/')[2]}: {error}")
        except BROKEN:
            notes.append(_("%s is damaged, so it was left out.") % opened.files[what].rpartition("/")[2])
    return show, tuple(notes)


def _add_file(show: Show, opened: ShowFile, what: str) -> None:
    if what not in opened.files:
        return
    owner, name = show.owner, opened.files[what].rpartition("/")[2]
    most = settings.LIMITS.picture_bytes if what == "picture" else settings.LIMITS.file_bytes
    with _unpacked(owner, opened.archive, opened.files[what], most) as path:
        if what == "picture":
            with path.open("rb") as stream:
                picture = add_artwork(owner, UploadedFile(stream, name, size=path.stat().st_size))
            show.preset = {**show.preset, "artwork_id": str(picture.pk)}
        else:
            setattr(show, what, Track.objects.get(pk=add_file(owner, name, path, mix=None).track_id))
    show.save()


@contextlib.contextmanager
def _unpacked(owner: User, archive: zipfile.ZipFile, name: str, most: int) -> Iterator[Path]:
    """Write one file of the archive to the media disk, at most `most` bytes of it. Raises LimitReached."""
    limits.check_file(owner, min(archive.getinfo(name).file_size, most))
    with (
        tempfile.TemporaryDirectory(dir=storage.uploads_folder(), prefix=FORM) as folder,
        lock(Path(folder)),
    ):
        path, size = Path(folder, "file"), 0
        with archive.open(name) as source, path.open("wb") as copy:
            while piece := source.read(PIECE_BYTES):
                size += len(piece)
                if size > most:
                    raise LimitReached(_("it is larger than a file may be."))
                copy.write(piece)
        yield path


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as entry:
        content = entry.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} has more than {most} bytes.")
    return content


def _scalars(data: Any, part: str) -> dict[str, Any]:
    """Return the simple values of a part; forms check what they are."""
    if not isinstance(data, dict) or not isinstance(data.get(part), dict):
        raise ValueError(f"There is no part {part!r}.")
    return {name: value for name, value in data[part].items() if isinstance(value, str | int | float | bool)}


def _preset(data: Any) -> Arrangement:
    """Return the settings of a file; missing ones, such as later ones, are the default's."""
    default = _default_settings()
    given = _scalars(data, "settings")
    if "look" in data["settings"]:
        given["look"] = {**_scalars(data["settings"], "look")}
    return Arrangement(**default | {name: given.get(name) for name in SETTINGS if name in data["settings"]})


def _default_settings() -> dict[str, Any]:
    """Return the settings of a new mix."""
    return arrangement_of(Mix()).settings()


def _plain(preset: Mapping[str, Any]) -> dict[str, Any]:
    values = {**_default_settings(), **preset, "title": "", "artwork_id": None}
    return Arrangement(**values).to_json()
