"""Analysis job: measure an uploaded file; the track becomes ready, or is refused with a reason."""

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from mixes.engine.analysis.track import ANALYSIS_VERSION, READABLE_VERSIONS, TrackAnalysis, analyse_track
from mixes.engine.errors import DecodeError
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.tags.tags import tags_from_name
from mixes.jobs.runner import Commit, JobRun
from mixes.leases import Leased, State
from mixes.models import AnalysisJob, Track
from mixes.services import events, storage
from mixes.services.drawing.track_waveform import draw_waveform
from mixes.services.editing import edits, plans
from mixes.services.library import tracks
from mixes.services.offline.analysis_store import hash_track
from mixes.services.rendering import previews

STAGE = "listen"
HASHING_FRACTION = 0.05  # of the progress; hashing first finds duplicates without an analysis
MAX_COPIES = 20  # duplicates remembered per track, for pages that still show one
STOPPED = "Listening to it was stopped. Try again, or remove it."


def handle(run: JobRun) -> Commit:
    """Analyse a track. Raises DecodeError with the reason when the file cannot be used, and Cancelled."""
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
    """Mark the track ready; if the owner has the same file already, keep that track instead."""
    User.objects.select_for_update().get(pk=track.owner_id)  # two copies may end at once
    if twin := usable_twin(track, analysis.sha256):
        return replace_by_twin(track, twin)
    track.refresh_from_db()  # the owner may have renamed it during the analysis
    track.state, track.problem = Track.State.READY, ""
    track.sha256 = analysis.sha256
    track.duration_s, track.integrated_lufs = analysis.duration_s, analysis.integrated_lufs
    rhythm, harmony = analysis.rhythm, analysis.harmony
    track.is_steady = rhythm is not None and rhythm.is_steady
    track.tempo = rhythm.tempo if rhythm and rhythm.is_steady else None
    track.key = harmony.key if harmony else None
    track.waveform, track.notes = draw_waveform(analysis), list(analysis.notes)
    if not track.tags_edited:
        tags = analysis.tags
        track.title, track.artist = tags.title, tags.artist
        track.album, track.track_number = tags.album, tags.track_number
    # no page changes these
    track.disc_number, track.album_artist = analysis.tags.disc_number, analysis.tags.album_artist
    track.save()
    tracks.take_numbers_from_titles(track)
    previews.request_track_ahead(track)
    transaction.on_commit(partial(plans.precompute_plans, track), robust=True)
    return {
        "result": analysis.to_json(),
        "detail": analysis.detail,
        "measured_at": timezone.now(),
        "version": ANALYSIS_VERSION,
    }


def usable_twin(track: Track, sha256: str) -> Track | None:
    """Return a ready track of the same owner and content, in the bin or not."""
    twin = tracks.find_twin(track, sha256)
    return twin if twin and twin.state == Track.State.READY else None


def replace_by_twin(track: Track, twin: Track) -> dict[str, Any]:
    """Replace `track` by its existing duplicate in every mix; take the duplicate out of the bin if needed."""
    track.refresh_from_db()
    if twin.deleted_at and not track.deleted_at:
        tracks.restore_track(twin)
    edits.swap_track(track, twin)
    twin.copies = [*twin.copies, str(track.pk)][-MAX_COPIES:]
    take_better_name(twin, track.name)
    twin.save(update_fields=["copies", "name", "title", "artist"])
    tracks.purge_track(track)  # cascades to the running job, so no row is left to end
    return {}


def take_better_name(track: Track, name: str) -> None:
    """Name a track that only its file names after `name`, where that tells its artist too."""
    old, new = tags_from_name(track.name), tags_from_name(name)
    is_from_name = (track.title, track.artist) == (old.title, old.artist) and not track.tags_edited
    if is_from_name and new.artist and not old.artist:
        track.name, track.title, track.artist = name, new.title, new.artist


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Mark the track refused with the reason; its file stays, so that the analysis can be retried.

    A track that was only analysed again keeps its earlier result.
    """
    known = AnalysisJob.objects.filter(
        track=OuterRef("pk"), version__in=READABLE_VERSIONS, measured_at__isnull=False
    )
    unknown = Q(state=Track.State.ANALYSING) | (Q(state=Track.State.READY) & ~Exists(known))
    found = Track.objects.filter(unknown, analyses=job.pk)
    refused = list(found.values_list("pk", flat=True))
    found.update(state=Track.State.REFUSED, problem=sentence or STOPPED)
    for track in Track.objects.filter(pk__in=refused) if state == State.FAILED else ():
        events.tell(events.track_refused, track=track)
