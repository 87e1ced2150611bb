"""One analysis: from the file that was uploaded to a track that is ready, or a sentence why it is not."""

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from mixes.engine.analysis.track import ANALYSIS_VERSION, TrackAnalysis, analyse_track
from mixes.engine.errors import DecodeError
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.jobs.runner import Commit, JobRun
from mixes.leases import Leased, State
from mixes.models import Track
from mixes.services import storage
from mixes.services.drawing.track_waveform import draw_waveform
from mixes.services.editing import edits, plans
from mixes.services.library import tracks
from mixes.services.offline.analysis_store import hash_track
from mixes.services.rendering import previews

STAGE = "listen"
HASHING_FRACTION = 0.05  # of the whole: the same file again is known before it is listened to
MAX_COPIES = 20  # of a file that are remembered, for the page that still shows one of them
STOPPED = "Listening to it was stopped. Try again, or remove it."


def handle(run: JobRun) -> Commit:
    """Measure a track. Raises DecodeError with the reason when it cannot be used, Cancelled."""
    track = Track.objects.get(analyses=run.job.pk)
    path = storage.path_of(track.file)
    try:
        sha256 = hash_track(path, run.should_stop)
        run.on_progress(STAGE, HASHING_FRACTION)
        if twin := usable_twin(track, sha256):
            return partial(replace_by_twin, track, twin)
        analysis = analyse_track(
            find_ffmpeg(settings.FFMPEG),
            path,
            name=track.name,
            sha256=sha256,
            max_s=settings.LIMITS.track_s,
            on_progress=lambda fraction: run.on_progress(
                STAGE, HASHING_FRACTION + (1 - HASHING_FRACTION) * fraction
            ),
            should_stop=run.should_stop,
        )
    except DecodeError as error:
        raise type(error)(Path(track.name), error.reason) from error
    return partial(accept, track, analysis)


def accept(track: Track, analysis: TrackAnalysis) -> dict[str, Any]:
    """Make the track ready; a copy of the file that came in at the same time gives way to it."""
    User.objects.select_for_update().get(pk=track.owner_id)  # two copies may end at the same moment
    if twin := usable_twin(track, analysis.sha256):
        return replace_by_twin(track, twin)
    track.refresh_from_db()  # its owner may have named it while it was listened to
    track.state, track.problem = Track.State.READY, ""
    track.sha256 = analysis.sha256
    track.duration_s, track.integrated_lufs = analysis.duration_s, analysis.integrated_lufs
    track.waveform, track.notes = draw_waveform(analysis), list(analysis.notes)
    if not track.tags_edited:
        tags = analysis.tags
        track.title, track.artist = tags.title, tags.artist
        track.album, track.track_number = tags.album, tags.track_number
    track.save()
    previews.request_track(track)
    transaction.on_commit(partial(plans.precompute_plans, track), robust=True)
    return {"result": analysis.to_json(), "measured_at": timezone.now(), "version": ANALYSIS_VERSION}


def usable_twin(track: Track, sha256: str) -> Track | None:
    """Return a ready track of the same content and owner, in the bin or not."""
    twin = tracks.find_twin(track, sha256)
    return twin if twin and twin.state == Track.State.READY else None


def replace_by_twin(track: Track, twin: Track) -> dict[str, Any]:
    """Have the track that was there already, out of the bin if need be, take the places of the new one."""
    track.refresh_from_db()
    if twin.deleted_at and not track.deleted_at:
        tracks.restore_track(twin)
    edits.swap_track(track, twin)
    twin.copies = [*twin.copies, str(track.pk)][-MAX_COPIES:]
    twin.save(update_fields=["copies"])
    tracks.purge_track(track)  # with the job that runs: there is nothing left for it to end
    return {}


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Have the track tell why it cannot be used; its file stays, so that listening can be tried again.

    A track that was only listened to again keeps what is known of it.
    """
    unknown = Q(state=Track.State.ANALYSING) | Q(state=Track.State.READY, analyses__measured_at=None)
    found = Track.objects.filter(unknown, analyses=job.pk)
    found.update(state=Track.State.REFUSED, problem=sentence or STOPPED)
