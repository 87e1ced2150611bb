"""Write AAC-LC as an ADTS stream, from chunks encoded side by side, for a muxer to put into an MP4.

In: float32 blocks. Out: a file of ADTS frames, and the facts the muxer needs, since ADTS itself can tell
neither that the first 1,024 samples are priming nor where the last frame's music ends.
"""

from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.encode import (
    CHUNK_S,
    Chunk,
    EncoderPool,
    FrameFormat,
    ParallelEncoder,
    plan_chunks,
    trimmed_offsets,
)
from mixes.engine.errors import BrokenOutputError

FRAME_SAMPLES = 1024
PRIMING_SAMPLES = 1024  # decoded before the first sample of the mix
PRE_ROLL, POST_ROLL = 32, 8  # frames
# kbit/s. At 192 the encoder takes 400 frames to settle, so that chunks would be 2 dB worse than one stream.
BITRATES = (256, 320, 384)
DEFAULT_KBPS = 384  # what YouTube recommends for stereo
RATES = (44100, 48000)  # Hz
ADTS_SYNC = 0xFFF


@dataclass(frozen=True, slots=True)
class AdtsInfo:
    """What a muxer must know of the stream; all in samples of one channel but `frames`."""

    frames: int  # ADTS frames, one packet each
    frame_samples: int
    priming_samples: int  # to leave out at the beginning: an edit list
    last_frame_samples: int  # to keep of the last packet: its duration


def adts_info(samples: int) -> AdtsInfo:
    """Return what the ADTS stream of a mix of `samples` will be."""
    frames = 1 + -(-samples // FRAME_SAMPLES)
    last = samples + PRIMING_SAMPLES - (frames - 1) * FRAME_SAMPLES
    return AdtsInfo(frames, FRAME_SAMPLES, PRIMING_SAMPLES, last)


def frame_format(ffmpeg: Path, rate: int, bitrate_kbps: int) -> FrameFormat:
    """Return how one ffmpeg encodes a chunk.

    The fast coder without intensity stereo and noise substitution has both the least noise at this rate and
    a third of the default's cost (which would leave a sixth of the bits unused); noise shaping in time
    changed nothing measurable.
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
        should_stop: ShouldStop = never,
    ) -> None:
        """Open `path` for `frames` samples a channel at `rate` Hz.

        Raises ValueError for a rate or bit rate that we do not have.
        """
        if rate not in RATES or bitrate_kbps not in BITRATES:
            raise ValueError(f"No AAC of {bitrate_kbps} kbit/s at {rate} Hz.")
        self.info = adts_info(frames)
        frame = frame_format(ffmpeg, rate, bitrate_kbps)
        plan = plan_chunks(self.info.frames, frame, rate, chunk_s)
        super().__init__(path, pool, plan, frame, frames=frames, should_stop=should_stop)

    def _trim(self, chunk: Chunk, encoded: bytes) -> memoryview:
        offsets = trimmed_offsets(frame_offsets(encoded), chunk, "AAC")
        return memoryview(encoded)[offsets[0] : offsets[-1]]

    def _append(self, chunk: Chunk, trimmed: memoryview) -> None:
        self._file.write(trimmed)


def frame_offsets(data: bytes | mmap) -> list[int]:
    """Return where each ADTS frame begins, and the end of the last; raises BrokenOutputError for others."""
    offsets = [0]
    while offsets[-1] < len(data):
        header = int.from_bytes(data[offsets[-1] : offsets[-1] + 7], "big")
        length = header >> 13 & 0x1FFF  # ISO 13818-7, 6.2: 13 bits that end 13 bits before the header does
        if header >> 44 != ADTS_SYNC or length < 7:
            raise BrokenOutputError("The AAC encoder returned something else than ADTS frames.")
        offsets.append(offsets[-1] + length)
    if offsets[-1] > len(data):
        raise BrokenOutputError("The AAC encoder broke off inside a frame.")
    return offsets
