"""Mux still pictures and a finished AAC stream into an MP4, in nearly constant time.

A still is encoded once, as one group of pictures (GOP) of at most ten seconds: a key frame, then skipped
frames. The group is copied as often as needed, so an hour costs hardly more than a minute.
"""

import contextlib
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.aac import adts_info
from mixes.engine.errors import BrokenOutputError, OutputError, PictureError
from mixes.engine.processes.ffmpeg_report import REPORT_ARGS, check_complete, file_size
from mixes.engine.processes.sandbox import VIDEO, Limits, run_child

VIDEO_FPS = 25
GROUP_FRAMES = 10 * VIDEO_FPS  # 3 h of a photo have 0.2 to 0.4 GB; with groups of 2 s five times as much
# Consecutive key frames must differ in H.264's idr_pic_id, and the copied ones are all equal
MIN_SPAN_FRAMES = 2  # of a slide, and of a group
MIN_DISK_BYTES_PER_S = 10e6  # moving the index to the front copies the file without any output
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ACCESS_UNIT_DELIMITER = b"\x00\x00\x00\x01\x09"  # starts each frame of an H.264 stream made with `aud=1`

# One high-quality key frame (qcomp=1: quality does not depend on motion), then only skipped blocks, for which
# a high quantiser and no motion search are enough. Measured at 1080p: 1.2 s of CPU and 86 MB for ten seconds.
X264_PARAMS = (
    "keyint={count}:scenecut=0:qcomp=1:no-mbtree=1:rc-lookahead=0:ref=1:weightp=0:aud=1:"
    "zones=1,{count},q=30,subme=0,trellis=0,me=dia"
)
# Converts sRGB to BT.709, limited range, which players assume for HD video.
TO_VIDEO_COLOURS = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,"
    "format=yuv420p,setsar=1,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709,"
    "loop=loop={repeats}:size=1:start=0"
)


Span = tuple[Path, int]  # a picture and its number of video frames


@dataclass(frozen=True, slots=True)
class Slide:
    """One picture and the audio frame from which it is shown, until the next slide or the end."""

    picture: Path  # a PNG of the video's size, as `pictures` writes them
    start_frame: int


def make_video(
    ffmpeg: Path,
    slides: Sequence[Slide],
    adts: Path,
    out: Path,
    *,
    frames: int,
    rate: int,
    metadata: str = "",
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop = never,
) -> None:
    """Write the MP4 `out`: `slides` over the AAC stream `adts` of `frames` audio frames at `rate` Hz.

    `adts` has the layout of `aac.adts_info(frames)`; more frames are ignored. `metadata` is escaped
    ffmetadata with title and chapters. The picture ends with the sound or less than a video frame (40 ms)
    after it.
    Raises FfmpegError and StalledError when ffmpeg fails, OutputError for an incomplete or missing output,
    PictureError for an unusable picture, Cancelled when `should_stop` says so.
    """
    adts, out = adts.absolute(), out.absolute()
    size = _shared_size(slides)
    spans = slide_spans(slides, frames, rate)
    with _metadata_file(metadata, out.parent) as metadata_file:
        stderr = run_child(
            _mux_args(ffmpeg, adts, metadata_file, out, frames=frames, rate=rate),
            limits=_mux_limits(spans, size, adts),
            read=(adts, metadata_file),
            write=(out.parent,),
            feed=picture_stream(ffmpeg, spans, size, on_progress, should_stop),
            should_stop=should_stop,
        ).stderr_tail
    check_complete(stderr, size=file_size(out), frames=sum(count for _, count in spans))


def picture_stream(
    ffmpeg: Path,
    spans: Sequence[Span],
    size: tuple[int, int],
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop = never,
) -> Iterator[bytes]:
    """Yield the whole video track as an IVF stream; each picture is encoded when it is needed."""
    total = sum(count for _, count in spans)
    shown = 0
    yield ivf_header(size)
    for picture, count in spans:
        group = encode_group(ffmpeg, picture, min(count, GROUP_FRAMES), should_stop=should_stop)
        for length in group_lengths(count):
            yield ivf_frames(group[:length], shown)
            shown += length
            if on_progress:
                on_progress(shown / total)


