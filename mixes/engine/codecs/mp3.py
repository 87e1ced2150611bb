"""Write a gapless MP3, exact in length and first sample, from chunks encoded in parallel.

In: float32 blocks. Out: a file of an ID3 tag, an Info frame with LAME's gapless data, and constant bit rate
MPEG-1 Layer III frames. They have no bit reservoir, so that chunks can be joined.
The Info frame follows Xing's header and "MP3 Info Tag rev 1" (gabriel.mp3-tech.org/mp3infotag.html).
"""

import mmap
import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.encode import (
    CHUNK_S,
    NOTHING,
    Chunk,
    FrameFormat,
    ParallelEncoder,
    plan_chunks,
    trimmed_offsets,
)
from mixes.engine.codecs.encoder_pool import EncoderPool
from mixes.engine.errors import BrokenOutputError

FRAME_SAMPLES = 1152
# Frames. LAME's choice of block lengths depends on up to 40 frames before. Measured at 48 kHz: with 40, all
# bytes equal those of one encoder; with 20, one seam in 300 has 1 dB more noise; with 6, one in 70 has 2 dB.
PRE_ROLL, POST_ROLL = 40, 3
MIN_FRAMES = 2  # ffmpeg recognises an MP3 only by two consecutive frames
ENCODER_DELAY = 576  # samples that LAME inserts before the first one
DECODER_DELAY = 529  # samples that every decoder inserts: 528 by its filters, and 1
# kbit/s -> (index in the frame header, low-pass in Hz, gain); low-pass and gain are those of LAME 3.100
BITRATES = {
    128: (9, 17000, 0.95),
    160: (10, 17500, 0.95),
    192: (11, 18600, 0.97),
    224: (12, 19400, 0.98),
    256: (13, 19700, 1.0),
    320: (14, 20500, 1.0),
}
# LAME's search for the least audible noise only moves it about where there are bits enough. Without it there
# is less noise under the mask, in 0.57 of the time (benchmarks/masking.py).
AMPLE_KBPS = 256
QUICK_QUALITY = "7"
RATES = {44100: 0, 48000: 1}  # Hz -> index in the frame header
SYNC_LAYER_3 = 0xFFFB  # MPEG-1 Layer III without a CRC in each frame
JOINT_STEREO = 0x40
PADDED = 0x02  # flag of a frame with one more byte, which keeps the bit rate at 44.1 kHz
SIDE_INFO_BYTES = 32  # of a stereo frame; all zero in the Info frame
ENCODER_NAME = b"LAME3.100"  # players use delay and padding only from encoders they know
TOC_POINTS = 100
HAS_FRAMES, HAS_BYTES, HAS_TOC, HAS_QUALITY = 1, 2, 4, 8
QUALITY = 57  # of 100: LAME's value at its default effort
UINT32_MAX = 0xFFFFFFFF
CRC_POLYNOMIAL = 0xA001  # CRC-16/ARC, least significant bit first
CRC_ONE = 0x8000  # the polynomial 1 in that notation
ID3_HEADER_BYTES = 10
CUT_FRAME = "The MP3 encoder stopped in the middle of a frame."
CRC_LANES = 1024  # 16-bit words processed at once


@dataclass(frozen=True, slots=True)
class Mp3Format:
    """A sampling rate in Hz and a constant bit rate in kbit/s. Raises ValueError when not supported."""

    rate: int
    bitrate_kbps: int

    def __post_init__(self) -> None:
        if self.rate not in RATES or self.bitrate_kbps not in BITRATES:
            raise ValueError(f"No MP3 of {self.bitrate_kbps} kbit/s at {self.rate} Hz.")

    @property
    def header(self) -> bytes:
        """The 4-byte header of an unpadded frame."""
        rates = BITRATES[self.bitrate_kbps][0] << 4 | RATES[self.rate] << 2
        return struct.pack(">HBB", SYNC_LAYER_3, rates, JOINT_STEREO)

    @property
    def frame_bytes(self) -> int:
        """Length of an unpadded frame in bytes."""
        return FRAME_SAMPLES // 8 * self.bitrate_kbps * 1000 // self.rate


@dataclass(frozen=True, slots=True)
class EncodedFrames:
    """The kept frames of one chunk: their bytes, the offset of each, and their CRC-16."""

    data: memoryview
    offsets: tuple[int, ...]
    crc: int


@dataclass(frozen=True, slots=True)
class InfoFrameData:
    """Contents of the Info frame, which describes the audio frames after it."""

    samples: int  # of the mix, per channel
    frames: int
    bytes: int
    toc: tuple[int, ...]  # byte positions in the stream of the frames at 0, 1 ... 99 % of it
    crc: int
    delay: int = ENCODER_DELAY  # samples before the first, without those that every decoder inserts


