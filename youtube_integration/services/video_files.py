"""The video of an open publication: a second name of the mix's own file, so that no deletion takes it."""

from pathlib import Path

from django.conf import settings

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.disk import fsync_path
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.reuse import link_or_copy
from mixes.models import Artifact
from mixes.services import storage
from youtube_integration.models import YouTubePublication

KIND = "publish"  # of its folder below scratch/
NAME = "video.mp4"


def folder_of(publication: YouTubePublication) -> Path:
    """Return where an open publication has its files."""
    return storage.scratch_path(KIND, publication.pk)


def store(publication: YouTubePublication, artifact: Artifact) -> None:
    """Link a mix's video into the publication's folder; sets the row's columns, and does not save them."""
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
    """Tell whether the file is what the upload began with; read whole only if its time differs.

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
    """Remove the folder of a publication that has ended."""
    storage.remove_folder(folder_of(publication))
