"""Files on their way: announced, received in pieces that survive any cut, finished once.

The part file is the truth about what came; the row says who may write to it. Bytes are written at their place
in the file, so two requests of one client that overlap for a moment write the same bytes to the same places.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.engine.tags.tags import tags_from_name
from mixes.engine.text import clean_text
from mixes.models import Mix, Track, Upload
from mixes.services import analyses, limits, rate_limits, storage
from mixes.services.editing import edits
from mixes.services.library import tracks

# bytes; small ones let a slow phone's file grow
MIN_READ, FIRST_READ, MAX_READ = 1 << 14, 1 << 16, 1 << 20
FAST_READ_S, SLOW_READ_S = 0.05, 0.5  # of one read: the next is larger, or smaller
WRITER_TIMEOUT_S = 5.0  # without a byte: the writer has gone, as a phone does that changes its network
NAME_LENGTH = 255


class WrongOffset(Exception):
    """The bytes offered do not begin where those received end."""


class UploadLocked(Exception):
    """Another request is bringing bytes of this upload."""


class TooManyWriters(Exception):
    """Its owner is sending as many files as may be sent at once."""


class UploadGone(Exception):
    """It has expired or was removed."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class WaitingUpload:
    """An upload that nobody sends at the moment: its file, chosen again, goes on where it stopped."""

    pk: uuid.UUID
    track_pk: uuid.UUID
    name: str
    size: int
    received: int  # bytes
    expires_at: datetime


def create_upload(owner: User, name: str, size: int, *, mix: Mix | None) -> Upload:
    """Make the row of a file before its bytes come, at the end of `mix`.

    Raises LimitReached, DiskFull, TooFast.
    """
    rate_limits.check_rate(owner, "upload", settings.LIMITS.announced_per_minute)
    name = clean_name(name)
    with transaction.atomic():
        User.objects.select_for_update().get(
            pk=owner.pk
        )  # limits are not passed by two requests side by side
        limits.check_file(owner, size)
        limits.check_open_uploads(owner)
        limits.check_library(owner)
        if mix:
            limits.check_tracks(mix)
        tags = tags_from_name(name)
        track = Track.objects.create(
            owner=owner,
            name=name,
            size=size,
            title=tags.title,
            artist=tags.artist,
            track_number=tags.track_number,
        )
        upload = Upload.objects.create(owner=owner, track=track, size=size, expires_at=next_expiry())
        if mix:
            edits.append_tracks(mix, [track])
    return upload


def clean_name(name: str) -> str:
    """Return a file's name as it is shown: one line, without the folders some browsers send."""
    last = clean_text(name.replace("\\", "/").rpartition("/")[2])
    return last[:NAME_LENGTH] or _("file without a name")


def next_expiry() -> datetime:
    """Return until when an upload that is touched now can be gone on with."""
    return timezone.now() + timedelta(days=settings.LIMITS.upload_days)


def received_bytes(upload: Upload) -> int:
    """Return how many bytes are here, whatever the row says."""
    if upload.finished_at:
        return upload.size
    try:
        return min(storage.upload_path(upload.pk).stat().st_size, upload.size)
    except FileNotFoundError:
        kept = storage.path_of(tracks.file_name(upload.track_id))  # moved there before the rows knew of it
        return upload.size if kept.is_file() else 0


def is_being_written(upload: Upload) -> bool:
    """Tell whether a request holds it and its file has grown a moment ago."""
    if upload.writer is None or upload.writing_since is None:
        return False
    moves_s = [upload.writing_since.timestamp()]
    with contextlib.suppress(FileNotFoundError):  # not a byte may have come yet
        moves_s.append(storage.upload_path(upload.pk).stat().st_mtime)
    # a moment ago: one that is still to come is of before the clock was set back
    return any(abs(time.time() - moved_s) < WRITER_TIMEOUT_S for moved_s in moves_s)


def append_bytes(upload: Upload, offset: int, stream: Readable) -> int:
    """Append what `stream` brings, finish the upload when it is whole, and return its new offset.

    A stream that breaks off is no error: what came is kept. Raises WrongOffset, UploadLocked, TooManyWriters,
    UploadGone, DiskFull.
    """
    token = _lock_writer(upload, offset)
    try:
        end = _write(upload, token, offset, stream)
    finally:
        here = received_bytes(upload)
        held = Upload.objects.filter(pk=upload.pk, writer=token)
        if not held.update(writer=None, writing_since=None, offset=here):
            _remove_part_if_deleted(upload)
    if end == upload.size:
        finish_upload(upload)
    return end


def _remove_part_if_deleted(upload: Upload) -> None:
    """Remove what was written of an upload that was removed meanwhile."""
    if not Upload.objects.filter(pk=upload.pk).exists():
        storage.upload_path(upload.pk).unlink(missing_ok=True)


def sync_offset(upload: Upload) -> int:
    """Return the true offset; finish an upload whose last piece came in a request that died.

    Raises UploadGone when it has expired.
    """
    if has_expired(upload):
        raise UploadGone
    here = received_bytes(upload)
    if here == upload.size and not upload.finished_at and not is_being_written(upload):
        finish_upload(upload)
    return here


