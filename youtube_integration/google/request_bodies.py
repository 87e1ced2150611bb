"""Request bodies that can be read only once.

httplib2 repeats a request by itself when the connection ends without an answer. A body that is already read
to its end is then empty: a chunk would hang, and a call that adds something would add it twice. These bodies
raise on a second read, so such a request ends as a network error. `seek` resets them: Google's client calls
it before it repeats a request with a refreshed token.
"""

from collections.abc import Callable
from typing import BinaryIO

from mixes.engine.errors import Cancelled
from youtube_integration.google.types import FileChanged


class SingleReadBody:
    """Bytes as the body of one request."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._is_sent = False

    def __len__(self) -> int:
        return len(self._data)

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0) -> None:
        self._position, self._is_sent = position, False

    def read(self, count: int = -1) -> bytes:
        if self._is_sent:
            raise ConnectionResetError("The connection ended without a response.")
        end = len(self) if count < 0 else min(len(self), self._position + count)
        begin, self._position = self._position, end
        self._is_sent = begin == end
        return self.piece(begin, end)

    def piece(self, begin: int, end: int) -> bytes:
        return self._data[begin:end]


class FileWindow(SingleReadBody):
    """One chunk of a file, read block by block, so that the socket timeout applies to each block."""

    def __init__(
        self,
        file: BinaryIO,
        offset: int,
        length: int,
        should_stop: Callable[[], bool],
        on_sent: Callable[[int], None],
    ) -> None:
        super().__init__(b"")
        self._file = file
        self._offset = offset
        self._length = length
        self._should_stop = should_stop
        self._on_sent = on_sent

    def __len__(self) -> int:
        return self._length

    def piece(self, begin: int, end: int) -> bytes:
        """Read from the file. Raises Cancelled when asked to stop, FileChanged when the file ends early."""
        if self._should_stop():
            raise Cancelled
        self._on_sent(begin)
        self._file.seek(self._offset + begin)
        data = self._file.read(end - begin)
        if len(data) < end - begin:
            raise FileChanged
        return data
