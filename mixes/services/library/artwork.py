"""Artwork: pictures are validated before they are stored, and shown as a re-encoded copy."""

import tempfile
import uuid
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.engine.errors import PictureError
from mixes.engine.pictures.pictures import safe_picture, save_jpeg
from mixes.engine.pipeline.work_folder import lock
from mixes.models import Artwork, MixJob, Revision, Show
from mixes.services import limits, storage
from mixes.services.library.scratch import PICTURE
from mixes.services.library.uploads import clean_name

DISPLAY_SIZE = (1280, 720)


class PictureRefused(Exception):
    """A picture that cannot be used; str() is a sentence with the reason."""


def add_artwork(owner: User, file: "UploadedFile[Any]") -> Artwork:
    """Store a picture for the video. Raises LimitReached, DiskFull and PictureRefused."""
    name = clean_name(file.name or "")
    limits.check_picture(owner, file.size or 0)
    pk = uuid.uuid4()
    stem = f"{storage.PICTURES}/{pk.hex[:2]}/{pk.hex}"
    with (
        limits.full_disk_reported(
            _("The site's disk is full, so the picture was not added. Try again later.")
        ),
        tempfile.TemporaryDirectory(dir=storage.uploads_folder(), prefix=PICTURE) as folder,
        lock(Path(folder)),
    ):
        source, safe, shown = (Path(folder, part) for part in ("source", "safe.png", "shown.jpg"))
        with source.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        try:
            safe_picture(source, DISPLAY_SIZE, safe, name=name)
        except PictureError as error:
            raise PictureRefused(str(error)) from error
        save_jpeg(safe, shown)
        size = source.stat().st_size + shown.stat().st_size
        with storage.removed_on_error(), transaction.atomic():
            User.objects.select_for_update().get(pk=owner.pk)  # counts concurrent requests in turn
            limits.check_storage(owner, size)
            storage.store(source, stem)
            storage.store(shown, f"{stem}.jpg")
            return Artwork.objects.create(
                pk=pk, owner=owner, name=name, file=stem, shown_file=f"{stem}.jpg", size=size
            )


def purge_artwork(artwork: Artwork) -> None:
    """Delete a picture for good; mixes that use it get a generated one."""
    files = [artwork.file, artwork.shown_file]
    with transaction.atomic():
        artwork.delete()
        for name in files:
            transaction.on_commit(partial(storage.remove, name))


def find_unused(before: datetime) -> list[Artwork]:
    """Return pictures added before `before` that no mix, revision, show or job refers to."""
    unshown = list(Artwork.objects.filter(created_at__lt=before, mixes=None))
    owners = {artwork.owner_id for artwork in unshown}
    revisions = Revision.objects.filter(mix__owner__in=owners)
    kept = set(revisions.values_list("arrangement__artwork_id", flat=True).distinct())
    kept |= set(Show.objects.filter(owner__in=owners).values_list("preset__artwork_id", flat=True).distinct())
    runs = MixJob.objects.filter(owner__in=owners)
    made = set(runs.values_list("snapshot__picture", flat=True).distinct())
    return [artwork for artwork in unshown if str(artwork.pk) not in kept and artwork.file not in made]