def slide_spans(slides: Sequence[Slide], frames: int, rate: int) -> list[Span]:
    """Return each picture with its number of video frames, without those shorter than MIN_SPAN_FRAMES."""
    total = max(MIN_SPAN_FRAMES, -(-frames * VIDEO_FPS // rate))
    kept: list[tuple[Path, int]] = []  # picture, first video frame
    for slide in slides:
        start = (2 * slide.start_frame * VIDEO_FPS + rate) // (2 * rate)  # rounded
        if kept and start > total - MIN_SPAN_FRAMES:
            break
        if kept and start - kept[-1][1] < MIN_SPAN_FRAMES:
            kept.pop()
        kept.append((slide.picture, start if kept else 0))
    ends = [*(start for _, start in kept[1:]), total]
    return [(picture, end - start) for (picture, start), end in zip(kept, ends, strict=True)]


def group_lengths(count: int) -> list[int]:
    """Return the lengths of the groups that add up to `count` frames: full groups, then the rest."""
    whole, rest = divmod(count, GROUP_FRAMES)
    if whole and 0 < rest < MIN_SPAN_FRAMES:
        return [*[GROUP_FRAMES] * (whole - 1), GROUP_FRAMES - MIN_SPAN_FRAMES, rest + MIN_SPAN_FRAMES]
    return [GROUP_FRAMES] * whole + [rest] * (rest > 0)


def encode_group(
    ffmpeg: Path, picture: Path, count: int, *, should_stop: ShouldStop = never
) -> tuple[bytes, ...]:
    """Encode a PNG as one closed group of `count` H.264 frames; any prefix of it is a valid group as well.

    Raises BrokenOutputError when the encoder returns another number of frames, EngineError when it fails.
    """
    filters = TO_VIDEO_COLOURS.format(repeats=count - 1)
    argv = [
        *(str(ffmpeg), "-nostdin", "-nostats", *REPORT_ARGS, "-v", "error"),
        *("-protocol_whitelist", "file", "-codec_whitelist", "png"),
        *("-f", "png_pipe", "-framerate", str(VIDEO_FPS), "-i", f"file:{picture.absolute()}"),
        *("-vf", filters, "-frames:v", str(count), "-c:v", "libx264", "-profile:v", "high", "-threads", "1"),
        *("-preset", "slow", "-crf", "18", "-bf", "0", "-x264-params", X264_PARAMS.format(count=count)),
        # Without the encoder's version message, which would be repeated with every group.
        *("-flags:v", "+bitexact", "-bsf:v", "filter_units=remove_types=6", "-f", "h264", "pipe:1"),
    ]
    output = run_child(argv, limits=VIDEO, read=(picture.absolute(),), should_stop=should_stop)
    units = tuple(ACCESS_UNIT_DELIMITER + unit for unit in output.stdout.split(ACCESS_UNIT_DELIMITER)[1:])
    check_complete(output.stderr_tail, size=len(output.stdout), frames=len(units))
    if len(units) != count:
        raise BrokenOutputError("The picture could not be turned into video.")
    return units


def ivf_header(size: tuple[int, int]) -> bytes:
    """Return the header of an IVF stream, the simplest container with a timestamp for every frame."""
    return struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"H264", *size, VIDEO_FPS, 1, 0, 0)


def ivf_frames(units: Sequence[bytes], first: int) -> bytes:
    """Return encoded frames in IVF format, numbered from `first`."""
    heads = (struct.pack("<IQ", len(unit), first + index) for index, unit in enumerate(units))
    return b"".join(part for pair in zip(heads, units, strict=True) for part in pair)


def _mux_args(ffmpeg: Path, adts: Path, metadata: Path, out: Path, *, frames: int, rate: int) -> list[str]:
    sound = adts_info(frames)
    # The sound starts before 0, which becomes an edit list that skips the priming. The last packet lasts as
    # long as its sound; the rest of it is padding.
    sound_times = (
        f"noise=drop=gte(n\\,{sound.frames}),"
        f"setts=ts=round((N*{sound.frame_samples}-{sound.priming_samples})/{rate}/TB):duration=round("
        f"if(eq(N\\,{sound.frames - 1})\\,{sound.last_frame_samples}\\,{sound.frame_samples})/{rate}/TB)"
    )
    return [
        *(str(ffmpeg), "-y", "-nostats", *REPORT_ARGS, "-v", "error"),
        *("-protocol_whitelist", "pipe", "-f", "ivf", "-i", "pipe:0"),
        *("-protocol_whitelist", "file", "-f", "aac", "-i", f"file:{adts}"),
        *("-protocol_whitelist", "file", "-f", "ffmetadata", "-i", f"file:{metadata}"),
        *("-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "2", "-c", "copy"),
        *("-bsf:a", sound_times, "-avoid_negative_ts", "disabled"),
        # The chapter track uses the mix rate: with a finer time base a chapter of minutes overflows 32 bits.
        *("-movie_timescale", str(rate)),
        *("-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4", f"file:{out}"),
    ]


def _mux_limits(spans: Sequence[Span], size: tuple[int, int], adts: Path) -> Limits:
    groups = sum(count / GROUP_FRAMES + 1 for _, count in spans)
    max_bytes = adts.stat().st_size + groups * size[0] * size[1]  # no photo needs 8 bits a pixel
    return replace(VIDEO, stall_s=VIDEO.stall_s + max_bytes / MIN_DISK_BYTES_PER_S)


@contextlib.contextmanager
def _metadata_file(text: str, folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".video-", dir=folder) as temporary:
        path = Path(temporary, "chapters.txt")
        path.write_text(text or ";FFMETADATA1\n", encoding="utf-8", newline="\n")
        yield path


def _shared_size(slides: Sequence[Slide]) -> tuple[int, int]:
    if not slides:
        raise OutputError("A video needs a picture.")
    sizes = {slide.picture: png_size(slide.picture) for slide in slides}
    for picture, size in sizes.items():
        if size != sizes[slides[0].picture] or size[0] % 2 or size[1] % 2:
            raise PictureError(picture, "all pictures of a video must have the same, even size.")
    return sizes[slides[0].picture]


def png_size(picture: Path) -> tuple[int, int]:
    """Return width and height in pixels from a PNG's header. Raises PictureError when it is no PNG."""
    with picture.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(PNG_SIGNATURE):
        raise PictureError(picture, "is not a PNG picture.")
    width, height = struct.unpack(">II", head[16:24])
    return width, height
