"""The files of an open publication: a hard link to the mix's file, safe from its deletion, and a picture."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.disk import fsync_path
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.work_folder import link_or_copy
from mixes.models import Artifact
from mixes.services import storage
from mixes.services.limits import full_disk_reported
from publishing.models import Publication
from publishing.protocol import publisher_of


def folder_of(publication: Publication) -> Path:
    """Return the folder of an open publication's files."""
    return storage.scratch_path(publication.FOLDER, publication.pk)


def store(publication: Publication, artifact: Artifact) -> None:
    """Link a mix's file into the publication's folder and set the row's columns, without saving the row."""
    folder = folder_of(publication)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / publication.FILE_NAME
    link_or_copy(storage.path_of(artifact.file), path)
    fsync_path(folder)
    status = path.stat()
    publication.file = path.relative_to(settings.MEDIA_ROOT).as_posix()
    publication.size = status.st_size
    publication.changed_ns = status.st_mtime_ns
    publication.sha256 = artifact.sha256


def path_of(publication: Publication) -> Path:
    return storage.path_of(publication.file)


def is_unchanged(publication: Publication, should_stop: ShouldStop = never) -> bool:
    """Return whether the file is unchanged since the upload began; hashes it only if its mtime differs.

    Raises Cancelled.
    """
    try:
        status = path_of(publication).stat()
    except (OSError, ValueError):
        return False
    if status.st_size != publication.size:
        return False
    if status.st_mtime_ns == publication.changed_ns:
        return True
    return hash_file(path_of(publication), should_stop) == publication.sha256


def store_picture(publication: Publication, jpeg: bytes) -> None:
    """Store a picture next to the file and set the row's columns, without saving the row.

    Raises LimitReached when the disk is full.
    """
    path = folder_of(publication) / "thumbnail.jpg"
    publication.thumbnail = path.relative_to(settings.MEDIA_ROOT).as_posix()
    for name, value in publisher_of(publication).new_picture.items():
        setattr(publication, name, value)
    part = path.with_suffix(".part")
    with full_disk_reported(_("The site's disk is full, so nothing was published. Try again later.")):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(jpeg)
        storage.store(part, publication.thumbnail)


def picture_path(publication: Publication) -> Path | None:
    """Return the path of the picture, or None when there is none."""
    path = storage.path_of(publication.thumbnail) if publication.thumbnail else None
    return path if path and path.is_file() else None


def columns_of(publication: Publication) -> dict[str, Any]:
    """Return the columns that `store` and `store_picture` set, to be written with an update."""
    names = ("file", "size", "sha256", "changed_ns", "thumbnail", *publisher_of(publication).new_picture)
    return {name: getattr(publication, name) for name in names}


def remove(publication: Publication) -> None:
    """Remove the folder of a closed publication."""
    storage.remove_folder(folder_of(publication))