def finish_upload(upload: Upload) -> None:
    """Give the whole file its name and have it analysed. Harmless when repeated. Raises DiskFull."""
    name = tracks.file_name(upload.track_id)
    try:
        with limits.full_disk_reported(disk_full()):
            storage.store(storage.upload_path(upload.pk), name)
    except FileNotFoundError:
        if not storage.path_of(name).is_file():
            raise UploadGone from None
    with transaction.atomic():
        still_open = Upload.objects.filter(pk=upload.pk, finished_at=None)
        if not still_open.update(finished_at=timezone.now(), offset=upload.size, writer=None):
            if not Upload.objects.filter(pk=upload.pk).exists():  # removed while its file was moved
                storage.remove(name)
            return
        Track.objects.filter(pk=upload.track_id).update(state=Track.State.ANALYSING, file=name)
        analyses.request_analysis(Track.objects.get(pk=upload.track_id))


def add_file(owner: User, name: str, path: Path, *, mix: Mix | None) -> Upload:
    """Make a track of a file that came whole, such as by a plain form; `path` is on the media's disk.

    Raises LimitReached, DiskFull.
    """
    upload = create_upload(owner, name, path.stat().st_size, mix=mix)
    try:
        path.replace(storage.upload_path(upload.pk))
        finish_upload(upload)
    except limits.DiskFull:
        discard_upload(upload)  # a plain form sends it from its beginning again
        raise
    return upload


def discard_upload(upload: Upload) -> bool:
    """Forget an unfinished upload, its bytes and its track; False when it has arrived meanwhile."""
    with transaction.atomic():
        still_open = Upload.objects.select_for_update().filter(pk=upload.pk, finished_at=None)
        if not still_open.exists():
            return False
        tracks.remove_from_mixes(upload.track)
        upload.track.delete()
        part = storage.upload_path(upload.pk)
        transaction.on_commit(lambda: part.unlink(missing_ok=True))
    return True


def has_expired(upload: Upload) -> bool:
    """Tell whether it was not finished in time."""
    return not upload.finished_at and upload.expires_at <= timezone.now()


def expired() -> QuerySet[Upload]:
    """Return uploads that nobody finished in time, to be discarded."""
    return Upload.objects.select_related("track").filter(finished_at=None, expires_at__lte=timezone.now())


def waiting_uploads(owner: User, *, mix: Mix | None = None) -> list[WaitingUpload]:
    """Return the uploads of `owner` that wait for their file to be chosen again, the oldest first."""
    found = Upload.objects.select_related("track").filter(
        owner=owner, finished_at=None, expires_at__gt=timezone.now()
    )
    if mix:
        found = found.filter(track__places__mix=mix).distinct()
    return [
        WaitingUpload(
            upload.pk,
            upload.track_id,
            upload.track.name,
            upload.size,
            received_bytes(upload),
            upload.expires_at,
        )
        for upload in found.order_by("created_at")
        if not is_being_written(upload)
    ]


def _lock_writer(upload: Upload, offset: int) -> uuid.UUID:
    """Take the writer's token with one conditional UPDATE, and the row's offset to where the file ends."""
    if upload.finished_at or has_expired(upload):
        raise UploadGone
    if is_being_written(upload):
        raise UploadLocked
    if offset != received_bytes(upload):
        raise WrongOffset
    others = Upload.objects.filter(owner=upload.owner_id, finished_at=None, writer__isnull=False)
    if sum(map(is_being_written, others.exclude(pk=upload.pk))) >= settings.LIMITS.patches_at_once:
        raise TooManyWriters
    token = uuid.uuid4()
    taken = Upload.objects.filter(pk=upload.pk, finished_at=None, writer=upload.writer).update(
        writer=token, writing_since=timezone.now(), offset=offset, expires_at=next_expiry()
    )
    if not taken:
        raise UploadLocked
    return token


def _write(upload: Upload, token: uuid.UUID, offset: int, stream: Readable) -> int:
    """Write what the stream brings to its place in the part file; no transaction is open meanwhile."""
    file = os.open(storage.upload_path(upload.pk), os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        for block, waited_s in _blocks(stream, upload.size - offset):
            if waited_s > WRITER_TIMEOUT_S / 2 and not _has_lock(upload, token):
                raise UploadGone  # while this request waited, its client began another
            offset = _write_whole(file, block, offset)
    finally:
        os.close(file)
    return offset


def _blocks(stream: Readable, most: int) -> Iterator[tuple[bytes, float]]:
    """Yield up to `most` bytes as they come, with the seconds each block took, until the stream breaks."""
    size = FIRST_READ
    while most > 0:
        asked_s = time.monotonic()
        try:
            block = stream.read(min(size, most))
        except OSError:  # the client is gone
            return
        if not block:
            return
        waited_s = time.monotonic() - asked_s
        yield block, waited_s
        most -= len(block)
        if waited_s < FAST_READ_S:
            size = min(2 * size, MAX_READ)
        elif waited_s > SLOW_READ_S:
            size = max(size // 2, MIN_READ)


def _write_whole(file: int, block: bytes, offset: int) -> int:
    """Write a block at `offset` and return where it ends. Raises DiskFull."""
    rest = memoryview(block)
    with limits.full_disk_reported(disk_full()):
        while rest:
            count = os.pwrite(file, rest, offset)
            rest, offset = rest[count:], offset + count
    return offset


def disk_full() -> str:
    """Say that the machine is out of space, and what becomes of a file on its way."""
    return _("The site's disk is full. What has arrived of this file is kept: try again later.")


def _has_lock(upload: Upload, token: uuid.UUID) -> bool:
    return Upload.objects.filter(pk=upload.pk, writer=token).exists()
