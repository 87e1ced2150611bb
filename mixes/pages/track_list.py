"""The rows of track lists: state in words, progress, and the mixes that use each track."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.leases import State
from mixes.models import AnalysisJob, Mix, Track, Upload
from mixes.services import storage, wording
from mixes.services.library import tracks, uploads

MOVED_S = 30.0  # after the last byte; until then an upload counts as active, even between two requests


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A track and what a list shows with it."""

    track: Track
    mixes: tuple[Mix, ...]
    words: str  # progress in words; empty when ready or refused
    percent: int | None = None
    is_working: bool = False  # about to change: the page polls it


def rows_of(found: Sequence[Track]) -> list[TrackRow]:
    """Return a row for each track, in order; the tracks must be fetched with their uploads."""
    used = tracks.mixes_using(list(found))
    listening = [track.pk for track in found if track.state == Track.State.ANALYSING]
    jobs = AnalysisJob.objects.filter(track__in=listening, version=ANALYSIS_VERSION) if listening else ()
    progress = {job.track_id: job for job in jobs}
    return [_row(track, tuple(used[track.pk]), progress) for track in found]


def _row(track: Track, mixes: tuple[Mix, ...], jobs: dict[UUID, AnalysisJob]) -> TrackRow:
    if track.state == Track.State.UPLOADING:
        return _uploading(track, mixes, track.upload)
    if track.state != Track.State.ANALYSING:
        return TrackRow(track, mixes, "")
    job = jobs.get(track.pk)
    percent = job.percent if job else 0
    if job and job.state == State.QUEUED and job.attempt:
        words = str(wording.restarting(job.attempt + 1))
    else:
        words = _("Listening, %(percent)s %%") % {"percent": percent} if percent else _("Listening")
    return TrackRow(track, mixes, words, percent or None, is_working=True)


def _uploading(track: Track, mixes: tuple[Mix, ...], upload: Upload) -> TrackRow:
    percent = uploads.received_bytes(upload) * 100 // upload.size
    if is_moving(upload):
        words = _("Uploading %(percent)s %%") % {"percent": percent}
        return TrackRow(track, mixes, words, percent, is_working=True)
    words = _("Waiting for the rest, %(percent)s %% is here") % {"percent": percent}
    return TrackRow(track, mixes, words if percent else _("Waiting for its file"), percent)


def is_moving(upload: Upload) -> bool:
    """Return whether bytes have arrived recently."""
    if uploads.is_being_written(upload):
        return True
    try:
        return abs(time.time() - storage.upload_path(upload.pk).stat().st_mtime) < MOVED_S
    except FileNotFoundError:
        return False
