"""Locate ffmpeg, check its version and encoders, and build its command lines."""

import re
import shutil
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from mixes.engine.errors import EngineError
from mixes.engine.processes.ffmpeg_report import REPORT_ARGS
from mixes.engine.processes.sandbox import READER, run_child

OLDEST_MAJOR = 5  # the oldest version tested with the flags below
NEEDED_ENCODERS = ("libmp3lame", "aac", "libx264", "pcm_f32le")
MAX_TRACK_S = 4 * 3600.0
LARGER_FRAMES = "asetnsamples=n=16384:p=0"  # fewer frames to pass between threads
MAX_ALLOC_BYTES = 128 << 20  # without it the resampler allocates 3.5 GB for a "1 Hz" WAV
# ffmpeg gives each side of a mono track 1 / sqrt(2) of it; the filter is made again where the layout changes
MONO_AT_FULL_LEVEL = "volume=if(eq(nb_channels\\,1)\\,sqrt(2)\\,1)"
# Silence up to the second asked for where the first packet after a seek begins later
ALIGN_TO_START = "aresample=async=1:min_comp=0:first_pts=0"
DEMUXERS = "mp3,wav,w64,flac,ogg,mov,aac,aiff,matroska,asf,ac3,eac3,ape,wv,mpc,mpc8,tta,au,caf,amr,dsf,tak"
DECODERS = (
    "mp3,mp3float,mp2,mp2float,mp1,mp1float,aac,aac_latm,alac,flac,vorbis,opus,libopus,wavpack,ape,tta,tak,"
    "wmav1,wmav2,wmapro,wmalossless,ac3,eac3,speex,libspeex,amrnb,amrwb,mpc7,mpc8,gsm,gsm_ms,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,"
    "pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,"
    "dsd_lsbf,dsd_msbf,dsd_lsbf_planar,dsd_msbf_planar"
)


def find_ffmpeg(configured: str | None = None) -> Path:
    """Return the path of the configured ffmpeg (a path, or a program on PATH), or of the pinned one.

    Raises EngineError when it is missing or not executable.
    """
    path = shutil.which(configured) if configured else _find_pinned()
    if path is None:
        where = f"at {configured}" if configured else "in the package imageio-ffmpeg"
        raise EngineError(f"ffmpeg was not found {where}, or it may not be started.")
    return Path(path).resolve()


def _find_pinned() -> str | None:
    """Return the binary in the wheel without the package's own function, which runs ffmpeg to test it."""
    package = find_spec("imageio_ffmpeg")
    folders = package.submodule_search_locations if package else None
    programs = (path for folder in folders or () for path in Path(folder, "binaries").glob("ffmpeg-*"))
    return next((path for program in programs if (path := shutil.which(program))), None)


def version(ffmpeg: Path) -> str:
    """Return the version that ffmpeg reports, such as `n9.0.2-17-g2a571b6068`.

    Raises EngineError when ffmpeg fails.
    """
    text = run_child([str(ffmpeg), "-version"], limits=READER).stdout.decode("utf-8", "replace")
    match = re.match(r"ffmpeg version (\S+)", text)
    return match[1] if match else "unknown"


def major_version(version_text: str) -> int | None:
    """Return the leading number of a release version; None for a development build."""
    match = re.match(r"n?(\d+)\.", version_text)
    return int(match[1]) if match else None


def missing_encoders(ffmpeg: Path) -> tuple[str, ...]:
    """Return the names of the required encoders (and the resampler) that this ffmpeg was built without.

    Raises EngineError when ffmpeg fails.
    """
    text = run_child([str(ffmpeg), "-encoders"], limits=READER)
    built_in = set(re.findall(r"^ [A-Z.]{6} (\S+)", text.stdout.decode("utf-8", "replace"), re.MULTILINE))
    built_in |= {"libsoxr"} if "--enable-libsoxr" in text.stderr_tail else set()
    return tuple(name for name in (*NEEDED_ENCODERS, "libsoxr") if name not in built_in)