def encoder_frames(samples: int) -> int:
    """Return the number of MP3 frames for `samples` per channel and the delays of encoder and decoder."""
    needed = -(-(samples + ENCODER_DELAY + DECODER_DELAY) // FRAME_SAMPLES)
    return max(MIN_FRAMES, needed)


def frame_format(ffmpeg: Path, mp3: Mp3Format) -> FrameFormat:
    """Return the ffmpeg command that encodes a chunk to frames without a bit reservoir, and its framing."""
    gain = BITRATES[mp3.bitrate_kbps][2]
    argv = (
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-v", "level+error", "-filter_threads", "1"),
        *("-threads", "1", "-f", "f32le", "-ar", str(mp3.rate), "-ac", "2", "-i", "pipe:0"),
        *(
            ("-af", f"volume={1 / gain:.6f}:precision=float") if gain != 1.0 else ()
        ),  # LAME applies the inverse gain
        *("-threads", "1", "-c:a", "libmp3lame", "-b:a", f"{mp3.bitrate_kbps}k", "-reservoir", "0"),
        *(("-compression_level", QUICK_QUALITY) if mp3.bitrate_kbps >= AMPLE_KBPS else ()),
        *("-write_xing", "0", "-id3v2_version", "0", "-flush_packets", "0", "-f", "mp3", "pipe:1"),
    )
    return FrameFormat(argv, FRAME_SAMPLES, PRE_ROLL, POST_ROLL)


class Mp3Writer(ParallelEncoder[EncodedFrames]):
    """Writes one MP3 from pushed blocks; see ParallelEncoder for push, close and abort."""

    def __init__(
        self,
        path: Path,
        ffmpeg: Path,
        pool: EncoderPool,
        *,
        rate: int,
        frames: int,
        bitrate_kbps: int = 320,
        id3_tag: bytes = b"",
        chunk_s: float = CHUNK_S,
        earlier: Mapping[int, bytes] = NOTHING,
        should_stop: ShouldStop = never,
    ) -> None:
        """Open `path` for `frames` samples a channel at `rate` Hz; the file starts with `id3_tag`.

        Raises ValueError for an unsupported rate or bit rate, OSError when the file cannot be opened.
        """
        self._format = Mp3Format(rate, bitrate_kbps)
        self._total_frames = encoder_frames(frames)
        self._id3_tag = id3_tag
        self._stream_bytes = self._crc = 0
        self._toc: list[int] = []
        frame = frame_format(ffmpeg, self._format)
        plan = plan_chunks(self._total_frames, frame, rate, chunk_s)
        super().__init__(path, pool, plan, frame, frames=frames, earlier=earlier, should_stop=should_stop)
        self._file.write(id3_tag + bytes(self._format.frame_bytes))

    def _trim(self, chunk: Chunk, encoded: bytes) -> EncodedFrames:
        offsets = trimmed_offsets(frame_offsets(encoded, self._format), chunk, "MP3")
        data = memoryview(encoded)[offsets[0] : offsets[-1]]
        return EncodedFrames(data, tuple(offset - offsets[0] for offset in offsets[:-1]), crc16(data))

    def _append(self, chunk: Chunk, trimmed: EncodedFrames) -> None:
        while len(self._toc) < TOC_POINTS:
            frame = len(self._toc) * self._total_frames // TOC_POINTS - chunk.first
            if frame >= chunk.count:
                break
            self._toc.append(self._stream_bytes + trimmed.offsets[frame])
        self._file.write(trimmed.data)
        self._stream_bytes += len(trimmed.data)
        self._crc = advance_crc16(self._crc, len(trimmed.data)) ^ trimmed.crc

    def _finish(self) -> None:
        info = InfoFrameData(
            self._frames, self._total_frames, self._stream_bytes, tuple(self._toc), self._crc
        )
        self._file.seek(len(self._id3_tag))
        self._file.write(info_frame(self._format, info))


def frame_offsets(data: bytes, mp3: Mp3Format) -> list[int]:
    """Return the byte offset of each frame, and the end of the last one.

    Raises BrokenOutputError when the data is not a sequence of complete frames of this format.
    """
    offsets = [0]
    while offsets[-1] < len(data):
        offsets.append(next_frame(data, offsets[-1], mp3))
    if offsets[-1] > len(data):
        raise BrokenOutputError(CUT_FRAME)
    return offsets


def next_frame(data: bytes | mmap.mmap, at: int, mp3: Mp3Format) -> int:
    """Return the offset behind the frame at `at`. Raises BrokenOutputError for one of another format."""
    if data[at : at + 2] != mp3.header[:2] or data[at + 2] & ~PADDED != mp3.header[2]:
        raise BrokenOutputError("The MP3 encoder returned something other than MP3 frames.")
    return at + mp3.frame_bytes + bool(data[at + 2] & PADDED)


def file_offsets(path: Path, mp3: Mp3Format) -> Sequence[int]:
    """Return the byte offset of each audio frame of a file of `Mp3Writer`, and the end of the last one.

    Raises BrokenOutputError when it is none, OSError.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = id3_bytes_of(data[:ID3_HEADER_BYTES]) + mp3.frame_bytes  # behind the Info frame
        offsets = array("Q", [at])
        while at < len(data):
            at = next_frame(data, at, mp3)
            offsets.append(at)
        if at > len(data):
            raise BrokenOutputError(CUT_FRAME)
    return offsets


def id3_bytes_of(head: bytes) -> int:
    """Return the length of the ID3 tag that begins with these 10 bytes; 0 when there is none."""
    if head[:3] != b"ID3":
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return ID3_HEADER_BYTES + size


def info_frame(mp3: Mp3Format, info: InfoFrameData) -> bytes:
    """Return the Info frame: silent, with the length, seek points, delay and padding of the stream.

    A stream beyond 4 GiB (29 hours at 320 kbit/s) has no byte count: with a wrong one, players would also
    distrust the frame count, from which they know the end of the music.
    """
    total_bytes = mp3.frame_bytes + info.bytes
    fits = total_bytes <= UINT32_MAX
    flags = HAS_FRAMES | HAS_TOC | HAS_QUALITY | (HAS_BYTES if fits else 0)
    frame = bytearray(mp3.header + bytes(SIDE_INFO_BYTES))
    frame += struct.pack(">4sII", b"Info", flags, info.frames)
    frame += struct.pack(">I", total_bytes) if fits else b""
    frame += bytes((mp3.frame_bytes + position) * 256 // total_bytes for position in info.toc)
    frame += struct.pack(">I", QUALITY) + _lame_extension(mp3, info)
    frame += struct.pack(">H", crc16(memoryview(frame)))
    return bytes(frame.ljust(mp3.frame_bytes, b"\0"))


def _lame_extension(mp3: Mp3Format, info: InfoFrameData) -> bytes:
    """Return the LAME extension of the Info frame, without its final CRC."""
    padding = FRAME_SAMPLES * info.frames - info.delay - info.samples
    lowpass = BITRATES[mp3.bitrate_kbps][1] // 100
    joint_stereo_and_rate = 3 << 2 | (2 if mp3.rate == 48000 else 1) << 6
    return struct.pack(
        ">9sBBfHHBB3sBBHIH",
        *(ENCODER_NAME, 0x01, lowpass),  # revision 0, constant bit rate
        *(0.0, 0, 0, 0),  # peak and gains: unknown
        min(255, mp3.bitrate_kbps),
        (info.delay << 12 | padding).to_bytes(3, "big"),
        *(joint_stereo_and_rate, 0, 0),
        min(UINT32_MAX, mp3.frame_bytes + info.bytes),
        info.crc,
    )


def crc16(data: memoryview) -> int:
    """Return the CRC-16/ARC of bytes, CRC_LANES words at a time.

    A CRC is a polynomial remainder and therefore linear: every CRC_LANES-th word forms a lane, each lane is
    summed alone, and the sums are then processed like the last words of the data.
    """
    whole = len(data) - len(data) % (2 * CRC_LANES)
    head = bytes(data[: len(data) - whole]).rjust(2 * CRC_LANES, b"\0")  # leading zeros do not change a CRC
    rows = np.frombuffer(data[len(data) - whole :], "<u2").reshape(-1, CRC_LANES)
    step, word = _multiplication_table(16 * CRC_LANES), _multiplication_table(16)
    lanes = np.frombuffer(head, "<u2")
    for row in rows:
        lanes = step[lanes] ^ row
    crc = 0
    for value in lanes.tolist():
        crc = int(word[crc ^ value])
    return crc


def advance_crc16(crc: int, count: int) -> int:
    """Return the CRC after `count` more zero bytes."""
    return _multiply(crc, _power_of_x(8 * count))


@cache
def _multiplication_table(bits: int) -> npt.NDArray[np.uint16]:
    """Return each 16-bit polynomial times x**bits."""
    table = np.zeros(1, np.uint16)
    for bit in range(16):
        table = np.concatenate((table, table ^ np.uint16(_multiply(1 << bit, _power_of_x(bits)))))
    return table


def _power_of_x(power: int) -> int:
    result, square = CRC_ONE, CRC_ONE >> 1
    while power:
        if power & 1:
            result = _multiply(result, square)
        square = _multiply(square, square)
        power >>= 1
    return result


def _multiply(one: int, other: int) -> int:
    """Multiply two polynomials modulo the CRC's."""
    product = 0
    while one:
        if one & CRC_ONE:
            product ^= other
        one = one << 1 & 0xFFFF
        other = other >> 1 ^ (CRC_POLYNOMIAL if other & 1 else 0)
    return product
