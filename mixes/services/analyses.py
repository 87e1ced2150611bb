"""Request track analyses, and read their results through a cache."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from mixes.engine.analysis.track import ANALYSIS_VERSION, READABLE_VERSIONS, TrackAnalysis
from mixes.engine.music.corrections import (
    Corrections,
    correct_harmony,
    correct_rhythm,
    correct_sections,
)
from mixes.engine.tags.tags import Tags
from mixes.leases import OPEN
from mixes.models import AnalysisJob, Track
from mixes.queues import SHORT, wake

MAX_CACHED = 600  # analyses per process, about 50 kB each; more than the tracks of the longest mix

REANALYSIS_PRIORITY = 5  # after every new track, before previews

Key = tuple[UUID, datetime | None, int]  # job, when it ended, version: another result has another key


class AnalysisCache:
    """A thread-safe LRU cache of analyses, by job."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._analyses: OrderedDict[Key, TrackAnalysis] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Iterable[Key]) -> dict[Key, TrackAnalysis]:
        """Return the cached analyses among `keys`."""
        with self._lock:
            found = {key: self._analyses[key] for key in keys if key in self._analyses}
            for key in found:
                self._analyses.move_to_end(key)
        return found

    def put(self, analyses: dict[Key, TrackAnalysis]) -> None:
        """Add analyses, and evict those unused for longest."""
        with self._lock:
            self._analyses |= analyses
            while len(self._analyses) > self._most:
                self._analyses.popitem(last=False)


_cache = AnalysisCache(MAX_CACHED)


def request_analysis(track: Track) -> AnalysisJob:
    """Queue the analysis of a track by the current version, again if it was analysed before."""
    # a job queued before an update runs with the current version too
    AnalysisJob.objects.filter(track=track, state__in=OPEN).update(version=ANALYSIS_VERSION)
    job, is_new = AnalysisJob.objects.get_or_create(
        track=track,
        version=ANALYSIS_VERSION,
        defaults={"owner_id": track.owner_id, "queue": SHORT, "dedupe_key": _dedupe_key(track)},
    )
    if not is_new:
        AnalysisJob.objects.retry([job.pk])
    wake(SHORT)
    return job


def reanalyse(tracks: Iterable[Track]) -> None:
    """Queue an analysis of each track that only earlier versions have analysed, once each."""
    wanted = {track.pk: track for track in tracks}
    asked = AnalysisJob.objects.filter(track__in=wanted, version=ANALYSIS_VERSION)
    for pk in asked.values_list("track", flat=True):
        del wanted[pk]
    if not wanted:
        return
    jobs = (
        AnalysisJob(
            owner_id=track.owner_id,
            track=track,
            version=ANALYSIS_VERSION,
            queue=SHORT,
            priority=REANALYSIS_PRIORITY,
            dedupe_key=_dedupe_key(track),
        )
        for track in wanted.values()
    )
    AnalysisJob.objects.bulk_create(jobs, ignore_conflicts=True)  # other requests may do the same
    wake(SHORT)


def _dedupe_key(track: Track) -> str:
    return f"analysis:{track.pk}"


def results_of(tracks: Iterable[UUID] | QuerySet[Any, Any]) -> dict[UUID, Key]:
    """Return the key of each track's result, without reading the result; `tracks` are ids or their query.

    A result stays valid until the next one replaces it: while its job is queued again, and while a newer
    version of the analysis measures the track.
    """
    wanted = tracks if isinstance(tracks, QuerySet) else set(tracks)
    jobs = AnalysisJob.objects.filter(
        track__in=wanted, version__in=READABLE_VERSIONS, measured_at__isnull=False
    )
    rows = jobs.order_by("version").values_list("track", "pk", "measured_at", "version")
    return {track: (pk, at, version) for track, pk, at, version in rows}  # the newest version comes last


def is_outdated(key: Key | None) -> bool:
    """Tell whether this version would measure more than this result has."""
    return key is None or key[2] != ANALYSIS_VERSION


def count_awaited(tracks: Iterable[UUID]) -> int:
    """Return how many of the tracks are being analysed or wait for it."""
    jobs = AnalysisJob.objects.filter(track__in=set(tracks), state__in=OPEN)
    return jobs.values("track").distinct().count()


def analyses_of(
    tracks: Sequence[Track], results: Mapping[UUID, Key] | None = None
) -> dict[UUID, TrackAnalysis]:
    """Return the analysis of each analysed track, as its owner knows it.

    `results` are those of `results_of`, if the caller has them.
    """
    results = results_of(track.pk for track in tracks) if results is None else results
    keys = {results[track.pk]: track.pk for track in tracks if track.pk in results}
    found = _cache.get(keys)
    missing = [key[0] for key in keys if key not in found]
    if missing:
        rows = AnalysisJob.objects.filter(pk__in=missing, result__isnull=False)
        read = {
            (pk, at, version): TrackAnalysis.from_json(result)
            for pk, at, version, result in rows.values_list(
                "pk", "measured_at", "version", "result"
            ).iterator()
            if result is not None
        }
        _cache.put(read)
        found |= read
    by_track = {keys[key]: analysis for key, analysis in found.items() if key in keys}
    return {track.pk: as_owner_knows(by_track[track.pk], track) for track in tracks if track.pk in by_track}


def as_owner_knows(analysis: TrackAnalysis, track: Track) -> TrackAnalysis:
    """Return an analysis with the names, tempo, bars and key that the owner of its track set."""
    corrections = corrections_of(track)
    rhythm = correct_rhythm(analysis.rhythm, corrections)
    return replace(
        analysis,
        tags=tags_of(track),
        rhythm=rhythm,
        harmony=correct_harmony(analysis.harmony, corrections),
        sections=correct_sections(analysis.sections, analysis.rhythm, rhythm),
    )


def corrections_of(track: Track) -> Corrections:
    """Return what the owner of a track set in place of what is measured."""
    return Corrections(track.own_tempo, track.own_key, track.own_bar_shift)


def tags_of(track: Track) -> Tags:
    """Return a track's names as edited by its owner."""
    return Tags(
        track.title or track.name,
        track.artist,
        track.album,
        track.track_number,
        track.disc_number,
        track.album_artist,
    )