@cache
def can_stretch(ffmpeg: Path) -> bool:
    """Tell whether this ffmpeg was built with rubberband; asked once per process.

    Raises EngineError when ffmpeg fails.
    """
    text = run_child([str(ffmpeg), "-hide_banner", "-filters"], limits=READER).stdout
    return re.search(rb"^ \S+ rubberband ", text, re.MULTILINE) is not None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file that is decoded as if it was a file of its own, in bytes, and at which rate."""

    start: int
    end: int
    rate: int | None = None


def decode_args(
    ffmpeg: Path,
    path: Path,
    *,
    max_s: float,
    start_s: int = 0,
    stream: int = 0,
    part: Part | None = None,
    may_change_layout: bool = False,
) -> list[str]:
    """Return the command that decodes an untrusted file to float32 stereo, as a WAV stream on its stdout.

    The rate is the file's own and is in the WAV header. Demuxers, decoders and protocols are whitelists:
    without them a playlist disguised as an MP3 could open other files. `stream` counts the sound streams.
    Where the file may change between mono and stereo, mono comes at full level on both sides. It begins at
    second `start_s` of the sound, as far as the format can tell.
    """
    filters = [MONO_AT_FULL_LEVEL] if may_change_layout else []
    if part and part.rate:
        filters.append(f"aresample={part.rate}:resampler=soxr:precision=28")
    if start_s:
        filters.append(ALIGN_TO_START)
    return [
        *_input_args(ffmpeg, path, level="info", max_s=max_s, stream=stream, start_s=start_s, part=part),
        *("-ac", "2", *(("-af", ",".join(filters)) if filters else ())),
        *("-c:a", "pcm_f32le", "-f", "wav", "pipe:1"),
    ]


def frame_times_args(ffmpeg: Path, path: Path, *, max_s: float, stream: int = 0) -> list[str]:
    """Return the command that writes time and length of each decoded frame to its stdout, as `framecrc`."""
    return [
        *_input_args(ffmpeg, path, level="error", max_s=max_s, stream=stream),
        *("-c:a", "pcm_s16le", "-f", "framecrc", "pipe:1"),
    ]


def _input_args(
    ffmpeg: Path,
    path: Path,
    *,
    level: str,
    max_s: float,
    stream: int,
    start_s: int = 0,
    part: Part | None = None,
) -> list[str]:
    """Return the command up to its output, without any of the file's own texts."""
    url = f"subfile,,start,{part.start},end,{part.end},,:file:{path}" if part else f"file:{path}"
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", *REPORT_ARGS, "-v", f"level+{level}"),
        *("-max_alloc", str(MAX_ALLOC_BYTES), "-protocol_whitelist", "file,subfile" if part else "file"),
        *("-format_whitelist", DEMUXERS, "-codec_whitelist", DECODERS, "-err_detect", "crccheck"),
        *("-vn", "-sn", "-dn", "-threads", "1", "-t", f"{max_s:.3f}"),
        *(("-ss", str(start_s)) if start_s else ()),
        *("-i", url),
        *("-map", f"0:a:{stream}", "-map_metadata", "-1", "-map_chapters", "-1"),
        *("-fflags", "+bitexact", "-flags:a", "+bitexact"),
    ]


def resample_args(ffmpeg: Path, from_hz: int, to_hz: int) -> list[str]:
    """Return the command that resamples headerless float32 stereo (soxr, 28 bits of precision)."""
    form = ("-f", "f32le", "-ac", "2", "-ar")
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", *REPORT_ARGS, "-v", "level+error"),
        *(*form, str(from_hz), "-i", "pipe:0"),
        *("-af", f"{LARGER_FRAMES},aresample={to_hz}:resampler=soxr:precision=28"),
        *("-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"),
    ]


def stretch_args(ffmpeg: Path, rate: int, tempo: float) -> list[str]:
    """Return the command that plays headerless float32 stereo `tempo` times as fast, at its own pitch.

    It gives `round(frames / tempo)` frames, the same for any cutting of its input.
    """
    form = ("-f", "f32le", "-ac", "2", "-ar", str(rate))
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-v", "level+error", *form, "-i", "pipe:0"),
        *("-af", f"rubberband=tempo={tempo:.9f}:transients=crisp", "-c:a", "pcm_f32le", "-f", "f32le"),
        "pipe:1",
    ]
