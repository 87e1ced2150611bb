"""Resumable uploads (tus): create, append chunks at an offset, finish exactly once.

The size of the part file is the upload's offset; the row holds the writer's lock. Bytes are written at their
own offset in the file, so two overlapping requests of one client write the same bytes to the same places.
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
from mixes.engine.suffixes import ARCHIVE_SUFFIXES, PLAYLIST_SUFFIXES
from mixes.engine.tags.tags import tags_from_name
from mixes.engine.text import clean_text
from mixes.models import Mix, Track, Upload
from mixes.services import analyses, limits, rate_limits, storage
from mixes.services.editing import edits
from mixes.services.library import tracks

# bytes; small reads let the file grow on a slow connection
MIN_READ, FIRST_READ, MAX_READ = 1 << 14, 1 << 16, 1 << 20
FAST_READ_S, SLOW_READ_S = 0.05, 0.5  # per read: below, the next is larger; above, smaller
WRITER_TIMEOUT_S = 5.0  # without data: the writer is gone, such as a phone that changed its network
NAME_LENGTH = 255


class WrongOffset(Exception):
    """The chunk's offset is not the end of the received bytes."""


class UploadLocked(Exception):
    """Another request is appending to this upload."""


class TooManyWriters(Exception):
    """The owner is sending as many files at once as allowed."""


class UploadGone(Exception):
    """The upload has expired or was removed."""


class NotMusic(Exception):
    """A file that by its name holds no song; str() says what to do instead."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class WaitingUpload:
    """An interrupted upload; choosing its file again resumes it."""

    pk: uuid.UUID
    track_pk: uuid.UUID
    name: str
    size: int
    received: int  # bytes
    expires_at: datetime


def create_upload(
    owner: User, name: str, size: int, *, mix: Mix | None, before: uuid.UUID | None = None
) -> Upload:
    """Create the row of a file before its bytes arrive, and add its track to `mix`.

    It goes before the item `before`, or to the end. Raises NotMusic, LimitReached, DiskFull and TooFast.
    """
    rate_limits.check_rate(owner, "upload", settings.LIMITS.announced_per_minute)
    name = clean_name(name)
    _check_suffix(name)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # concurrent requests must not exceed the limits
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
            disc_number=tags.disc_number,
        )
        upload = Upload.objects.create(owner=owner, track=track, size=size, expires_at=next_expiry())
        if mix:
            edits.append_tracks(mix, [track], before=before)
    return upload


def _check_suffix(name: str) -> None:
    """Raise NotMusic for archives and playlists: what else is no song shows when it is opened."""
    suffix = Path(name).suffix.lower()
    if suffix in ARCHIVE_SUFFIXES:
        kind = suffix[1:].upper()
        raise NotMusic(_("%s files are no songs. Unpack it, and add the songs in it.") % kind)
    if suffix in PLAYLIST_SUFFIXES:
        raise NotMusic(_("A playlist only names songs. Add the songs themselves."))


def clean_name(name: str) -> str:
    """Return a file's name for display: one line, without the folders some browsers send."""
    last = clean_text(name.replace("\\", "/").rpartition("/")[2])
    return last[:NAME_LENGTH] or _("file without a name")


def next_expiry() -> datetime:
    """Return when an upload that is used now expires."""
    return timezone.now() + timedelta(days=settings.LIMITS.upload_days)


def received_bytes(upload: Upload) -> int:
    """Return the number of bytes stored, whatever the row says."""
    if upload.finished_at:
        return upload.size
    try:
        return min(storage.upload_path(upload.pk).stat().st_size, upload.size)
    except FileNotFoundError:
        kept = storage.path_of(tracks.file_name(upload.track_id))  # moved before the rows were updated
        return upload.size if kept.is_file() else 0


def is_being_written(upload: Upload) -> bool:
    """Return whether a request holds the lock and has appended bytes recently."""
    if upload.writer is None or upload.writing_since is None:
        return False
    moves_s = [upload.writing_since.timestamp()]
    with contextlib.suppress(FileNotFoundError):  # no byte may have arrived yet
        moves_s.append(storage.upload_path(upload.pk).stat().st_mtime)
    # absolute difference: a time in the future means that the clock was set back
    return any(abs(time.time() - moved_s) < WRITER_TIMEOUT_S for moved_s in moves_s)


