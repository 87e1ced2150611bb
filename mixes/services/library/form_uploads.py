"""Upload handler for plain forms: files are written to the media disk, so that storing them is a rename.

Django's own handlers would write to the system's temporary folder, often a small disk or memory, and would
accept any number of bytes from anyone. This one accepts files only for views that expect them.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mixes.services import limits, storage
from mixes.services.library.scratch import FORM

CHECK_BYTES = 64 << 20  # interval at which the free disk space is checked
TOO_LARGE = {  # by the name of the limit
    "file_bytes": gettext_lazy("it is larger than a file may be: %(most)s."),
    "picture_bytes": gettext_lazy("a picture may have %(most)s at most."),
}
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Expected:
    """The files that a view takes: how many, and the name of the limit of their size."""

    count: int
    limit: str


def expects_files(count: int, limit: str) -> Callable[[View], View]:
    """Mark a view as one whose form has files; `limit` is the field of `Limits` for each file's bytes."""

    def mark(view: View) -> View:
        view.expected_files = Expected(count, limit)  # type: ignore[attr-defined]  # our own attribute
        return view

    return mark


def expect_files(request: HttpRequest, count: int, limit: str) -> None:
    """Let a request have files whose view is not known by its address; call it before they are read."""
    request.expected_files = Expected(count, limit)  # type: ignore[attr-defined]  # our own attribute


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
    """Writes files of forms, and skips those that would be refused: `left_out(request)` returns them.

    A form whose view expects no files ends at its first file, which is not read.
    """

    chunk_size = 1 << 18
    _file: ReceivedFile | None = None  # not `file`: Django would close it, even when finished
    _count = 0
    _room_bytes: int | None = None  # what the owner may still keep

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._expected = self._expected_files()
        self._count += 1
        if self._count > self._expected.count:
            self._leave_out(
                _("it was left out: you can send at most %d files at once.") % self._expected.count
            )
        self._check_disk()
        with self._left_out_when_full():
            self._file = ReceivedFile(
                self.file_name, self.content_type, self.charset, self.content_type_extra
            )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self._room_bytes is not None
        most = getattr(settings.LIMITS, self._expected.limit)
        if start + len(raw_data) > most:
            self._leave_out(TOO_LARGE[self._expected.limit] % {"most": filesizeformat(most)})
        if start + len(raw_data) > self._room_bytes:
            self._leave_out(self._no_room())
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
        assert self._room_bytes is not None
        self._room_bytes -= file_size
        file, self._file = self._file, None  # owned by the request from now on
        return file

    def upload_interrupted(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _expected_files(self) -> Expected:
        """Return what the view expects, and note its user's room. Raises StopUpload and SkipFile."""
        request: Any = self.request
        match = request.resolver_match if request else None
        of_view = getattr(match.func, "expected_files", None) if match else None
        expected: Expected | None = getattr(request, "expected_files", of_view)
        if expected is None:
            raise StopUpload(connection_reset=True)
        if not request.user.is_authenticated:
            raise SkipFile
        if self._room_bytes is None:
            self._room_bytes = limits.storage_left(request.user)
        return expected

    def _no_room(self) -> str:
        return _(
            "there is no room for it: %(left)s of your %(all)s are free. "
            "Delete tracks or mixes that you do not need, and empty the bin."
        ) % {
            "left": filesizeformat(max(0, self._room_bytes or 0)),
            "all": filesizeformat(settings.LIMITS.storage_bytes),
        }

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
