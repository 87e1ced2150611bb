"""Publish kit: a ZIP with the video, thumbnail and texts, to publish by hand."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from django.utils.translation import gettext as _

from mixes.engine.filenames import file_stem
from mixes.models import Artifact, MixJob
from mixes.services import storage
from mixes.services.delivery.zip_stream import ZipBuffer, send_entry
from youtube_integration.google.types import VideoDetails
from youtube_integration.services.drafts import draft_of, video_of
from youtube_integration.services.thumbnails import thumbnail_of

# Bytes that `zipfile` writes around an entry whose size is unknown when it begins
LOCAL_HEADER, LOCAL_EXTRA, DESCRIPTOR = 30, 20, 24
CENTRAL_HEADER, EXTRA_HEADER, LONG = 46, 4, 8
END, END_64 = 22, 56 + 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive, opened before the first byte is sent so that deleting it does no harm."""

    name: str
    file: IO[bytes]
    size: int


class Kit:
    """A publish kit that is being streamed; iterate it once, and close it."""

    def __init__(self, job: MixJob) -> None:
        self._open = ExitStack()
        self.entries = tuple(self._open_all(job))

    @property
    def length(self) -> int:
        """Size of the whole archive in bytes."""
        return archive_length([(entry.name, entry.size) for entry in self.entries])

    def __iter__(self) -> Iterator[bytes]:
        outbox = ZipBuffer()
        with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
            for entry in self.entries:
                yield from send_entry(archive, outbox, entry.name, entry.file, entry.size)
        yield outbox.take()

    def close(self) -> None:
        self._open.close()

    def _open_all(self, job: MixJob) -> Iterator[Entry]:
        stem = file_stem(job.title)
        draft = draft_of(job)
        if video := video_of(job):
            yield self._open_file(f"{stem}/{video.name}", video)
        yield text_entry(f"{stem}/thumbnail.jpg", thumbnail_of(job))
        for name, text in kit_texts(draft).items():
            yield text_entry(f"{stem}/{name}", text.encode())

    def _open_file(self, name: str, artifact: Artifact) -> Entry:
        file = self._open.enter_context(storage.path_of(artifact.file).open("rb"))
        return Entry(name, file, os.fstat(file.fileno()).st_size)


def kit_texts(draft: VideoDetails) -> dict[str, str]:
    """Return the text files of a kit, by file name."""
    return {
        "title.txt": f"{draft.title}\n",
        "description.txt": draft.description,
        "tags.txt": f"{', '.join(draft.tags)}\n",
        "README.txt": _(
            "1. Open https://studio.youtube.com and choose Create, Upload videos.\n"
            "2. Drop the MP4 there. Copy title.txt and description.txt into their fields.\n"
            "3. Choose thumbnail.jpg as the thumbnail; tags.txt goes below Show more.\n"
            "4. Set whether the video is made for kids, check everything, and publish it.\n"
        ),
    }


def text_entry(name: str, content: bytes) -> Entry:
    return Entry(name, BytesIO(content), len(content))


def archive_length(files: list[tuple[str, int]]) -> int:
    """Return the size in bytes of the archive that `Kit` streams for files of these names and sizes."""
    offset = directory = 0
    for name, size in files:
        bytes_of_name = len(name.encode())
        longs = 2 * (size > zipfile.ZIP64_LIMIT) + (offset > zipfile.ZIP64_LIMIT)
        directory += CENTRAL_HEADER + bytes_of_name + (EXTRA_HEADER + LONG * longs if longs else 0)
        offset += LOCAL_HEADER + bytes_of_name + LOCAL_EXTRA + size + DESCRIPTOR
    is_long = max(offset, directory) > zipfile.ZIP64_LIMIT
    return offset + directory + (END_64 if is_long else 0) + END
