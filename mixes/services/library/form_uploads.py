"""Upload handler for plain forms: files are written to the media disk, so that storing them is a rename.

Django's own handlers would write to the system's temporary folder, often a small disk or memory, and would
accept any number of bytes from anyone.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.utils.translation import gettext as _

from mixes.services import limits, storage
from mixes.services.library.scratch import FORM

CHECK_BYTES = 64 << 20  # interval at which the free disk space is checked


class ReceivedFile(UploadedFile):
    """A form's file in the media folder, deleted when the request ends unless it is moved away."""

    def __init__(self, name: str | None, content_type: str | None, charset: str | None, extra: Any) -> None:
        file, path = tempfile.mkstemp(dir=storage.uploads_folder(), prefix=FORM, suffix=".part")
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed or this process dies
        self.path = Path(path)
        super().__init__(os.fdopen(file, "w+b"), name, content_type, 0, charset, extra)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # on a full disk, a failed flush
            super().close()
        self.path.unlink(missing_ok=True)


class MediaDiskHandler(FileUploadHandler):
    """Writes files of forms, and skips those that would be refused: `left_out(request)` returns them."""

    chunk_size = 1 << 18
    _file: ReceivedFile | None = None  # not `file`: Django would close it, even when finished

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if not (self.request and self.request.user.is_authenticated):
            raise SkipFile
        self._check_disk()
        with self._left_out_when_full():
            self._file = ReceivedFile(
                self.file_name, self.content_type, self.charset, self.content_type_extra
            )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > settings.LIMITS.file_bytes:
            self._leave_out(_("it is larger than a file may be."))
        if start // CHECK_BYTES != (start + len(raw_data)) // CHECK_BYTES:
            self._check_disk()
        assert self._file is not None
        with self._left_out_when_full():
            self._file.write(raw_data)
            self._file.flush()  # to report a full disk here; Django has no later place for it

    def file_complete(self, file_size: int) -> ReceivedFile:
        assert self._file is not None
        self._file.seek(0)
        self._file.size = file_size
        file, self._file = self._file, None  # owned by the request from now on
        return file

    def upload_interrupted(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _check_disk(self) -> None:
        if storage.free_bytes() < settings.LIMITS.free_disk_bytes:
            self._leave_out(_("the site's disk is almost full."))

    @contextlib.contextmanager
    def _left_out_when_full(self) -> Iterator[None]:
        try:
            with limits.full_disk_reported(_("the site's disk is full. Try again later.")):
                yield
        except limits.DiskFull as error:
            self._leave_out(str(error))

    def _leave_out(self, reason: str) -> None:
        self._close()
        request: Any = self.request
        request.files_left_out = [*left_out(request), (self.file_name, reason)]
        raise SkipFile


def left_out(request: Any) -> list[tuple[str, str]]:
    """Return name and reason of the files that were skipped; call it after the files were read."""
    return getattr(request, "files_left_out", [])