def append_bytes(upload: Upload, offset: int, stream: Readable) -> int:
    """Append the bytes of `stream`, finish the upload when it is complete, and return its new offset.

    An interrupted stream is no error: received bytes are kept. Raises WrongOffset, UploadLocked,
    TooManyWriters, UploadGone and DiskFull.
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
    """Remove the part file of an upload that was deleted meanwhile."""
    if not Upload.objects.filter(pk=upload.pk).exists():
        storage.upload_path(upload.pk).unlink(missing_ok=True)


def sync_offset(upload: Upload) -> int:
    """Return the offset; finish an upload whose last chunk came in a request that crashed.

    Raises UploadGone when it has expired.
    """
    if has_expired(upload):
        raise UploadGone
    here = received_bytes(upload)
    if here == upload.size and not upload.finished_at and not is_being_written(upload):
        finish_upload(upload)
    return here


def finish_upload(upload: Upload) -> None:
    """Store the complete file and queue its analysis; idempotent. Raises DiskFull and UploadGone."""
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
            if not Upload.objects.filter(pk=upload.pk).exists():  # removed while its file was being moved
                storage.remove(name)
            return
        Track.objects.filter(pk=upload.track_id).update(state=Track.State.ANALYSING, file=name)
        analyses.request_analysis(Track.objects.get(pk=upload.track_id))


def add_file(owner: User, name: str, path: Path, *, mix: Mix | None) -> Upload:
    """Create a track from a complete file, such as one of a plain form; `path` is on the media disk.

    Raises NotMusic, LimitReached, TooFast and DiskFull.
    """
    upload = create_upload(owner, name, path.stat().st_size, mix=mix)
    try:
        path.replace(storage.upload_path(upload.pk))
        finish_upload(upload)
    except limits.DiskFull:
        discard_upload(upload)  # a plain form cannot resume
        raise
    return upload


def discard_upload(upload: Upload) -> bool:
    """Delete an unfinished upload with its bytes and its track; return False if it was finished meanwhile."""
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
    """Return whether its time to finish is over."""
    return not upload.finished_at and upload.expires_at <= timezone.now()


def expired() -> QuerySet[Upload]:
    """Return unfinished uploads whose time is over, to be discarded."""
    return Upload.objects.select_related("track").filter(finished_at=None, expires_at__lte=timezone.now())


def waiting_uploads(owner: User, *, mix: Mix | None = None) -> list[WaitingUpload]:
    """Return the interrupted uploads of `owner`, oldest first."""
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
    """Take the writer's lock with one conditional UPDATE that sets the row's offset to the end of the file.

    Raises UploadGone, UploadLocked, WrongOffset and TooManyWriters.
    """
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
    """Write the stream into the part file, without an open transaction. Raises UploadGone and DiskFull."""
    file = os.open(storage.upload_path(upload.pk), os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        for block, waited_s in _blocks(stream, upload.size - offset):
            if waited_s > WRITER_TIMEOUT_S / 2 and not _has_lock(upload, token):
                raise UploadGone  # the client started another request while this one waited
            offset = _write_whole(file, block, offset)
    finally:
        os.close(file)
    return offset


def _blocks(stream: Readable, most: int) -> Iterator[tuple[bytes, float]]:
    """Yield up to `most` bytes in blocks, each with the seconds it took, until the stream ends or breaks."""
    size = FIRST_READ
    while most > 0:
        asked_s = time.monotonic()
        try:
            block = stream.read(min(size, most))
        except OSError:  # the client disconnected
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
    """Write a block at `offset` and return its end. Raises DiskFull."""
    rest = memoryview(block)
    with limits.full_disk_reported(disk_full()):
        while rest:
            count = os.pwrite(file, rest, offset)
            rest, offset = rest[count:], offset + count
    return offset


def disk_full() -> str:
    """Return the sentence for a full disk during an upload."""
    return _("The site's disk is full. What has arrived of this file is kept: try again later.")


def _has_lock(upload: Upload, token: uuid.UUID) -> bool:
    return Upload.objects.filter(pk=upload.pk, writer=token).exists()
