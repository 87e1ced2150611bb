"""Cut a file that holds a whole album into its songs, as a CUE sheet tells."""

import contextlib
import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from mixes.engine.analysis.damage import find_damage
from mixes.engine.analysis.truncation import UNKNOWN_SIZE
from mixes.engine.cancellation import ShouldStop
from mixes.engine.codecs.decode import Decoder, open_track
from mixes.engine.pipeline.work_folder import check_disk_space, work_folder
from mixes.engine.samples import FRAME_BYTES
from mixes.services.offline.input_files import Inputs
from mixes.services.offline.playlists import Part

BLOCK_FRAMES = 1 << 16
WAV_FLOAT = 3


@contextlib.contextmanager
def cut_into_songs(
    inputs: Inputs, folder: Path, *, ffmpeg: Path, should_stop: ShouldStop
) -> Iterator[tuple[Inputs, dict[Path, Path]]]:
    """Give the inputs with one file per song, and for each such file the one it was cut from.

    The new files are in a folder inside `folder` that is removed afterwards. Raises DecodeError, Cancelled,
    OutputError.
    """
    if not inputs.parts:
        yield inputs, {}
        return
    with work_folder(folder) as work:
        tracks: list[Path] = []
        names, origins, notes = dict(inputs.names), dict[Path, Path](), list(inputs.notes)
        for place, path in enumerate(inputs.tracks):
            if path not in inputs.parts:
                tracks.append(path)
                continue
            parts = inputs.parts[path]
            songs, damage = _cut(path, parts, work / str(place), ffmpeg, should_stop)
            notes += [f"{path.name}: {note}" for note in damage]
            tracks += songs
            names |= {song: part.tags for song, part in zip(songs, parts, strict=True)}
            origins |= dict.fromkeys(songs, path)
        yield replace(inputs, tracks=tracks, names=names, parts={}, notes=notes), origins


def _cut(
    path: Path, parts: Sequence[Part], folder: Path, ffmpeg: Path, should_stop: ShouldStop
) -> tuple[list[Path], tuple[str, ...]]:
    """Write each part as a WAV of 32-bit floats; return their paths, and notes on damage of the file."""
    folder.mkdir()
    songs = [folder / f"{number:03d}.wav" for number in range(1, len(parts) + 1)]
    with open_track(ffmpeg, path, None, should_stop=should_stop) as decoder:
        check_disk_space(folder, round((decoder.info.declared_s or 0) * decoder.rate * FRAME_BYTES))
        starts = [0, *(round(part.start_s * decoder.rate) for part in parts[1:])]  # with all before the first
        lengths = [end - start for start, end in itertools.pairwise(starts)]
        for song, frames in zip(songs, [*lengths, None], strict=True):
            _write_part(decoder, song, frames)
    return songs, find_damage(ffmpeg, decoder, should_stop).notes


def _write_part(decoder: Decoder, path: Path, frames: int | None) -> None:
    """Write the next `frames` frames, or with None all that is left."""
    written = 0
    with path.open("wb") as file:
        _write_header(file, decoder.rate, 0)
        while frames is None or written < frames:
            wanted = BLOCK_FRAMES if frames is None else min(BLOCK_FRAMES, frames - written)
            block = decoder.read(wanted)
            file.write(block.tobytes())
            written += len(block)
            if len(block) < wanted:
                break
        file.seek(0)
        _write_header(file, decoder.rate, written * FRAME_BYTES)


def _write_header(file: IO[bytes], rate: int, size: int) -> None:
    form = struct.pack("<HHIIHH", WAV_FLOAT, 2, rate, rate * FRAME_BYTES, FRAME_BYTES, 32)
    riff_size = min(36 + size, UNKNOWN_SIZE)  # more than the field holds: read to the end of the file
    file.write(struct.pack("<4sI4s4sI", b"RIFF", riff_size, b"WAVE", b"fmt ", len(form)) + form)
    file.write(struct.pack("<4sI", b"data", min(size, UNKNOWN_SIZE)))
