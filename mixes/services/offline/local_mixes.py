"""A mix from files on this machine, without the site: find, measure, make."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixes.engine.cancellation import ShouldStop
from mixes.engine.errors import EngineError
from mixes.engine.pipeline.make import make_mix
from mixes.engine.pipeline.request import MixOutputs, MixRequest, OnProgress, Source
from mixes.services.offline.analysis_store import AnalysisStore, FileResult, analyse_tracks

MAX_REASONS = 3  # where no file can be used


def available_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class LocalMix:
    """What was made, and the files that were left out with the reason of each."""

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
    """Make the mix that `request` describes (its sources aside) of these files, into `folder`.

    Raises EngineError in one sentence; what lay in `folder` is then untouched.
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
