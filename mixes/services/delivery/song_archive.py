"""Send the songs of a finished mix as one archive: tagged files, cut out of its MP3 while they are sent."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from tempfile import TemporaryFile

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from mixes.engine.errors import BrokenOutputError
from mixes.engine.filenames import file_stem
from mixes.engine.sewing.cutting import open_mix, write_song
from mixes.engine.tracklist.chapters import Chapter, chapters_of
from mixes.engine.tracklist.id3 import read_cover, song_id3_bytes
from mixes.models import Artifact, MixJob
from mixes.services import storage
from mixes.services.delivery.zip_stream import ZipBuffer, archive_response, send_entry
from mixes.services.rendering.snapshots import timeline_of


@dataclass(frozen=True, slots=True)
class Part:
    """A song of the archive: the samples of the mix that it is, and its file's name."""

    song: Chapter
    start: int
    end: int
    name: str


def parts_of(songs: Sequence[Chapter], frames: int) -> tuple[Part, ...]:
    """Return the songs of a mix of `frames` samples; one that begins where the next does has no file."""
    digits = max(2, len(str(len(songs))))
    borders = pairwise([*(song.start for song in songs), frames])
    return tuple(
        Part(song, start, end, f"{number:0{digits}d}-{file_stem(song.label)}.mp3")
        for number, (song, (start, end)) in enumerate(zip(songs, borders, strict=True), 1)
        if start < end
    )


class SongArchive:
    """The archive of a mix's songs, with a playlist of them. One song at a time is on the disk, unnamed."""

    def __init__(self, job: MixJob, mp3: Artifact) -> None:
        """Open the MP3. Raises BrokenOutputError when it is not the one that was made, and OSError."""
        timeline, path = timeline_of(job.snapshot), storage.path_of(mp3.file)
        self._job, self._rate = job, timeline.rate
        self._stream = open_mix(path, timeline.frames)
        self._cover = read_cover(path)
        self._parts = parts_of(chapters_of(timeline), timeline.frames)
        self._stem = file_stem(job.title)

    def __iter__(self) -> Iterator[bytes]:
        outbox = ZipBuffer()
        with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
            for number, part in enumerate(self._parts, 1):
                with TemporaryFile(dir=storage.uploads_folder()) as file:
                    write_song(file, self._stream, part.start, part.end, self._tag(part, number))
                    size = file.seek(0, os.SEEK_END)
                    file.seek(0)
                    yield from send_entry(archive, outbox, f"{self._stem}/{part.name}", file, size)
            archive.writestr(f"{self._stem}/{self._stem}.m3u8", self._playlist())
        yield outbox.take()

    def _tag(self, part: Part, number: int) -> bytes:
        return song_id3_bytes(
            part.song,
            number,
            len(self._parts),
            duration_s=self._seconds(part),
            title=self._job.title,
            artist=self._job.snapshot["artist"],
            cover=self._cover,
        )

    def _playlist(self) -> str:
        lines = ["#EXTM3U"]
        for part in self._parts:
            lines += [f"#EXTINF:{round(self._seconds(part))},{part.song.label}", part.name]
        return "\n".join(lines) + "\n"

    def _seconds(self, part: Part) -> float:
        return (part.end - part.start) / self._rate


def song_archive_response(request: HttpRequest, job: MixJob, mp3: Artifact) -> HttpResponseBase | None:
    """Answer with the songs of a finished mix; None when its MP3 is missing or damaged."""
    headers = {
        "Content-Disposition": content_disposition_header(True, f"{file_stem(job.title)}-songs.zip") or "",
        "Cache-Control": "private, no-store",
    }
    try:
        archive = SongArchive(job, mp3)
    except (BrokenOutputError, OSError):
        return None
    if request.method == "HEAD":
        return HttpResponse(content_type="application/zip", headers=headers)
    return archive_response(request, archive, headers)
