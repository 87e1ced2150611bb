"""Make a mix from files on this machine, without the site."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixes.engine.cancellation import ShouldStop
from mixes.engine.errors import EngineError
from mixes.engine.pipeline.make import make_mix
from mixes.engine.pipeline.request import MixOutputs, MixRequest, OnProgress, Source
from mixes.engine.tags.file_names import numbered_names
from mixes.engine.tags.tags import tags_beside
from mixes.services.offline.analysis_store import AnalysisStore, FileResult, analyse_tracks

MAX_REASONS = 3  # reasons shown when no file can be used


def available_cores() -> int:
    """Return the number of processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class LocalMix:
    """A finished mix, and the files left out with their errors."""

    request: MixRequest
    outputs: MixOutputs
    left_out: tuple[FileResult, ...]


def make_local_mix(
    paths: Sequence[Path],
    request: MixRequest,
    folder: Path,
    *,
    store: AnalysisStore,
    ffmpeg: Path,
    skip_bad: bool,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> LocalMix:
    """Make a mix of these files in `folder`; `request` gives everything but the sources.

    Raises DecodeError, EngineError and Cancelled; then `folder` keeps what it had.
    """
    started_s = time.monotonic()
    results = analyse_tracks(
        paths,
        store=store,
        ffmpeg=ffmpeg,
        cores=request.cores,
        skip_bad=skip_bad,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    results = without_numbers(results)
    sources = tuple(Source(result.path, result.analysis) for result in results if result.analysis)
    if not sources:
        reasons = " ".join(str(result.error) for result in results[:MAX_REASONS])
        raise EngineError(f"None of these files can be used, so there is nothing to mix. {reasons}")
    analyse_s = time.monotonic() - started_s
    request = replace(request, sources=sources)
    outputs = make_mix(request, folder, ffmpeg=ffmpeg, on_progress=on_progress, should_stop=should_stop)
    timings_s = {"analyse": analyse_s, **outputs.timings_s, "total": time.monotonic() - started_s}
    left_out = tuple(result for result in results if result.error)
    return LocalMix(request, replace(outputs, timings_s=timings_s), left_out)


def without_numbers(results: Sequence[FileResult]) -> list[FileResult]:
    """Take track numbers out of titles that came from file names, judged by the files beside them."""
    folders: dict[Path, list[str]] = {}
    for result in results:
        folders.setdefault(result.path.parent, []).append(result.path.name)
    numbered = {folder / name for folder, names in folders.items() for name in numbered_names(names)}
    named = []
    for result in results:
        analysis = result.analysis
        if analysis and result.path in numbered:
            analysis = replace(analysis, tags=tags_beside(analysis.tags, result.path.name))
        named.append(replace(result, analysis=analysis))
    return named
