"""Limits per user and for the disk, checked before anything is received, with a sentence for the user."""

import contextlib
import errno
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from mixes.engine.errors import DiskFullError
from mixes.models import Artifact, Artwork, Mix, Track, Upload
from mixes.services import storage

RESERVED_SHARE = 0.1  # of the free disk, at most, for the announced files of one user
MOVING_FOR = timedelta(hours=1)  # an upload that was not used for longer reserves nothing
FULL_DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT)


class LimitReached(Exception):
    """A limit forbids the request; str() is the sentence for the user."""


class DiskFull(LimitReached):
    """The site's disk is full, which is not the user's fault."""


@contextlib.contextmanager
def full_disk_reported(sentence: str) -> Iterator[None]:
    """Raise DiskFull with `sentence` when a write inside the block finds the disk full."""
    try:
        yield
    except DiskFullError as error:
        raise DiskFull(sentence) from error
    except OSError as error:
        if error.errno not in FULL_DISK_ERRNOS:
            raise
        raise DiskFull(sentence) from error


def check_file(owner: User, size: int) -> None:
    """Raise LimitReached when `owner` may not add a file of `size` bytes."""
    if size < 1:
        raise LimitReached(_("This file is empty. Choose another copy of it."))
    if size > settings.LIMITS.file_bytes:
        raise LimitReached(
            _("This file has %(size)s; a file may have %(most)s at most.")
            % {"size": filesizeformat(size), "most": filesizeformat(settings.LIMITS.file_bytes)}
        )
    check_storage(owner, size)
    check_disk(owner, size)


def check_storage(owner: User, size: int) -> None:
    """Raise LimitReached when `size` more bytes would exceed `owner`'s storage."""
    left = storage_left(owner)
    if size > left:
        raise LimitReached(
            _(
                "There is no room for this file: it has %(size)s and %(left)s of your %(all)s are free. "
                "Delete tracks or mixes that you do not need, and empty the bin."
            )
            % {
                "size": filesizeformat(size),
                "left": filesizeformat(max(0, left)),
                "all": filesizeformat(settings.LIMITS.storage_bytes),
            }
        )


def check_disk(owner: User, size: int) -> None:
    """Raise DiskFull when the disk cannot hold `size` bytes in addition to the open uploads.

    The uploads of others count as far as they move, and no user reserves more than RESERVED_SHARE of the
    disk: announcing files that never come does not stop anybody else.
    """
    free = storage.free_bytes() - settings.LIMITS.free_disk_bytes
    coming = incoming_bytes()
    own = coming.pop(owner.pk, 0)
    most = int(max(0, free) * RESERVED_SHARE)
    if free - own - sum(min(bytes_of_one, most) for bytes_of_one in coming.values()) < size:
        raise DiskFull(
            _("The site's disk is almost full, so nothing can be added now. What you have is safe.")
        )


def check_open_uploads(owner: User) -> None:
    """Raise LimitReached when `owner` has too many unfinished uploads."""
    most = settings.LIMITS.uploads_open
    if open_uploads(owner) >= most:
        raise LimitReached(
            ngettext(
                "%(most)s file is on its way already. Let it arrive or remove it first.",
                "%(most)s files are on their way already. Let some arrive or remove them first.",
                most,
            )
            % {"most": number_format(most)}
        )


def check_tracks(mix: Mix) -> None:
    """Raise LimitReached when a mix has the maximum number of tracks."""
    most = settings.LIMITS.tracks_per_mix
    if mix.items.count() >= most:
        raise LimitReached(
            ngettext(
                "A mix may have %(most)s track, and this one has.",
                "A mix may have %(most)s tracks, and this one has as many.",
                most,
            )
            % {"most": number_format(most)}
        )


def check_mixes(owner: User) -> None:
    """Raise LimitReached when `owner` has the maximum number of mixes, including those in the bin."""
    most = settings.LIMITS.mixes_per_user
    if Mix.objects.filter(owner=owner).count() >= most:
        raise LimitReached(
            _("You have %(most)s mixes, including those in the bin, and that is the most you can have. ")
            % {"most": number_format(most)}
            + _("Nothing you have is lost; to start another, ask who runs this site for more.")
        )


def check_library(owner: User) -> None:
    """Raise LimitReached when `owner` has the maximum number of tracks, including those in the bin."""
    most = settings.LIMITS.tracks_per_user
    if Track.objects.filter(owner=owner).count() >= most:
        raise LimitReached(
            _("Your library has %(most)s tracks, including those in the bin. It cannot hold more.")
            % {"most": number_format(most)}
        )


def check_picture(owner: User, size: int) -> None:
    """Raise LimitReached when a picture of `size` bytes may not be added."""
    most = settings.LIMITS.pictures_per_user
    if Artwork.objects.filter(owner=owner).count() >= most:
        raise LimitReached(
            ngettext(
                "You have added %(most)s picture, and that is the most you can add.",
                "You have added %(most)s pictures, and that is the most you can add.",
                most,
            )
            % {"most": number_format(most)}
        )
    if size > settings.LIMITS.picture_bytes:
        raise LimitReached(
            _("This picture has %(size)s; a picture may have %(most)s at most.")
            % {"size": filesizeformat(size), "most": filesizeformat(settings.LIMITS.picture_bytes)}
        )
    check_storage(owner, size)
    check_disk(owner, size)


def storage_left(owner: User) -> int:
    """Return the bytes that `owner` may still add; negative when a limit was lowered."""
    return settings.LIMITS.storage_bytes - storage_used(owner)


def storage_used(owner: User) -> int:
    """Return the bytes of tracks, pictures and results; a track counts in full when its upload is created."""
    sums = (
        Track.objects.filter(owner=owner).aggregate(bytes=Sum("size")),
        Artwork.objects.filter(owner=owner).aggregate(bytes=Sum("size")),
        Artifact.objects.filter(job__owner=owner).aggregate(bytes=Sum("size")),
    )
    return sum(found["bytes"] or 0 for found in sums)


def open_uploads(owner: User) -> int:
    """Return the number of uploads of `owner` that can still be finished."""
    return Upload.objects.filter(owner=owner, finished_at=None, expires_at__gt=timezone.now()).count()


def incoming_bytes() -> dict[int, int]:
    """Return the bytes that uploads have yet to receive, by owner; those that moved within MOVING_FOR."""
    unused = timedelta(days=settings.LIMITS.upload_days)  # an upload expires this long after its last use
    moving = Upload.objects.filter(finished_at=None, expires_at__gt=timezone.now() + unused - MOVING_FOR)
    sums = moving.order_by().values_list("owner").annotate(bytes=Sum(F("size") - F("offset")))
    return dict(sums)
