"""Other tools making the same mix, each as a process, and the lower limit of CPU time.

All use the engine's ffmpeg and write MP3 at 320 kbit/s from the same files, with overlaps of the same length.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Run

OVERLAP_S = 8.0  # the default transition
RAW = ("-f", "f32le", "-ar", "44100", "-ac", "2")
QUIET = ("-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y")
LAME_320 = ("-c:a", "libmp3lame", "-b:a", "320k")
VIDEO_SAMPLE_S = 60  # extrapolated to the whole video: every frame costs the same


@dataclass(frozen=True, slots=True)
class Limit:
    """Lower limit of CPU seconds: decoding every source and encoding the mix, each with plain ffmpeg."""

    decode_s: float
    encode_s: float

    @property
    def cpu_s(self) -> float:
        return self.decode_s + self.encode_s


def pydub_seed(ffmpeg: Path, tracks: Sequence[Path], out: Path, *, memory: bool = False) -> Run:
    """Run the plain pydub program: whole songs in memory, unprimed low-pass, one export at the end."""
    argv = [sys.executable, "-W", "ignore", "-m", "benchmarks.pydub_seed", ffmpeg, out, *tracks]
    return measure.run(argv, cwd=Path(__file__).parents[1], memory=memory)


def acrossfade(ffmpeg: Path, tracks: Sequence[Path], out: Path, *, memory: bool = False) -> Run:
    """Run one ffmpeg with a chain of `acrossfade` filters."""
    inputs = [part for track in tracks for part in ("-i", track)]
    joins, last = [], "[0:a]"
    for number in range(1, len(tracks)):
        joins.append(f"{last}[{number}:a]acrossfade=d={OVERLAP_S}:c1=qsin:c2=qsin[m{number}]")
        last = f"[m{number}]"
    argv = [ffmpeg, *QUIET, *inputs, "-filter_complex", ";".join(joins), "-map", last, *LAME_320, out]
    return measure.run(argv, memory=memory)


def sox_splice(
    ffmpeg: Path, tracks: Sequence[Path], lengths_s: Sequence[float], out: Path, *, memory: bool = False
) -> Run | None:
    """Run `sox splice` between an ffmpeg for each track and one for the MP3; None when sox is not installed.

    Not every sox reads and writes MP3, so pipes do it; encoding then runs in parallel.
    """
    if shutil.which("sox") is None:
        return None
    script = out.with_suffix(".sh")
    script.write_text(_sox_script(ffmpeg, tracks, lengths_s, out), encoding="utf-8")
    return measure.run(["bash", "-eu", "-o", "pipefail", script], memory=memory)


def _sox_script(ffmpeg: Path, tracks: Sequence[Path], lengths_s: Sequence[float], out: Path) -> str:
    sources, points, end_s = [], [], 0.0
    for track, length_s in zip(tracks, lengths_s, strict=True):
        command = f"{ffmpeg} -nostdin -v error -i {_quoted(track)} {' '.join(RAW)} -"
        sources.append(f"-t f32 -r 44100 -c 2 {_quoted(f'|{command}')}")
        end_s += length_s
        points.append(
            f"{end_s - OVERLAP_S / 2:.4f},{OVERLAP_S / 2},0"
        )  # middle of the overlap, half of it, as is
    encode = f"{ffmpeg} {' '.join(QUIET)} -f wav -i - {' '.join(LAME_320)} {_quoted(out)}"
    encode = encode.replace("-nostdin ", "")
    return f"sox {' '.join(sources)} -t wav - splice -q {' '.join(points[:-1])} | {encode}\n"


def _quoted(text: str | Path) -> str:
    return "'" + str(text).replace("'", "'\\''") + "'"


def still_video(ffmpeg: Path, picture: Path, audio: Path, out: Path, *, seconds: float) -> Run:
    """Run the plain video command, which encodes every frame of the still, on the first `seconds`."""
    argv = [
        *(ffmpeg, *QUIET, "-loop", "1", "-i", picture, "-t", f"{seconds}", "-i", audio),
        *("-c:v", "libx264", "-tune", "stillimage", "-c:a", "aac", "-b:a", "192k", "-pix_fmt", "yuv420p"),
        *("-t", f"{seconds}", "-shortest", out),
    ]
    return measure.run(argv)


def limit(ffmpeg: Path, tracks: Sequence[Path], mix: Path, work: Path) -> Limit:
    """Measure the CPU of decoding each track alone and of encoding `mix` alone, one thread each."""
    decode_s = sum(_decode_cpu_s(ffmpeg, track) for track in tracks)
    raw = work / "limit.f32"
    measure.run([ffmpeg, *QUIET, "-i", mix, *RAW, raw])
    try:
        argv = [ffmpeg, *QUIET, *RAW, "-i", raw, "-threads", "1", *LAME_320, work / "limit.mp3"]
        encode_s = measure.run(argv).cpu_s
    finally:
        raw.unlink(missing_ok=True)
    return Limit(decode_s, encode_s)


def _decode_cpu_s(ffmpeg: Path, track: Path) -> float:
    return measure.run(
        [ffmpeg, *QUIET, "-threads", "1", "-i", track, "-map", "0:a:0", *RAW, "/dev/null"]
    ).cpu_s
