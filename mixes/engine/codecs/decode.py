"""A track's file to blocks of float32 stereo, safely: the only place where a user's audio is decoded.

In: a path and the rate wanted. Out: blocks of shape (frames, 2), every sample finite, or a `DecodeError` that
says in one sentence why the file cannot be used.
"""

import contextlib
import re
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.containers import is_copy_protected, may_change_layout, ogg_links
from mixes.engine.codecs.resampling import DECODER_FAILED, Resampler
from mixes.engine.codecs.signatures import UNREADABLE, not_audio_reason
from mixes.engine.errors import (
    DecodeError,
    FfmpegError,
    InterruptedDecodeError,
    OutputError,
    StalledError,
)
from mixes.engine.processes.ffmpeg import MAX_TRACK_S, Part, decode_args
from mixes.engine.processes.ffmpeg_report import reported_bytes
from mixes.engine.processes.launcher import CANNOT_START, SANDBOX_FAILED
from mixes.engine.processes.sandbox import DECODE, Child
from mixes.engine.samples import FRAME_BYTES, Samples

MAX_HEADER_CHUNK_BYTES = 1024  # bytes; ffmpeg writes a WAV header of 46 to 100
MAX_HEADER_CHUNKS = 8
COPY_PROTECTED = "it is copy-protected, so only the program it was bought for can play it."
CLIP_LEVEL = 16.0  # +24 dBFS: no sound is louder, so there it is clipped
DAMAGE_LEVEL = 1000.0  # +60 dBFS: not sound but damage, which is made silent like NaN
MONO_GAIN = np.float32(2**0.5)  # ffmpeg gives each side of a mono track 1 / sqrt(2) of it; players give all
RATES_HZ = (4_000, 768_000)  # outside, it is not music and the loudness filters have no meaning
DECODE_TIMEOUT = 60.0, 0.5  # seconds to wait in all: so many, and so many for each second of sound that came
# What ffmpeg says of its input, before "Stream mapping"; it says the same of its output after that
INPUT_INFO_LINES = re.compile(
    rb"^\[info\] (?:  Duration: [\d:.]+|  Stream #0:\d+.*: Audio: .*|Stream mapping:)"
    rb"|^\[[^]]*\] \[warning\] Estimating duration",
    re.MULTILINE,
)
STREAM = re.compile(r"Stream #0:\d+.*?: Audio: (\w+).*?, \d+ Hz, ([^,\n]+)(.*)")
DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
LAYOUTS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}
# ffmpeg could not start, or was killed (out of memory): not a fault of the file
NOT_FILE_STATUSES = (SANDBOX_FAILED, CANNOT_START, 127, 255, -signal.SIGKILL)  # 255: it was asked to end
# What ffmpeg says when it gives up -> what a user should read
FFMPEG_MESSAGES = {
    "moov atom not found": "its end is missing, and with it the index without which it cannot be read.",
    "DRM protected stream": COPY_PROTECTED,
    "matches no streams": "there is no sound in it.",
    "Rematrix is needed": "it has more channels than can be mixed to stereo.",
    "Too many channels": "it has more channels than can be mixed to stereo.",
}


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What the file is, as ffmpeg tells it: for showing, not for computing."""

    codec: str
    channels: int | None
    declared_s: float | None = None  # the length it claims, wrong in one of ten odd files: for progress bars
    streams: int = 1  # of sound in the file
    is_estimate: bool = False  # the length is worked out from the size of the file
    stream: int = 0  # the one that is used: the default one, or the first


class Decoder:
    """Reads one track, from its beginning or from a second in it. Made by `open_track`."""

    def __init__(
        self,
        path: Path,
        child: Child,
        max_s: float,
        should_stop: ShouldStop,
        *,
        later: Sequence[Callable[[int], Child]] = (),
        has_mono_gain: bool = False,
    ) -> None:
        """Read what `child` decodes, no longer than `max_s`, then what each of `later` starts at a rate.

        `has_mono_gain` says that mono comes at full level.
        """
        self.path = path
        self.unread_parts = 0  # of an Ogg chain
        self._later = list(later)
        self._has_mono_gain = has_mono_gain
        self._earlier_errors = 0
        self.first_error_frame = 0  # about: the decoder complains up to two seconds ahead of its output
        self._is_faultless = True
        self._is_over = False
        self.repaired_samples = 0  # NaN, infinite or absurdly loud ones that were made harmless
        self._child = child
        self._resampler: Resampler | None = None
        self._max_s = max_s
        self._should_stop = should_stop
        self._frames_read = 0
        self._bytes_read = 0
        self._waited_s = 0.0
        self.rate = self._native_rate = self._read_header()
        self.info = self._part_info = parse_stream_info(self._child.captured_lines)

    @property
    def decode_errors(self) -> int:
        """How often ffmpeg complained so far; complete once the track has been read to its end."""
        return self._earlier_errors + self._child.error_lines

    @property
    def frames_read(self) -> int:
        """How many frames of the file's own rate were read so far."""
        return self._frames_read

    @property
    def first_errors(self) -> Sequence[str]:
        """The first lines of what ffmpeg complained of, of the last part of a chain."""
        return self._child.first_errors

    @property
    def ended_early(self) -> bool:
        """Tell whether ffmpeg gave up on the file before its end, though with a good status."""
        return bool(self.unread_parts) or any("Error during demuxing" in line for line in self.first_errors)

    def read(self, frames: int) -> Samples:
        """Return the next `frames` frames (1 or more), shape (frames, 2); fewer only at the track's end.

        Raises DecodeError, Cancelled, FfmpegError (ffmpeg itself is broken or was killed).
        """
        return self._resampler.read(frames) if self._resampler else self.read_native(frames)

    def resample(self, resampler: Resampler) -> None:
        """Give out what follows at another rate, by a resampler that reads it by `read_native`."""
        self._resampler = resampler
        self.rate = resampler.rate

    def read_native(self, frames: int) -> Samples:
        """Read as `read`, at the file's own rate."""
        block = np.empty((frames, 2), dtype=np.float32)
        count = self._read_part(block)
        while count < frames and self._start_next_part():
            count += self._read_part(block[count:])
        block = block[:count]
        if self._is_faultless and self.decode_errors:
            self._is_faultless = False
            self.first_error_frame = self._frames_read + len(block) + self._child.waiting_bytes // FRAME_BYTES
        self._frames_read += len(block)
        if not self._frames_read:
            raise DecodeError(self.path, "there is no sound in it.")
        if self._frames_read > self._max_s * self._native_rate:
            raise DecodeError(self.path, f"it is longer than {self._max_s / 3600:.3g} hours.")
        self._repair(block)
        return block

    def _read_part(self, block: Samples) -> int:
        """Fill the block from what is decoded now; return the number of frames."""
        if self._is_over:
            return 0
        count = self._fill(memoryview(block.data).cast("B")) // FRAME_BYTES
        if self._part_info.channels == 1 and not self._has_mono_gain:
            block[:count] *= MONO_GAIN
        return count

    def _start_next_part(self) -> bool:
        """Go on with the next part that can be read; False where there is none."""
        while self._later:
            self._child.close()
            self._earlier_errors += self._child.error_lines
            self._child = self._later.pop(0)(self._native_rate)
            self._bytes_read = 0
            try:
                self._read_header()
            except InterruptedDecodeError:
                raise
            except DecodeError:
                self.unread_parts += 1
                self._is_over = True  # unless another part follows
                continue
            self._part_info = parse_stream_info(self._child.captured_lines)
            self._is_over = False
            return True
        return False

    def _read_header(self) -> int:
        """Read up to the first sample and return the rate in Hz."""
        rate = 0
        self._read_bytes(12)  # RIFF, size, WAVE
        for _ in range(MAX_HEADER_CHUNKS):
            name, size = struct.unpack("<4sI", self._read_bytes(8))
            if name == b"data":
                break
            body = self._read_bytes(size + size % 2)
            if name == b"fmt ":
                (rate,) = struct.unpack("<I", body[4:8])
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise DecodeError(self.path, f"its sample rate of {rate} Hz is not one music is made with.")
        return rate

    def _read_bytes(self, size: int) -> bytes:
        data = bytearray(min(size, MAX_HEADER_CHUNK_BYTES))
        if self._fill(memoryview(data)) < size:
            raise self._unreadable()
        return bytes(data)

    def _unreadable(self) -> DecodeError:
        return DecodeError(self.path, COPY_PROTECTED if is_copy_protected(self.path) else UNREADABLE)

    def _fill(self, view: memoryview) -> int:
        """Fill `view` from ffmpeg; return the bytes read, fewer only at its good end."""
        started_s = time.monotonic()
        try:
            count = self._child.readinto(view, self._should_stop)
            self._bytes_read += count
            if count < len(view):
                self._child.finish(self._should_stop)
        except (FfmpegError, OutputError, StalledError) as error:
            raise self._to_decode_error(error) from error
        if count < len(view):
            self._check_complete(self._child, self._bytes_read)
        self._waited_s += time.monotonic() - started_s
        base_s, share = DECODE_TIMEOUT
        if self._frames_read and self._waited_s > base_s + share * self._frames_read / self._native_rate:
            raise InterruptedDecodeError(self.path, "decoding it takes far too long, so it was given up.")
        return count

    def _check_complete(self, child: Child, count: int) -> None:
        """Raise InterruptedDecodeError when `count` bytes are not all that a child says it gave."""
        if reported_bytes(child.stderr_tail) != count:
            raise InterruptedDecodeError(self.path, DECODER_FAILED)

    def _repair(self, block: Samples) -> None:
        """Make silent what is no sound, and clip what is louder than any. Changes `block` in place."""
        if not len(block) or (block.min() >= -CLIP_LEVEL and block.max() <= CLIP_LEVEL):
            return  # a NaN would be neither
        size = np.abs(block)
        self.repaired_samples += int(np.count_nonzero(~(size <= CLIP_LEVEL)))
        block[~(size <= DAMAGE_LEVEL)] = 0.0
        np.clip(block, -CLIP_LEVEL, CLIP_LEVEL, out=block)

    def _to_decode_error(self, error: FfmpegError | OutputError | StalledError) -> DecodeError:
        """Turn the child's end into one sentence about the file; raises what is not the file's fault."""
        if isinstance(error, StalledError):
            return InterruptedDecodeError(self.path, "decoding it came to a standstill, so it was given up.")
        if isinstance(error, FfmpegError) and error.returncode in NOT_FILE_STATUSES:
            raise error
        stderr = self._child.stderr_tail
        if not stderr.strip() or (isinstance(error, FfmpegError) and error.returncode < 0):
            return InterruptedDecodeError(self.path, DECODER_FAILED)  # it did not come to judge the file
        for message, reason in FFMPEG_MESSAGES.items():
            if message in stderr:
                return DecodeError(self.path, reason)
        if self._frames_read:
            if is_copy_protected(self.path):
                return DecodeError(self.path, COPY_PROTECTED)
            decoded_s = self._frames_read / self._native_rate
            return DecodeError(self.path, f"decoding broke off after {decoded_s:.1f} seconds.")
        return self._unreadable()


