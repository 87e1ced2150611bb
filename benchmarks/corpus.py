"""Take every file of a folder as the command `mix` does, and count what becomes of it.

`python -m benchmarks.corpus FOLDER [--table FILE]` analyses each file by itself, opens what is no song as a
picture, then mixes the songs, MIX_FILES at a time, with the check sheet. The table has one line per file:
path, outcome, seconds, sentences.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mixes.engine.cancellation import never
from mixes.engine.errors import DecodeError, EngineError
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.pictures.pictures import VIDEO_SIZES, safe_picture
from mixes.engine.pipeline.request import MixRequest, ignore_progress
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.services.offline.analysis_store import AnalysisStore, analyse_file
from mixes.services.offline.input_files import Inputs, find_inputs
from mixes.services.offline.local_mixes import make_local_mix

MIX_FILES = 40
SLOW_S = 30.0  # a file that takes longer counts as a hang
SONGS = ("song", "song with a note")
OUTCOMES = (*SONGS, "picture", "refused", "crash", "hang")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `tracks` are its songs, of a playlist those that it names."""

    path: Path
    kind: str  # one of OUTCOMES
    took_s: float
    sentences: tuple[str, ...]
    tracks: tuple[Path, ...] = ()

    def line(self, folder: Path) -> str:
        name = str(self.path.relative_to(folder)).encode("utf-8", "replace").decode()
        return "\t".join((name, self.kind, f"{self.took_s:.1f}", " | ".join(self.sentences)))


def take_file(path: Path, store: AnalysisStore, ffmpeg: Path) -> Outcome:
    """Analyse the songs that a path stands for. A crash is logged with its traceback."""
    started_s = time.monotonic()
    tracks: tuple[Path, ...] = ()
    try:
        inputs = find_inputs([path])
        analyses = [
            analyse_file(track, store, ffmpeg, on_progress=lambda fraction: None, should_stop=never)
            for track in inputs.tracks
        ]
        sentences = (*inputs.notes, *(note for analysis in analyses for note in analysis.notes))
        kind = SONGS[1] if sentences else SONGS[0]
        tracks = tuple(inputs.tracks)
    except EngineError as error:
        kind, sentences = take_picture(path), (str(error),)
    except Exception as error:  # what this program looks for
        logger.exception("%s crashed", path)
        sentences, kind = (repr(error),), "crash"
    took_s = time.monotonic() - started_s
    return Outcome(path, "hang" if took_s > SLOW_S else kind, took_s, sentences, tracks)


def take_picture(path: Path) -> str:
    """Return the outcome of a file that is no song."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            safe_picture(path, VIDEO_SIZES[0], Path(folder) / "picture.png")
        except EngineError:
            return "refused"
    return "picture"


def mix_files(paths: Sequence[Path], store: AnalysisStore, ffmpeg: Path) -> str:
    """Mix the files and return what happened: files that a mix refuses are named, and it is made without.

    A crash is logged with its traceback.
    """
    request = MixRequest((), "Corpus", "", date.today().isoformat(), MixSettings(), check=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            mix = make_local_mix(
                Inputs(list(paths)),
                request,
                Path(folder),
                store=store,
                ffmpeg=ffmpeg,
                skip_bad=False,
                on_progress=ignore_progress,
                should_stop=never,
            )
        except DecodeError as error:
            others = [path for path in paths if path.absolute() != error.path.absolute()]
            return f"refused: {error}; the others: {mix_files(others, store, ffmpeg)}"
        except Exception as error:  # what this program looks for
            logger.exception("a mix from %s on crashed", paths[0])
            return f"crash: {error!r}"
    wrong = [
        item.sentence
        for sheet in mix.outputs.checks.values()
        for item in sheet.items
        if item.verdict == "wrong"
    ]
    return f"wrong: {' '.join(wrong)}" if wrong else "right"


def run(folder: Path) -> Iterator[Outcome]:
    """Yield the outcome of each file in the folder, then print what became of the mixes."""
    ffmpeg = find_ffmpeg()
    with tempfile.TemporaryDirectory() as kept:
        store = AnalysisStore(Path(kept))
        usable: list[Path] = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            outcome = take_file(path, store, ffmpeg)
            usable += outcome.tracks
            yield outcome
        for first in range(0, len(usable), MIX_FILES):
            files = usable[first : first + MIX_FILES]
            result = mix_files(files, store, ffmpeg)
            sys.stdout.write(f"mix of {len(files)} songs from {files[0].name} on: {result}\n")


def main() -> int:
    """Print the counts; return 1 after a crash or a hang."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", type=Path, help="file to write one line per file into")
    options = parser.parse_args()
    folder = options.folder.resolve()
    outcomes = []
    for outcome in run(folder):
        outcomes.append(outcome)
        sys.stdout.write(f"{outcome.line(folder)}\n")
    if options.table:
        options.table.write_text("".join(f"{outcome.line(folder)}\n" for outcome in outcomes))
    counts = Counter(outcome.kind for outcome in outcomes)
    sys.stdout.write(", ".join(f"{counts[kind]} {kind}" for kind in OUTCOMES) + "\n")
    return 1 if counts["crash"] or counts["hang"] else 0


if __name__ == "__main__":
    sys.exit(main())
