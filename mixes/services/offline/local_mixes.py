"""Make a mix from files on this machine, without the site."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.cancellation import ShouldStop
from mixes.engine.errors import EngineError
from mixes.engine.mixing.unheard import SHORTEN_SILENCES
from mixes.engine.ordering.problem import Locks
from mixes.engine.ordering.songs import album_pairs, order_song
from mixes.engine.ordering.suggestion import Suggestion, suggestion_of
from mixes.engine.pipeline.make import make_mix
from mixes.engine.pipeline.request import MixOutputs, MixRequest, OnProgress, Source
from mixes.engine.tags.file_names import numbered_names
from mixes.engine.tags.tags import Tags, tags_beside, tags_from_name
from mixes.services.offline.album_files import cut_into_songs
from mixes.services.offline.analysis_store import AnalysisStore, FileResult, analyse_tracks
from mixes.services.offline.input_files import Inputs

PARTS = "parts"  # folder of songs cut out of longer files, while they are mixed
SHORTEN_OPTION = "--shorten-silences"
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
    origins: Mapping[Path, Path] = field(default_factory=dict)  # of songs that were cut out of a longer file
    suggestion: Suggestion | None = None  # where the order is a suggested one


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What is asked of a suggested order."""

    arc: str | None = None
    keep_first: bool = False
    keep_last: bool = False


def make_local_mix(
    inputs: Inputs,
    request: MixRequest,
    folder: Path,
    *,
    store: AnalysisStore,
    ffmpeg: Path,
    skip_bad: bool,
    replace_other: bool = False,
    order: OrderWish | None = None,
    on_progress: OnProgress,
    on_note: Callable[[str], None] = lambda note: None,
    should_stop: ShouldStop,
) -> LocalMix:
    """Make a mix of these files in `folder`; `request` gives everything but the sources.

    With `order` the songs are put into a suggested order. With `replace_other`, a mix of another title whose
    files have the same names is replaced.
    `on_note` receives the notes of the plan before it is rendered.
    Raises DecodeError, EngineError and Cancelled; then `folder` keeps what it had.
    """
    started_s = time.monotonic()
    with cut_into_songs(inputs, store.folder / PARTS, ffmpeg=ffmpeg, should_stop=should_stop) as (
        songs,
        origins,
    ):
        results = analyse_tracks(
            songs.tracks,
            store=store,
            ffmpeg=ffmpeg,
            cores=request.cores,
            skip_bad=skip_bad,
            on_progress=on_progress,
            should_stop=should_stop,
        )
        results = without_numbers(results)
        sources = tuple(
            Source(result.path, named(result.analysis, result.path, songs.names.get(result.path)))
            for result in results
            if result.analysis
        )
        if not sources:
            reasons = " ".join(str(result.error) for result in results[:MAX_REASONS])
            raise EngineError(f"None of these files can be used, so there is nothing to mix. {reasons}")
        suggestion = suggest(sources, order) if order else None
        if suggestion:
            on_note(suggestion_note(suggestion))
            sources = tuple(sources[place] for place in suggestion.order)
        analyse_s = time.monotonic() - started_s
        request = replace(request, sources=sources)
        outputs = make_mix(
            request,
            folder,
            ffmpeg=ffmpeg,
            replace_other=replace_other,
            on_progress=on_progress,
            on_note=lambda note: on_note(with_option(note)),
            should_stop=should_stop,
        )
        timings_s = {"analyse": analyse_s, **outputs.timings_s, "total": time.monotonic() - started_s}
        left_out = tuple(result for result in results if result.error)
        notes = (*songs.notes, *map(with_option, outputs.notes))
        return LocalMix(
            request, replace(outputs, timings_s=timings_s, notes=notes), left_out, origins, suggestion
        )


def suggest(sources: Sequence[Source], wish: OrderWish) -> Suggestion:
    """Return a suggested order of the songs; those that run into each other on their album stay together."""
    tracks = [source.analysis for source in sources]
    locks = Locks(wish.keep_first, wish.keep_last, album_pairs(tracks))
    return suggestion_of([order_song(track) for track in tracks], locks, wish.arc)


def suggestion_note(suggestion: Suggestion) -> str:
    """Return in one sentence what a suggested order changes."""
    if not suggestion.is_change:
        return "Suggested order: no order fits better than the one given, so it stays."
    better = f"{suggestion.better} {'join fits' if suggestion.better == 1 else 'joins fit'} better"
    return f"Suggested order: {better}, {suggestion.worse} worse."


def with_option(note: str) -> str:
    """Return a note with the command's option in place of the page's name of a setting."""
    return note.replace(SHORTEN_SILENCES, SHORTEN_OPTION)


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


def named(analysis: TrackAnalysis, path: Path, tags: Tags | None) -> TrackAnalysis:
    """Return the analysis with the playlist's names for a file whose tags name neither song nor artist."""
    own, from_name = analysis.tags, tags_from_name(path.name)
    of_file = [(known.title, known.artist) for known in (from_name, tags_beside(from_name, path.name))]
    if tags is None or (own.title, own.artist) not in of_file:
        return analysis
    known = {name: value for name, value in tags.to_dict().items() if value}
    return replace(analysis, tags=replace(own, **known))