def parse_stream_info(stderr: str) -> StreamInfo:
    """Read what ffmpeg said of its input."""
    stderr = stderr.partition("Stream mapping:")[0]
    streams = STREAM.findall(stderr)
    defaults = [index for index, (_, _, rest) in enumerate(streams) if "(default)" in rest]
    stream = defaults[0] if defaults else 0
    codec, layout, _ = streams[stream] if streams else ("unknown", "", "")
    duration = DURATION.search(stderr)
    declared_s = int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3]) if duration else None
    is_estimate = "Estimating duration" in stderr
    return StreamInfo(codec, count_channels(layout), declared_s, len(streams) or 1, is_estimate, stream)


def count_channels(layout: str) -> int | None:
    """Return the number of channels of a layout as ffmpeg calls it: `mono`, `5.1(side)`, `9 channels`."""
    name = layout.partition("(")[0].strip()
    if name in LAYOUTS:
        return LAYOUTS[name]
    if counted := re.match(r"(\d+) channels", name):
        return int(counted[1])
    return sum(map(int, name.split("."))) if re.fullmatch(r"\d+(\.\d+)+", name) else None


@contextlib.contextmanager
def open_track(
    ffmpeg: Path,
    path: Path,
    rate: int | None,
    *,
    max_s: float = MAX_TRACK_S,
    start_s: int = 0,
    should_stop: ShouldStop = never,
) -> Iterator[Decoder]:
    """Decode a track from its beginning, at `rate` Hz or (None) at its own; the process ends with the block.

    From `start_s` on it is what ffmpeg takes for that second: only `codecs/seeking` knows whether it is.
    Raises DecodeError in one sentence when the file is missing or not one of the formats we take. As every
    child, the decoder ends with the thread that opened it.
    """
    path = path.absolute()
    check_readable(path)
    with contextlib.ExitStack() as stack:
        decoder = _open_decoder(ffmpeg, path, max_s, start_s, should_stop, stack)
        if rate and rate != decoder.rate:
            resampler = Resampler(ffmpeg, path, decoder.read_native, decoder.rate, rate, should_stop)
            decoder.resample(stack.enter_context(resampler))
        yield decoder


