"""Where sound is missing inside a damaged file: a decoder leaves a frame out, the next has a later time.

In: the path of an untrusted file. Out: positions in seconds of what was decoded, and what is missing there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.processes.ffmpeg import MAX_TRACK_S, frame_times_args
from mixes.engine.processes.sandbox import DECODE, Child

LEAST_GAP_S = 0.005  # less is rounding
READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class MissingSound:
    """A gap: where the decoded sound goes on behind it, and how long it is."""

    at_s: float
    length_s: float


def find_gaps(
    ffmpeg: Path, path: Path, *, stream: int = 0, should_stop: ShouldStop = never
) -> tuple[MissingSound, ...]:
    """Decode a file once more and return its gaps in order.

    Raises FfmpegError when it cannot be decoded to its end, StalledError, Cancelled.
    """
    path = path.absolute()
    argv = frame_times_args(ffmpeg, path, max_s=MAX_TRACK_S, stream=stream)
    gaps, decoded, expected = [], 0, None
    tick_s = 0.0
    with Child(argv, limits=DECODE, read=(path,)) as child:
        for line in _lines(child, should_stop):
            if line.startswith("#tb 0:"):
                numerator, _, denominator = line.removeprefix("#tb 0:").partition("/")
                tick_s = int(numerator) / int(denominator)
            if line.startswith("#"):
                continue
            _stream, _decoded_at, at, length, *_ = (word.strip() for word in line.split(","))
            if expected is not None and (int(at) - expected) * tick_s > LEAST_GAP_S:
                gaps.append(MissingSound(decoded * tick_s, (int(at) - expected) * tick_s))
            expected = int(at) + int(length)
            decoded += int(length)
        child.finish(should_stop)
    return tuple(gaps)


def _lines(child: Child, should_stop: ShouldStop) -> Iterator[str]:
    """Yield the whole lines of a child's output."""
    buffer, rest = bytearray(READ_BYTES), b""
    while count := child.readinto(memoryview(buffer), should_stop):
        *lines, rest = (rest + buffer[:count]).split(b"\n")
        for line in lines:
            yield line.decode("ascii", "replace")
