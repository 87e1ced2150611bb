"""Write AAC-LC as an ADTS stream, from chunks encoded in parallel, to be muxed into an MP4.

In: float32 blocks. Out: a file of ADTS frames, and an `AdtsInfo` for the muxer, because ADTS cannot store
that the first 1,024 samples are priming, nor where the music ends in the last frame.
"""

import mmap
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from mixes.engine.errors import BrokenOutputError, OutputError
from mixes.engine.processes.sandbox import VIDEO, run_child

FRAME_SAMPLES = 1024
PRIMING_SAMPLES = 1024  # decoded before the first sample of the mix
PRE_ROLL, POST_ROLL = 32, 8  # frames
# kbit/s. At 192 the encoder needs 400 frames to settle: chunks would have 2 dB more noise than one stream.
BITRATES = (256, 320, 384)
DEFAULT_KBPS = 384  # YouTube's recommendation for stereo
RATES = (44100, 48000)  # Hz
ADTS_SYNC = 0xFFF
HEADER_BYTES, CHECKSUM_BYTES = 7, 2
WITHOUT_CHECKSUM = 1  # bit of the second byte
CUT_FRAME = "The AAC encoder stopped in the middle of a frame."


@dataclass(frozen=True, slots=True)
class AdtsInfo:
    """Values that the muxer needs; all but `frames` are in samples per channel."""

    frames: int  # ADTS frames, one packet each
    frame_samples: int
    priming_samples: int  # to skip at the beginning, by an edit list
    last_frame_samples: int  # to keep of the last packet, by its duration


def adts_info(samples: int) -> AdtsInfo:
    """Return the layout of the ADTS stream of a mix of `samples` per channel."""
    frames = 1 + -(-samples // FRAME_SAMPLES)
    last = samples + PRIMING_SAMPLES - (frames - 1) * FRAME_SAMPLES
    return AdtsInfo(frames, FRAME_SAMPLES, PRIMING_SAMPLES, last)


def frame_format(ffmpeg: Path, rate: int, bitrate_kbps: int) -> FrameFormat:
    """Return the ffmpeg command that encodes a chunk, and its framing.

    Measured at this bit rate: the fast coder without intensity stereo and noise substitution has the least
    noise and a third of the cost of the default coder, which leaves a sixth of the bits unused. Temporal
    noise shaping made no measurable difference.
    """
    argv = (
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-v", "level+error", "-filter_threads", "1"),
        *("-threads", "1", "-f", "f32le", "-ar", str(rate), "-ac", "2", "-i", "pipe:0"),
        *("-threads", "1", "-c:a", "aac", "-profile:a", "aac_low", "-b:a", f"{bitrate_kbps}k"),
        *(
            "-aac_coder",
            "fast",
            "-aac_is",
            "0",
            "-aac_pns",
            "0",
            "-aac_tns",
            "0",
            "-flush_packets",
            "0",
            "-f",
            "adts",
            "pipe:1",
        ),
    )
    return FrameFormat(argv, FRAME_SAMPLES, PRE_ROLL, POST_ROLL)


class AacWriter(ParallelEncoder[memoryview]):
    """Writes one ADTS file from pushed blocks; see ParallelEncoder for push, close and abort."""

    def __init__(
        self,
        path: Path,
        ffmpeg: Path,
        pool: EncoderPool,
        *,
        rate: int,
        frames: int,
        bitrate_kbps: int = DEFAULT_KBPS,
        chunk_s: float = CHUNK_S,
        earlier: Mapping[int, bytes] = NOTHING,
        should_stop: ShouldStop = never,
    ) -> None:
        """Open `path` for `frames` samples a channel at `rate` Hz.

        Raises ValueError for an unsupported rate or bit rate, OSError when the file cannot be opened.
        """
        if rate not in RATES or bitrate_kbps not in BITRATES:
            raise ValueError(f"No AAC of {bitrate_kbps} kbit/s at {rate} Hz.")
        self.info = adts_info(frames)
        frame = frame_format(ffmpeg, rate, bitrate_kbps)
        plan = plan_chunks(self.info.frames, frame, rate, chunk_s)
        super().__init__(path, pool, plan, frame, frames=frames, earlier=earlier, should_stop=should_stop)

    def _trim(self, chunk: Chunk, encoded: bytes) -> memoryview:
        offsets = trimmed_offsets(frame_offsets(encoded), chunk, "AAC")
        return memoryview(encoded)[offsets[0] : offsets[-1]]

    def _append(self, chunk: Chunk, trimmed: memoryview) -> None:
        self._file.write(trimmed)


def frame_offsets(data: bytes) -> list[int]:
    """Return the byte offset of each ADTS frame, and the end of the last one.

    Raises BrokenOutputError when the data is not a sequence of complete ADTS frames.
    """
    offsets = [0]
    while offsets[-1] < len(data):
        offsets.append(offsets[-1] + frame_length(data[offsets[-1] : offsets[-1] + HEADER_BYTES]))
    if offsets[-1] > len(data):
        raise BrokenOutputError(CUT_FRAME)
    return offsets


def file_offsets(path: Path) -> Sequence[int]:
    """Return the byte offset of each frame of an ADTS file, and the end of the last one.

    Raises BrokenOutputError when the file is not a sequence of complete frames, OSError.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        offsets = array("Q", [0])
        while offsets[-1] < len(data):
            offsets.append(offsets[-1] + frame_length(data[offsets[-1] : offsets[-1] + HEADER_BYTES]))
        if offsets[-1] > len(data):
            raise BrokenOutputError(CUT_FRAME)
    return offsets


def read_frames(path: Path) -> Iterator[bytes]:
    """Yield the AAC frames of an ADTS file one by one, without their headers.

    Raises BrokenOutputError when the file is not a sequence of complete ADTS frames.
    """
    with path.open("rb", buffering=1 << 20) as file:
        while header := file.read(HEADER_BYTES):
            count = frame_length(header) - HEADER_BYTES
            frame = file.read(count)
            if len(frame) < count:
                raise BrokenOutputError(CUT_FRAME)
            yield frame if header[1] & WITHOUT_CHECKSUM else frame[CHECKSUM_BYTES:]


def extract_aac(ffmpeg: Path, mp4: Path, adts: Path, *, frames: int, should_stop: ShouldStop) -> None:
    """Copy the AAC stream of an earlier MP4 unchanged. Raises OutputError when it is incomplete."""
    argv = [
        *(str(ffmpeg), "-nostdin", "-y", "-v", "error", "-protocol_whitelist", "file", "-f", "mov"),
        *("-ignore_editlist", "1", "-i", f"file:{mp4.absolute()}", "-map", "0:a:0", "-c", "copy"),
        *("-fflags", "+bitexact", "-f", "adts", f"file:{adts.absolute()}"),
    ]
    run_child(
        argv, limits=VIDEO, read=(mp4.absolute(),), write=(adts.absolute().parent,), should_stop=should_stop
    )
    if sum(1 for _frame in read_frames(adts)) != adts_info(frames).frames:
        raise OutputError("The sound of the earlier video is incomplete.")


def frame_length(header: bytes) -> int:
    """Return the bytes of the frame that begins with `header`. Raises BrokenOutputError for anything else."""
    number = int.from_bytes(header, "big")
    length = number >> 13 & 0x1FFF  # ISO 13818-7, 6.2: the 13 bits before the last 13
    if number >> 44 != ADTS_SYNC or length < HEADER_BYTES:
        raise BrokenOutputError("The AAC encoder returned something other than ADTS frames.")
    return length
