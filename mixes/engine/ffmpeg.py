"""What we ask of ffmpeg, as argument lists; where it is, how old, and what it can do."""

import re
from pathlib import Path

from mixes.engine.errors import EngineError
from mixes.engine.sandbox import READER, run

OLDEST_MAJOR = 5  # the oldest version the flags below were tried on
NEEDED_ENCODERS = ("libmp3lame", "aac", "libx264", "pcm_f32le")
MAX_TRACK_S = 4 * 3600.0
LARGER_FRAMES = "asetnsamples=n=16384:p=0"  # fewer frames to hand from thread to thread
MAX_ALLOC_BYTES = 128 << 20  # a "1 Hz" WAV would make the resampler take 3.5 GB
DEMUXERS = "mp3,wav,w64,flac,ogg,mov,aac,aiff,matroska,asf,ac3,eac3,ape,wv,mpc,mpc8,tta,au,caf,amr,dsf,tak"
DECODERS = (
    "mp3,mp3float,mp2,mp2float,mp1,mp1float,aac,aac_latm,alac,flac,vorbis,opus,libopus,wavpack,ape,tta,tak,"
    "wmav1,wmav2,wmapro,wmalossless,ac3,eac3,speex,libspeex,amrnb,amrwb,mpc7,mpc8,gsm,gsm_ms,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,"
    "pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,"
    "dsd_lsbf,dsd_msbf,dsd_lsbf_planar,dsd_msbf_planar"
)


def find_ffmpeg(named: str | None = None) -> Path:
    """Return the ffmpeg to use: the one the operator named, or the pinned one; raises EngineError."""
    if named:
        path = Path(named)
    else:
        import imageio_ffmpeg

        path = Path(imageio_ffmpeg.get_ffmpeg_exe())
    if not path.is_file():
        raise EngineError(f"ffmpeg was not found at {path}.")
    return path.resolve()


def version(ffmpeg: Path) -> str:
    """Return the version as ffmpeg tells it, such as `n9.0.2-17-g2a571b6068`."""
    text = run([str(ffmpeg), "-version"], limits=READER).stdout.decode("utf-8", "replace")
    match = re.match(r"ffmpeg version (\S+)", text)
    return match[1] if match else "unknown"


def major_version(version_text: str) -> int | None:
    """Return the leading number of a release version; None for a build from the middle of development."""
    match = re.match(r"n?(\d+)\.", version_text)
    return int(match[1]) if match else None


def missing_encoders(ffmpeg: Path) -> tuple[str, ...]:
    """Return those of the encoders we need that this ffmpeg was built without."""
    text = run([str(ffmpeg), "-hide_banner", "-encoders"], limits=READER).stdout.decode("utf-8", "replace")
    built_in = set(re.findall(r"^ [A-Z.]{6} (\S+)", text, re.MULTILINE))
    return tuple(name for name in NEEDED_ENCODERS if name not in built_in)


def decode_args(ffmpeg: Path, path: Path, *, max_s: float) -> list[str]:
    """Return the command that decodes a stranger's file to float32 stereo, as a WAV stream on its stdout.

    At the file's own rate, which the WAV header tells. Demuxers, decoders and protocols are closed lists:
    otherwise a playlist that calls itself an MP3 would open other files.
    """
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-v", "level+info"),
        *("-max_alloc", str(MAX_ALLOC_BYTES), "-protocol_whitelist", "file"),
        *("-format_whitelist", DEMUXERS, "-codec_whitelist", DECODERS, "-err_detect", "crccheck"),
        *("-vn", "-sn", "-dn", "-threads", "1", "-t", f"{max_s:.3f}", "-i", f"file:{path}"),
        *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"),
        *(
            "-fflags",
            "+bitexact",
            "-flags:a",
            "+bitexact",
            "-ac",
            "2",
            "-c:a",
            "pcm_f32le",
            "-f",
            "wav",
            "pipe:1",
        ),
    ]


def resample_args(ffmpeg: Path, from_hz: int, to_hz: int) -> list[str]:
    """Return the command that brings float32 stereo, without a header, to another rate (28 bits exact)."""
    form = ("-f", "f32le", "-ac", "2", "-ar")
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-v", "level+error"),
        *(*form, str(from_hz), "-i", "pipe:0"),
        *("-af", f"{LARGER_FRAMES},aresample={to_hz}:resampler=soxr:precision=28"),
        *("-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"),
    ]
