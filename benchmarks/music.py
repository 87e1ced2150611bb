"""Input music: a folder of audio files, or songs from our own generator.

Converted files are stored in a cache folder under `--work`, never in the repository.
"""

import re
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import cores
from mixes.engine.synth.songs import make_songs, write_song

Samples = NDArray[np.float32]  # shape (frames, 2)

AUDIO = {".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma", ".wv"}
TRACKS = 12
SHORTEST_S = 90.0  # shorter files are jingles
LONGEST_S = 400.0
GENERATED_S = 210.0
QUICK_TRACKS, QUICK_S = 4, 45.0
MIXED_S = 75.0
MONO_GAIN = np.float32(2**0.5)  # ffmpeg gives each side 1 / sqrt(2) of a mono file, players give all
LAME_320 = ("-c:a", "libmp3lame", "-b:a", "320k", "-id3v2_version", "3")
FORMATS: tuple[tuple[str, tuple[str, ...]], ...] = (  # suffix, options: ten formats, five rates, mono
    ("flac", ("-ar", "96000", "-c:a", "flac")),
    ("m4a", ("-c:a", "aac", "-b:a", "256k")),
    ("wav", ("-ar", "48000", "-c:a", "pcm_s24le")),
    ("wav", ("-ar", "22050", "-ac", "1", "-c:a", "pcm_s16le")),
    ("opus", ("-c:a", "libopus", "-b:a", "160k")),
    ("ogg", ("-c:a", "libvorbis", "-q:a", "6")),
    ("wma", ("-c:a", "wmav2", "-b:a", "192k")),
    ("wv", ("-af", "asetnsamples=4096", "-c:a", "wavpack")),
    ("aiff", ("-ar", "32000", "-c:a", "pcm_s16be", "-write_id3v2", "1")),
    ("m4a", ("-c:a", "alac")),
)


@dataclass(frozen=True, slots=True)
class Music:
    """Tracks as tagged MP3 files, the same music in ten formats, and a name for it."""

    tracks: tuple[Path, ...]
    mixed: tuple[Path, ...]
    lengths_s: tuple[float, ...]  # of `tracks`, in seconds
    name: str
    files: tuple[Path, ...]  # all there are, in the order of their names

    @property
    def total_s(self) -> float:
        return sum(self.lengths_s)


def prepare(ffmpeg: Path, folder: Path | None, work: Path, *, quick: bool, convert: bool = True) -> Music:
    """Choose and convert the input files; existing files are reused. Only `files` without `convert`."""
    cache = work / ("music-quick" if quick else "music")
    sources = _audio_files(folder) if folder else _generated(ffmpeg, work, quick=quick)
    files = tuple(sources)
    if not convert:
        return Music((), (), (), f"{len(files)} files", files)
    if folder:
        sources = _usual_first(ffmpeg, sources)
    cut_s = QUICK_S if quick else None
    chosen = sources[: QUICK_TRACKS if quick else TRACKS]
    tracks = _converted(ffmpeg, chosen, cache / "mp3", [("mp3", LAME_320)] * len(chosen), cut_s)
    mixed_sources = [sources[index % len(sources)] for index in range(len(FORMATS))]
    mixed = _converted(ffmpeg, mixed_sources, cache / "mixed", FORMATS, 15.0 if quick else MIXED_S)
    lengths = tuple(length_s(ffmpeg, track) for track in tracks)
    name = f"{len(tracks)} tracks of {folder.name}" if folder else f"{len(tracks)} generated songs"
    return Music(tracks, mixed, lengths, f"{name}, {sum(lengths) / 60:.1f} minutes as MP3 320", files)


