"""Analyse track files in parallel, and store the analyses by content so that each is made once."""

import contextlib
import json
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mixes.engine.analysis.track import ANALYSIS_VERSION, TAGS_UNREADABLE, TrackAnalysis, analyse_track
from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.decode import check_readable
from mixes.engine.errors import DecodeError, EngineError
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.request import OnProgress, ignore_progress
from mixes.engine.tags.tags import read_tags


@dataclass(frozen=True, slots=True)
class AnalysisStore:
    """Analyses in files named by the track's SHA-256 and the version of the analysis."""

    folder: Path

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}-v{ANALYSIS_VERSION}.json"

    def load(self, sha256: str, track: Path) -> TrackAnalysis | None:
        """Return the stored analysis of this content; tags are read again if the file has another name."""
        try:
            kept = json.loads(self.path(sha256).read_text())
            analysis = TrackAnalysis.from_json(kept["analysis"])
        except (OSError, ValueError, KeyError, TypeError):  # missing or damaged: analyse the track again
            return None
        try:
            return analysis if kept["name"] == track.name else replace(analysis, tags=read_tags(track))
        except EngineError:  # reading tags failed: the whole analysis reports it
            return None

    def save(self, analysis: TrackAnalysis, track: Path) -> None:
        """Store an analysis atomically."""
        path = self.path(analysis.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
            try:
                json.dump({"name": track.name, "analysis": analysis.to_json()}, file)
                file.close()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of one file: its analysis, or why it cannot be used."""

    path: Path
    analysis: TrackAnalysis | None
    error: DecodeError | None = None


def analyse_tracks(
    paths: Sequence[Path],
    *,
    store: AnalysisStore,
    ffmpeg: Path,
    cores: int,
    skip_bad: bool = False,
    on_progress: OnProgress = ignore_progress,
    should_stop: ShouldStop = never,
) -> list[FileResult]:
    """Return one result per path, in order.

    Raises Cancelled, and the first DecodeError unless `skip_bad`.
    """
    stopped = threading.Event()
    done = SharedProgress(len(paths), on_progress)

    def stop() -> bool:
        return stopped.is_set() or should_stop()

    def analyse(index: int) -> FileResult:
        path = paths[index]
        try:
            report = partial(done.report, index)
            return FileResult(path, analyse_file(path, store, ffmpeg, on_progress=report, should_stop=stop))
        except DecodeError as error:
            if not skip_bad:
                raise
            return FileResult(path, None, error)
        finally:
            done.report(index, 1.0)

    with ThreadPoolExecutor(max_workers=cores) as threads:
        try:
            return list(threads.map(analyse, range(len(paths))))
        except BaseException:
            stopped.set()  # cancels the threads still running
            raise


def analyse_file(
    path: Path,
    store: AnalysisStore,
    ffmpeg: Path,
    *,
    on_progress: Callable[[float], None],
    should_stop: ShouldStop,
) -> TrackAnalysis:
    """Return the stored analysis of a file's content, or analyse it. Raises DecodeError and Cancelled."""
    sha256 = hash_track(path, should_stop)
    kept = store.load(sha256, path)
    if kept is not None:
        check_readable(path)  # its content is known, its name may be another
        return kept
    analysis = analyse_track(ffmpeg, path, sha256=sha256, on_progress=on_progress, should_stop=should_stop)
    if TAGS_UNREADABLE not in analysis.notes:  # possibly a fault of the machine: try again next time
        with contextlib.suppress(OSError):  # the store only saves time: a full disk need not stop a mix
            store.save(analysis, path)
    return analysis


def hash_track(path: Path, should_stop: ShouldStop) -> str:
    """Return the SHA-256 of a track's file. Raises DecodeError and Cancelled."""
    if not path.is_file():
        raise DecodeError(path, "there is no such file or folder.")
    try:
        return hash_file(path, should_stop)
    except OSError as error:
        raise DecodeError(path, f"it cannot be read ({error.strerror}).") from error


class SharedProgress:
    """Averages the progress of several tracks, reported from several threads."""

    def __init__(self, count: int, on_progress: OnProgress) -> None:
        self._fractions = [0.0] * count
        self._on_progress = on_progress
        self._lock = threading.Lock()

    def report(self, index: int, fraction: float) -> None:
        with self._lock:
            self._fractions[index] = fraction
            self._on_progress("analyse", sum(self._fractions) / len(self._fractions))
