"""What was measured of tracks: asked for, and read from its rows at little cost."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from mixes.engine.analysis import ANALYSIS_VERSION, TrackAnalysis
from mixes.engine.tags import Tags
from mixes.models import AnalysisJob, Track
from mixes.queues import SHORT, wake

KEPT = 600  # analyses held by this process, about 50 kB each: more than the tracks of the longest mix

Key = tuple[UUID, datetime | None]  # a job that ran again has another result


class Kept:
    """The analyses used last, by job."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._analyses: OrderedDict[Key, TrackAnalysis] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, keys: Iterable[Key]) -> dict[Key, TrackAnalysis]:
        """Return those of `keys` that are here."""
        with self._lock:
            found = {key: self._analyses[key] for key in keys if key in self._analyses}
            for key in found:
                self._analyses.move_to_end(key)
        return found

    def keep(self, analyses: dict[Key, TrackAnalysis]) -> None:
        """Hold these too, and forget those that were not used for longest."""
        with self._lock:
            self._analyses |= analyses
            while len(self._analyses) > self._most:
                self._analyses.popitem(last=False)


_kept = Kept(KEPT)


def request_analysis(track: Track) -> AnalysisJob:
    """Have a track measured by this version of the analysis, again where it was before."""
    job, is_new = AnalysisJob.objects.get_or_create(
        track=track,
        version=ANALYSIS_VERSION,
        defaults={"owner_id": track.owner_id, "queue": SHORT, "dedupe_key": f"analysis:{track.pk}"},
    )
    if not is_new:
        AnalysisJob.objects.retry([job.pk])
    wake(SHORT)
    return job


def analyses_of(tracks: Sequence[Track]) -> dict[UUID, TrackAnalysis]:
    """Return the analysis of each measured track, with the names its owner gave it."""
    jobs = AnalysisJob.objects.filter(track__in=tracks, version=ANALYSIS_VERSION, result__isnull=False)
    keys = {(pk, ended): track for pk, track, ended in jobs.values_list("pk", "track", "finished_at")}
    found = _kept.take(keys)
    missing = [pk for pk, ended in keys if (pk, ended) not in found]
    if missing:
        rows = AnalysisJob.objects.filter(pk__in=missing, result__isnull=False)
        read = {
            (pk, ended): TrackAnalysis.from_json(result)
            for pk, ended, result in rows.values_list("pk", "finished_at", "result")
        }
        _kept.keep(read)
        found |= read
    by_track = {keys[key]: analysis for key, analysis in found.items() if key in keys}
    return {
        track.pk: replace(by_track[track.pk], tags=tags_of(track)) for track in tracks if track.pk in by_track
    }


def tags_of(track: Track) -> Tags:
    """Return a track's names as its owner wants them."""
    return Tags(track.title or track.name, track.artist, track.album, track.track_number)