def _open_decoder(
    ffmpeg: Path,
    path: Path,
    max_s: float,
    start_s: int,
    should_stop: ShouldStop,
    stack: contextlib.ExitStack,
) -> Decoder:
    """Start decoding the default sound of a file; from its beginning, an Ogg chain link by link."""
    try:
        links, has_mono_gain = [] if start_s else ogg_links(path), may_change_layout(path)
    except OSError as error:
        raise DecodeError(path, f"it cannot be read ({error.strerror}).") from error

    def start(stream: int = 0, part: Part | None = None) -> Child:
        limit_s = max_s + 1.0  # a second more, to tell too long from just fitting
        argv = decode_args(
            ffmpeg,
            path,
            max_s=limit_s,
            start_s=start_s,
            stream=stream,
            part=part,
            may_change_layout=has_mono_gain,
        )
        return stack.enter_context(Child(argv, limits=DECODE, read=(path,), capture=INPUT_INFO_LINES))

    def later(link: tuple[int, int]) -> Callable[[int], Child]:
        return lambda rate: start(part=Part(*link, rate))

    first = Part(*links[0]) if links else None
    later_parts = [later(link) for link in links[1:]]
    child = start(part=first)
    decoder = Decoder(path, child, max_s, should_stop, later=later_parts, has_mono_gain=has_mono_gain)
    if not decoder.info.stream:
        return decoder
    child.kill()
    child = start(stream=decoder.info.stream, part=first)
    return Decoder(path, child, max_s, should_stop, later=later_parts, has_mono_gain=has_mono_gain)


def check_readable(path: Path) -> None:
    """Raise DecodeError when a file is missing, empty, or no song by its first bytes or its name."""
    try:
        if not path.is_file():
            raise DecodeError(path, "there is no such file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise DecodeError(path, "it is empty.")
        if reason := not_audio_reason(path):
            raise DecodeError(path, reason)
    except OSError as error:
        raise DecodeError(path, f"it cannot be opened ({error.strerror}).") from error
