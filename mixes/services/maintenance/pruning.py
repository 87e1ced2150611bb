"""Find expired rows and orphaned files, report them, then delete them.

Orphaned files are first moved to a bin, so that nothing is lost if the rows are wrong and not the files.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from mixes.leases import OPEN, job_models
from mixes.models import Artifact, Artwork, Mix, Preview, Track, Upload
from mixes.services import storage
from mixes.services.editing import edits
from mixes.services.library import artwork, tracks, uploads

ORPHAN_AGE_S = 24 * 3600  # a row may soon name a younger file
SCRATCH_AGE_S = 24 * 3600  # a job retried within a day reuses its scratch folder
PICTURE_RETENTION = timedelta(days=1)  # for pictures without a reference
FINISHED_UPLOAD_RETENTION = timedelta(days=1)  # the client may have missed the response
BIN_DAYS = 30
MAX_ORPHAN_SHARE = 0.05  # of all files; more orphans than this point to the wrong database
FILE_COLUMNS: tuple[tuple[Any, str], ...] = (
    (Track, "file"),
    (Artwork, "file"),
    (Artwork, "shown_file"),
    (Preview, "file"),
    (Artifact, "file"),
)


class WrongDatabase(Exception):
    """Too many files are orphaned, so the database may be the wrong one; str() is a sentence."""


@dataclass(frozen=True, slots=True)
class Rubbish:
    """Everything that could be deleted."""

    files: int  # all files, with the orphans
    uploads: tuple[Upload, ...]  # unfinished and expired
    answered_uploads: tuple[UUID, ...]  # finished long ago: only the row
    mixes: tuple[Mix, ...]
    tracks: tuple[Track, ...]
    pictures: tuple[Artwork, ...]  # without a reference
    orphans: tuple[str, ...]
    scratch: tuple[Path, ...]
    binned: tuple[Path, ...]  # orphans moved to the bin long ago

    @property
    def is_empty(self) -> bool:
        return not any(
            (
                self.uploads,
                self.answered_uploads,
                self.mixes,
                self.tracks,
                self.pictures,
                self.orphans,
                self.scratch,
                self.binned,
            )
        )

    def check_orphans(self) -> None:
        """Raise WrongDatabase when too many files are orphaned."""
        if len(self.orphans) > MAX_ORPHAN_SHARE * self.files:
            raise WrongDatabase(
                f"{len(self.orphans)} of {self.files} files in {settings.MEDIA_ROOT} are unknown to this "
                "database. This looks like the wrong database or the wrong folder. "
                "Nothing was removed."
            )


def find_rubbish() -> Rubbish:
    """Find everything that could be deleted; changes nothing."""
    # list files before rows: a row written meanwhile then has its file
    names = list(storage.stored_names())
    parts = list(storage.stored_names((storage.UPLOADS,)))
    old = timezone.now() - timedelta(days=settings.LIMITS.bin_days)
    return Rubbish(
        files=len(names) + len(parts),
        uploads=tuple(uploads.expired()),
        answered_uploads=tuple(
            Upload.objects.filter(finished_at__lt=timezone.now() - FINISHED_UPLOAD_RETENTION).values_list(
                "pk", flat=True
            )
        ),
        mixes=tuple(Mix.objects.filter(deleted_at__lt=old)),
        tracks=tuple(Track.objects.filter(deleted_at__lt=old)),
        pictures=tuple(artwork.find_unused(timezone.now() - PICTURE_RETENTION)),
        orphans=tuple(find_orphans(names, referenced_names()) + find_orphans(parts, referenced_parts())),
        scratch=tuple(find_stale_scratch()),
        binned=tuple(find_old_bins()),
    )


def referenced_names() -> set[str]:
    """Return every file that a row names, and those of uploads interrupted before their row was updated."""
    arriving = Upload.objects.filter(finished_at=None).values_list("track_id", flat=True)
    columns = (model.objects.values_list(column, flat=True) for model, column in FILE_COLUMNS)
    return {name for column in columns for name in column if name} | set(map(tracks.file_name, arriving))


def referenced_parts() -> set[str]:
    pks = Upload.objects.values_list("pk", flat=True)
    return {storage.upload_path(pk).relative_to(settings.MEDIA_ROOT).as_posix() for pk in pks}


def find_orphans(names: Iterable[str], known: set[str]) -> list[str]:
    return [name for name in names if name not in known and age_s(storage.path_of(name)) > ORPHAN_AGE_S]


def find_stale_scratch() -> list[Path]:
    """Return scratch folders without an open job that have not been used for a day."""
    folders = [path for path in storage.path_of(storage.SCRATCH).glob("*") if age_s(path) > SCRATCH_AGE_S]
    open_jobs = {
        pk.hex
        for kind in job_models()
        for pk in kind.objects.filter(state__in=OPEN).values_list("pk", flat=True)
    }
    return [path for path in folders if path.name.rpartition("-")[2] not in open_jobs]


def find_old_bins() -> list[Path]:
    oldest = timezone.localdate() - timedelta(days=BIN_DAYS)
    return [path for path in sorted(storage.path_of(storage.BIN).glob("*")) if _day_of(path) < oldest]


def _day_of(path: Path) -> date:
    try:
        return date.fromisoformat(path.name)
    except ValueError:  # not created by this site
        return date.max


def age_s(path: Path) -> float:
    """Return seconds since a path was last written, renamed or moved; 0 when it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0.0
    return time.time() - max(status.st_mtime, status.st_ctime)


def size_of(paths: Iterable[Path]) -> int:
    """Return the bytes of files and folders."""
    found = (path.rglob("*") if path.is_dir() else (path,) for path in paths)
    return sum(path.stat().st_size for group in found for path in group if path.is_file())


def remove_rubbish(rubbish: Rubbish) -> None:
    """Delete what was found, after `check_orphans`; skips what was taken out of the bin meanwhile."""
    for upload in rubbish.uploads:
        uploads.discard_upload(upload)
    Upload.objects.filter(pk__in=rubbish.answered_uploads).delete()
    for mix in Mix.objects.filter(pk__in=[mix.pk for mix in rubbish.mixes], deleted_at__isnull=False):
        edits.purge_mix(mix)
    binned = [track.pk for track in rubbish.tracks]
    for track in Track.objects.filter(pk__in=binned, deleted_at__isnull=False):
        tracks.purge_track(track)
    unused = {picture.pk for picture in rubbish.pictures}
    for picture in artwork.find_unused(timezone.now() - PICTURE_RETENTION):
        if picture.pk in unused:
            artwork.purge_artwork(picture)
    today = timezone.localdate().isoformat()
    for name in rubbish.orphans:
        storage.move_to_bin(name, today)
    for folder in (*rubbish.scratch, *rubbish.binned):
        storage.remove_folder(folder)
