"""Thumbnails: 1280 x 720 pixels, JPEG, within YouTube's size limit."""

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from mixes.engine.errors import PictureError
from mixes.engine.pictures.pictures import generated_picture, safe_picture
from mixes.models import Artwork, MixJob
from mixes.services import storage
from mixes.services.library.kept_pictures import kept_picture, picture_folder, to_jpeg
from mixes.services.library.uploads import clean_name
from mixes.services.limits import LimitReached, full_disk_reported

SIZE = (1280, 720)
MAX_BYTES = 2_000_000  # YouTube's limit before September 2026; enough for this size
KEPT = "thumbnail"  # kind of the scratch folders that hold drawn thumbnails


def thumbnail_of(job: MixJob) -> bytes:
    """Return the picture of a job as JPEG."""
    return kept_picture(KEPT, UUID(picture_key(job)), lambda: draw_thumbnail(job))


def draw_thumbnail(job: MixJob) -> bytes:
    """Draw the picture of a job as JPEG: the owner's own, or one drawn from title and sound."""
    if own := own_picture(job):
        return to_jpeg(own, MAX_BYTES)
    percents = (job.outline or {}).get("bars", ())
    peaks = [(-percent / 100, percent / 100) for percent in percents]
    with picture_folder() as folder:
        drawn = folder / "drawn.png"
        generated_picture(job.title, job.snapshot["artist"], peaks, SIZE, drawn)
        return to_jpeg(drawn, MAX_BYTES)


def read_thumbnail(file: "UploadedFile[Any]") -> bytes:
    """Return an uploaded (untrusted) picture re-encoded as JPEG. Raises LimitReached."""
    most = settings.LIMITS.picture_bytes
    if (file.size or 0) > most:
        raise LimitReached(_("A picture may have %s at most.") % filesizeformat(most))
    full = _("The site's disk is full, so the picture was not added. Try again later.")
    with full_disk_reported(full), picture_folder() as folder:
        source, safe = folder / "source", folder / "safe.png"
        with source.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        try:
            safe_picture(source, SIZE, safe, name=clean_name(file.name or ""))
        except PictureError as error:
            raise LimitReached(str(error)) from error
        return to_jpeg(safe, MAX_BYTES)


def own_picture(job: MixJob) -> Path | None:
    """Return the file of the picture that the owner chose, if it is still there."""
    picture = job.snapshot["picture"]
    artwork = Artwork.objects.filter(owner_id=job.owner_id, file=picture).first() if picture else None
    path = storage.path_of(artwork.shown_file) if artwork else None
    return path if path and path.is_file() else None


def picture_key(job: MixJob) -> str:
    """Return a key that changes whenever `draw_thumbnail` would draw another picture."""
    percents = (job.outline or {}).get("bars", ())
    own = own_picture(job)
    parts = [own.name if own else "", job.title, job.snapshot["artist"], *percents]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
