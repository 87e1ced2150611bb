"""Write the MP3 of a mix whose songs are copied where nothing changes them.

In: a timeline with copied clips, files, analyses. Out: the file, gapless like every other, and what was sewn.
Encoders run in the threads of a pool while copied frames are written; which pieces share one depends on the
timeline alone, so the bytes are the same on any number of cores.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.encoder_pool import EncoderPool
from mixes.engine.codecs.mp3 import (
    ENCODER_DELAY,
    TOC_POINTS,
    InfoFrameData,
    Mp3Format,
    advance_crc16,
    crc16,
    encoder_frames,
    info_frame,
)
from mixes.engine.memory import release_memory
from mixes.engine.passthrough.excerpts import Song
from mixes.engine.passthrough.packing import Packer
from mixes.engine.sewing.earlier import EarlierPieces, EncodedGroup, group_key
from mixes.engine.sewing.encoding import Made, Materials, encode_group
from mixes.engine.sewing.pieces import Piece, cut_pieces, group_pieces
from mixes.engine.sewing.sew import Sewer, Sewn

BUFFER_BYTES = 1 << 20
GROUPS_AHEAD = 1  # made before they are needed, besides one for each core


def write_sewn(
    path: Path,
    materials: Materials,
    *,
    earlier: EarlierPieces | None = None,
    cores: int,
    id3_tag: bytes = b"",
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: ShouldStop = never,
) -> Sewn:
    """Write the MP3 and return what was copied; what `earlier` has of the same pieces is not encoded again.

    Raises CannotSew when frames do not fit, DecodeError when a file is no longer what was measured, and
    Cancelled; then there is no file.
    """
    timeline = materials.timeline
    songs = open_songs(materials)
    total = encoder_frames(timeline.frames)
    try:
        with EncoderPool(cores) as pool, path.open("wb") as file:
            maker = PieceMaker(materials, songs, pool, should_stop, earlier)
            packer = Packer(materials.format.rate, materials.format.bitrate_kbps)
            sewer = Sewer(timeline, songs, materials.passages, maker.take, packer, total)
            stream = StreamWriter(file, materials.format, id3_tag, total, timeline.frames)
            for frame in sewer.frames():
                stream.write(frame)
                if stream.count % TOC_POINTS == 0:
                    pool.check(should_stop)
                    on_progress(stream.count / total)
            stream.finish()
            return replace(sewer.sewn, groups=maker.landed(sewer.sewn))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def open_songs(materials: Materials) -> dict[int, Song]:
    """Return the songs of copied clips, by clip. Raises DecodeError."""
    songs = {}
    for index, clip in enumerate(materials.timeline.clips):
        facts = materials.tracks[index].mp3
        if clip.is_copied and facts:
            songs[index] = Song.open(materials.paths[index], facts.first)
    return songs


class PieceMaker:
    """Has groups of pieces encoded by the threads of a pool, a few ahead of what is written."""

    def __init__(
        self,
        materials: Materials,
        songs: Mapping[int, Song],
        pool: EncoderPool,
        should_stop: ShouldStop,
        earlier: EarlierPieces | None = None,
    ) -> None:
        self._materials, self._songs, self._pool, self._should_stop = materials, songs, pool, should_stop
        self._earlier = earlier
        self._groups = group_pieces(cut_pieces(materials.passages))
        self._keys: dict[int, str] = {}
        self._asked = 0
        self._made: dict[int, list[Made]] = {}

    def take(self, passage: int) -> Iterator[Made]:
        """Yield the pieces of a passage, in order; passages are asked for in order."""
        for number, group in enumerate(self._groups):
            wanted = [place for place, piece in enumerate(group) if piece.passage == passage]
            if not wanted:
                continue
            self._ask(number + self._pool.workers + GROUPS_AHEAD)
            self._pool.wait_until(lambda: number in self._made, self._should_stop)  # noqa: B023 called before the next number
            for place in wanted:
                yield self._made[number][place]
            if wanted[-1] == len(group) - 1:
                del self._made[number]

    def landed(self, sewn: Sewn) -> tuple[EncodedGroup, ...]:
        """Return where the pieces of each group are in the finished file."""
        pieces = iter(sewn.pieces)
        return tuple(
            EncodedGroup(self._keys[number], tuple(next(pieces) for _ in group))
            for number, group in enumerate(self._groups)
        )

    def _ask(self, end: int) -> None:
        for number in range(self._asked, min(end, len(self._groups))):
            self._pool.submit(partial(self._make, number, self._groups[number]))
        self._asked = max(self._asked, min(end, len(self._groups)))

    def _make(self, number: int, group: list[Piece]) -> None:
        key = self._keys[number] = group_key(group, self._materials)
        made = self._earlier.take(key, group) if self._earlier else None
        if made is None:
            made = encode_group(group, self._materials, self._songs, self._pool.is_stopping)
        self._made[number] = made
        release_memory()  # each thread keeps what it has freed for itself
        self._pool.notify()


class StreamWriter:
    """Writes frames behind a tag and an Info frame, which is filled in at the end."""

    def __init__(
        self,
        file: IO[bytes],
        form: Mp3Format,
        id3_tag: bytes,
        total: int,
        samples: int,
        *,
        delay: int = ENCODER_DELAY,
    ) -> None:
        self.count = 0  # frames written
        self._file, self._format, self._tag_bytes = file, form, len(id3_tag)
        self._total, self._samples, self._delay = total, samples, delay
        self._toc: list[int] = []
        self._bytes = self._crc = 0
        self._buffer = bytearray()
        file.write(id3_tag + bytes(form.frame_bytes))

    def write(self, frame: bytes) -> None:
        """Write the next frame."""
        while len(self._toc) < TOC_POINTS and len(self._toc) * self._total // TOC_POINTS == self.count:
            self._toc.append(self._bytes + len(self._buffer))
        self._buffer += frame
        self.count += 1
        if len(self._buffer) >= BUFFER_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write the Info frame; nothing may be written after it."""
        self._flush()
        toc = tuple(self._toc)
        info = InfoFrameData(self._samples, self._total, self._bytes, toc, self._crc, self._delay)
        self._file.seek(self._tag_bytes)
        self._file.write(info_frame(self._format, info))

    def _flush(self) -> None:
        data = memoryview(bytes(self._buffer))
        self._file.write(data)
        self._crc = advance_crc16(self._crc, len(data)) ^ crc16(data)
        self._bytes += len(data)
        self._buffer.clear()