def read(
    ffmpeg: Path, path: Path, rate: int, *, from_s: float = 0.0, seconds: float | None = None
) -> Samples:
    """Decode with plain ffmpeg, without our own code: float32 of shape (frames, 2); mono at full level."""
    part = [] if seconds is None else ["-t", f"{seconds:.6f}"]
    seek = ["-ss", f"{from_s:.6f}"] if from_s else []  # a seek to 0 would drop sound with negative times
    argv = [ffmpeg, "-nostdin", "-v", "error", "-i", path, *seek, *part]
    done = subprocess.run(
        [*map(str, argv), "-map", "0:a:0", "-ac", "2", "-ar", str(rate), "-f", "f32le", "-"],
        capture_output=True,
        check=True,
    )
    samples = np.frombuffer(done.stdout, dtype="<f4").reshape(-1, 2)
    return samples * MONO_GAIN if is_mono(ffmpeg, path) else samples


def is_mono(ffmpeg: Path, path: Path) -> bool:
    """Return what ffmpeg says of the file when it is given nothing to do."""
    argv = [str(ffmpeg), "-nostdin", "-hide_banner", "-i", str(path)]
    text = subprocess.run(argv, capture_output=True, check=False).stderr
    return re.search(rb"Audio: [^\n]* Hz, mono", text) is not None


def length_s(ffmpeg: Path, path: Path) -> float:
    """Return the exact length in seconds, by decoding the whole file."""
    return count_frames(ffmpeg, path, 44_100) / 44_100


def count_frames(ffmpeg: Path, path: Path, rate: int) -> int:
    """Return the number of frames that plain ffmpeg decodes, without storing them."""
    argv = [str(ffmpeg), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0", "-ac", "1"]
    argv += ["-ar", str(rate), "-f", "u8", "-c:a", "pcm_u8", "-"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        return sum(map(len, iter(partial(child.stdout.read, 1 << 20), b"")))


def _audio_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in AUDIO)
    if not files:
        raise SystemExit(f"No audio file in {folder}.")
    return files


def _usual_first(ffmpeg: Path, files: list[Path]) -> list[Path]:
    """Return the files, those of the usual length of a song first."""
    usual = {path for path in files if SHORTEST_S <= length_s(ffmpeg, path) <= LONGEST_S}
    return sorted(files, key=lambda path: (path not in usual, path))


def _generated(ffmpeg: Path, work: Path, *, quick: bool) -> list[Path]:
    folder = work / ("songs-quick" if quick else "songs")
    folder.mkdir(parents=True, exist_ok=True)
    songs = make_songs(QUICK_TRACKS if quick else TRACKS, seconds=QUICK_S if quick else GENERATED_S)
    paths = [folder / f"{number:02d} {song.file_stem}.flac" for number, song in enumerate(songs, 1)]
    wanted = [(song, path) for song, path in zip(songs, paths, strict=True) if not path.exists()]
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(lambda pair: write_song(ffmpeg, pair[0], pair[1]), wanted))
    return paths


def _converted(
    ffmpeg: Path,
    sources: Iterable[Path],
    folder: Path,
    formats: Sequence[tuple[str, tuple[str, ...]]],
    cut_s: float | None,
) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)

    def convert(job: tuple[int, Path, tuple[str, tuple[str, ...]]]) -> Path:
        number, source, (ending, options) = job
        out = folder / f"{number:02d} {source.stem.lstrip('0123456789 ')}.{ending}"
        if out.exists():
            return out
        if ending == "mp3" and source.suffix.lower() == ".mp3" and cut_s is None:
            out.symlink_to(source.resolve())
            return out
        part = ["-t", str(cut_s)] if cut_s else []
        # Without album: consecutive tracks of one that were cut would be joined gapless.
        album = ["-metadata", "album=", "-metadata:s:a", "album="] if cut_s else []
        argv = [ffmpeg, "-nostdin", "-v", "error", "-y", *part, "-i", source, "-map", "0:a:0"]
        argv += ["-map_metadata", "0", "-map_metadata", "0:s:0", *album, *options, "-threads", "1"]
        unfinished = folder / f"part {out.name}"
        subprocess.run([*map(str, argv), unfinished], check=True)
        unfinished.rename(out)
        return out

    with ThreadPoolExecutor(cores()) as pool:
        return tuple(pool.map(convert, zip(range(1, 1000), sources, formats, strict=False)))
