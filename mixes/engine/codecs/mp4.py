"""Put still pictures over a finished AAC stream, as an MP4, in nearly constant time.

A still is encoded once, as one group of pictures (GOP) of at most ten seconds: a key frame, then skipped
frames. The group is repeated as often as needed, so an hour costs hardly more than a minute.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.aac import adts_info, read_frames
from mixes.engine.codecs.mp4_file import (
    NO_NAMES,
    SEQUENCE_SET,
    Layout,
    Mp4File,
    Names,
    SoundFormat,
    VideoFormat,
)
from mixes.engine.errors import BrokenOutputError, Cancelled, OutputError, PictureError
from mixes.engine.processes.ffmpeg_report import REPORT_ARGS, check_complete
from mixes.engine.processes.sandbox import VIDEO, run_child

VIDEO_FPS = 25
GROUP_FRAMES = 10 * VIDEO_FPS  # 3 h of a photo have 0.2 to 0.4 GB; with groups of 2 s five times as much
# Consecutive key frames must differ in H.264's idr_pic_id, and the copied ones are all equal
MIN_SPAN_FRAMES = 2  # of a slide, and of a group
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
START_CODE = re.compile(rb"\x00\x00\x00?\x01")
PICTURE_SET = 8
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


def ignore(fraction: float) -> None:
    """Report no progress."""


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
    names: Names = NO_NAMES,
    on_progress: Callable[[float], None] = ignore,
    should_stop: ShouldStop = never,
) -> None:
    """Write the MP4 `out`: `slides` over the AAC stream `adts` of `frames` audio frames at `rate` Hz.

    `adts` has the layout of `aac.adts_info(frames)`; more frames are ignored. The picture ends with the sound
    or less than a video frame (40 ms) after it.
    Raises FfmpegError and StalledError when ffmpeg fails, BrokenOutputError for incomplete pictures or sound,
    OutputError without pictures, PictureError for an unusable one, OSError when `out` cannot be written,
    Cancelled when `should_stop` says so.
    """
    size = _shared_size(slides)
    spans = slide_spans(slides, frames, rate)
    pictures = picture_frames(ffmpeg, spans, should_stop)
    first = next(pictures)
    sound = SoundFormat(rate, frames, adts_info(frames))
    with Mp4File(
        out, VideoFormat(*parameter_sets(first), size, VIDEO_FPS), sound, layout_of(spans), names
    ) as file:
        write_seconds(file, chain([first], pictures), read_frames(adts), on_progress, should_stop)


def write_seconds(
    file: Mp4File,
    pictures: Iterator[bytes],
    sound: Iterator[bytes],
    on_progress: Callable[[float], None],
    should_stop: ShouldStop,
) -> None:
    """Write the frames of each second side by side, so that a player needs only one place of the file.

    Raises BrokenOutputError when frames are missing, Cancelled when `should_stop` says so.
    """
    seconds, info, rate = file.layout.chunks, file.sound.info, file.sound.rate
    heard = 0
    for second in range(1, seconds + 1):
        if should_stop():
            raise Cancelled
        file.add_video(tuple(islice(pictures, VIDEO_FPS)))
        until = -(-second * rate // info.frame_samples) if second < seconds else info.frames
        frames = tuple(islice(sound, max(0, min(until, info.frames) - heard)))
        heard += len(frames)
        if frames:
            file.add_sound(frames)
        on_progress(second / seconds)
    if (len(file.pictures.sizes), heard) != (file.layout.video_frames, info.frames):
        raise BrokenOutputError("The video has fewer frames than it was asked for.")


def picture_frames(ffmpeg: Path, spans: Sequence[Span], should_stop: ShouldStop = never) -> Iterator[bytes]:
    """Yield every frame of the pictures, as MP4 stores it; each picture is encoded when it is needed."""
    for picture, count in spans:
        units = encode_group(ffmpeg, picture, min(count, GROUP_FRAMES), should_stop=should_stop)
        group = tuple(map(with_lengths, units))
        for length in group_lengths(count):
            yield from group[:length]


def layout_of(spans: Sequence[Span]) -> Layout:
    """Return the numbers of frames, of key frames and of seconds."""
    total = sum(count for _, count in spans)
    keys = sum(len(group_lengths(count)) for _, count in spans)
    return Layout(total, keys, -(-total // VIDEO_FPS))


def with_lengths(unit: bytes) -> bytes:
    """Return an encoded frame whose parts have their lengths in front instead of start codes."""
    return b"".join(struct.pack(">I", len(part)) + part for part in START_CODE.split(unit)[1:])


def parameter_sets(frame: bytes) -> tuple[bytes, bytes]:
    """Return the sequence and the picture parameter set of a key frame as MP4 stores it."""
    found, at = {}, 0
    while at < len(frame):
        end = at + 4 + int.from_bytes(frame[at : at + 4], "big")
        found[frame[at + 4] & 31] = frame[at + 4 : end]
        at = end
    return found[SEQUENCE_SET], found[PICTURE_SET]


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
