"""The video file of an open publication: a hard link to the mix's file, safe from its deletion."""

from pathlib import Path

from django.conf import settings

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.disk import fsync_path
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.work_folder import link_or_copy
from mixes.models import Artifact
from mixes.services import storage
from youtube_integration.models import YouTubePublication

KIND = "publish"  # name of its folder below scratch/
NAME = "video.mp4"


def folder_of(publication: YouTubePublication) -> Path:
    """Return the folder of an open publication's files."""
    return storage.scratch_path(KIND, publication.pk)


def store(publication: YouTubePublication, artifact: Artifact) -> None:
    """Link a mix's video into the publication's folder and set the row's columns, without saving the row."""
    folder = folder_of(publication)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    link_or_copy(storage.path_of(artifact.file), path)
    fsync_path(folder)
    status = path.stat()
    publication.file = path.relative_to(settings.MEDIA_ROOT).as_posix()
    publication.size = status.st_size
    publication.changed_ns = status.st_mtime_ns
    publication.sha256 = artifact.sha256


def path_of(publication: YouTubePublication) -> Path:
    return storage.path_of(publication.file)


def is_unchanged(publication: YouTubePublication, should_stop: ShouldStop = never) -> bool:
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


def remove(publication: YouTubePublication) -> None:
    """Remove the folder of a closed publication."""
    storage.remove_folder(folder_of(publication))
