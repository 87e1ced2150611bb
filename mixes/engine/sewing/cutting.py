"""Cut the MP3 of a mix into songs, each a file of its own, without encoding a single frame.

In: an MP3 of ours, and where a song begins and ends in it. Out: a file whose sound is those samples, no more
and no fewer: played one behind the other without a gap, the files are the mix. A decoder needs one frame
before the first that is heard, because neighbouring frames overlap, and room for the main data of that frame,
which may begin in slots before its own. Both lie before the song, and the Info frame tells players to leave
them out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mixes.engine.codecs.mp3 import BITRATES, Mp3Format
from mixes.engine.errors import BrokenOutputError
from mixes.engine.passthrough.frames import (
    DECODER_DELAY,
    PIECE_FRAMES,
    FileBytes,
    Frames,
    Stream,
    Unfit,
    open_stream,
    silent_frame,
    take_apart,
)
from mixes.engine.passthrough.packing import Packer
from mixes.engine.sewing.writer import StreamWriter
from mixes.engine.timeline import MP3_FRAME as FRAME


@dataclass(frozen=True, slots=True)
class Cut:
    """Frames of a mix that a song is cut out of, and what a decoder gives out before its first sample."""

    first: int
    end: int
    room: int  # silent frames before the first
    before: int  # samples
    samples: int

    @property
    def frames(self) -> int:
        """How many frames the file has, without its Info frame."""
        return self.room + self.end - self.first


def open_mix(path: Path, samples: int) -> Stream:
    """Open an MP3 of ours. Raises BrokenOutputError when it is none, or not of this length, and OSError."""
    try:
        stream = open_stream(FileBytes(path))
    except Unfit as unfit:
        raise BrokenOutputError(f"The MP3 of this mix cannot be cut, because {unfit}.") from unfit
    if stream.samples != samples or stream.highest_kbps not in BITRATES:
        raise BrokenOutputError("The MP3 of this mix is not the one that was made.")
    return stream


def plan_cut(stream: Stream, start: int, end: int) -> Cut:
    """Return how to cut out samples `start` to before `end` of a mix."""
    first = max(0, (start + stream.delay) // FRAME - 1)
    last = min(len(stream), -(-(end + stream.delay) // FRAME))
    room = -(-_bytes_ahead(stream, first) // packer_for(stream).slot_bytes)
    before = start + stream.delay + FRAME * (room - first)
    return Cut(first, last, room, before, end - start)


def write_song(file: IO[bytes], stream: Stream, start: int, end: int, id3_tag: bytes = b"") -> None:
    """Write the song between two samples of the mix. Raises BrokenOutputError, OSError."""
    cut, packer = plan_cut(stream, start, end), packer_for(stream)
    form = Mp3Format(stream.rate, stream.highest_kbps)
    delay = cut.before - DECODER_DELAY
    writer = StreamWriter(file, form, id3_tag, cut.frames, cut.samples, delay=delay)
    for _ in range(cut.room):
        _push(packer, writer, silent_frame())
    for first in range(cut.first, cut.end, PIECE_FRAMES):
        _push(packer, writer, take_apart(stream, first, min(cut.end, first + PIECE_FRAMES)))
    for frame in packer.take(everything=True):
        writer.write(frame)
    writer.finish()


def packer_for(stream: Stream) -> Packer:
    """Return what packs frames of a mix in its own bit rate."""
    return Packer(stream.rate, stream.highest_kbps)


def _bytes_ahead(stream: Stream, frame: int) -> int:
    """Return how many bytes of main data a frame has in slots before its own."""
    return int(stream.slots[frame] - take_apart(stream, frame, frame + 1).begin[0])


def _push(packer: Packer, writer: StreamWriter, frames: Frames) -> None:
    if packer.push(frames) < len(frames):
        raise BrokenOutputError("There is no room for the frames of a song.")
    for frame in packer.take():
        writer.write(frame)
