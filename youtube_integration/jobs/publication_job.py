"""Handler of publication jobs: upload one slice of the video, or poll YouTube's processing once."""

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from mixes.jobs.runner import Commit, JobRun
from mixes.leases import ENDED, OPEN, Leased, State, ended
from mixes.models import Artifact
from mixes.queues import PUBLISH, wake
from mixes.services import events, storage
from mixes.services.maintenance.pruning import age_s
from youtube_integration.jobs import upload, watch
from youtube_integration.jobs.work import DEACTIVATED, PublicationWork
from youtube_integration.models import HELD, YouTubeCredential, YouTubePublication
from youtube_integration.services import drafts, publication_mails, quotas, video_files

logger = logging.getLogger(__name__)

ABANDONED_AFTER_S = 3600.0  # age of a folder without an open row; one being created is younger
Phase = YouTubePublication.Phase
rows = YouTubePublication.objects


def handle(run: JobRun) -> Commit:
    """Continue a publication and return its final writes. Raises Postponed at the end of a slice."""
    work = PublicationWork(run, rows.select_related("credential", "owner").get(pk=run.job.pk))
    work.stop_if_deactivated()
    if not work.row.video_id:
        video_id = upload.upload(work)
        # commit the video's id at once: losing it here would make the upload ambiguous
        work.write_progress(video_id=video_id, offset=work.row.size, phase=Phase.PROCESSING, looks=0)
    columns = watch.finish(work)
    return partial(commit, work.row, columns)


def commit(row: YouTubePublication, columns: dict[str, Any]) -> dict[str, Any]:
    """Return the final columns; runs in the transaction that ends the row."""
    transaction.on_commit(partial(video_files.remove, row), robust=True)
    transaction.on_commit(partial(publication_mails.mail_published, row, row.notes), robust=True)
    events.tell(events.publication_live, publication=row)
    return columns


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Clean up after a publication that failed or was cancelled."""
    row = rows.select_related("owner").get(pk=job.pk)
    transaction.on_commit(partial(video_files.remove, row), robust=True)
    if state == State.CANCELLED:
        rows.filter(pk=row.pk).update(sealed_session="")
    else:
        transaction.on_commit(partial(publication_mails.mail_failure, row, sentence), robust=True)


def clean_up() -> None:
    """Start publications whose mix, grant or owner is ready, and remove abandoned folders."""
    start_ready()
    release_reconnected()
    release_reactivated()
    remove_abandoned()
    quotas.delete_old_starts()


def start_ready() -> None:
    """Start publications whose mix has finished, and fail those whose mix will have no video."""
    waiting = rows.filter(state=State.QUEUED, phase=Phase.WAITING_FOR_MIX)
    no_mix = waiting.filter(job=None)
    for row in (no_mix | waiting.filter(job__state__in=ENDED)).select_related("job", "owner"):
        video = drafts.video_of(row.job) if row.job and row.job.state == State.DONE else None
        if video:
            start(row, video)
        else:
            fail_waiting(row)


def start(row: YouTubePublication, video: Artifact) -> None:
    try:
        video_files.store(row, video)
    except OSError:  # the disk is full, or the mix is being remade: retried at the next round
        logger.warning("The video of a publication could not be stored.", exc_info=True)
        return
    columns = {name: getattr(row, name) for name in ("file", "size", "sha256", "changed_ns")}
    if row.description_follows and row.job:
        columns["description"] = drafts.describe(row.job)
    with transaction.atomic():
        if rows.filter(pk=row.pk, state=State.QUEUED, phase=Phase.WAITING_FOR_MIX).update(
            phase=Phase.UPLOADING, not_before=None, **columns
        ):
            wake(PUBLISH)


def fail_waiting(row: YouTubePublication) -> None:
    """Fail a publication whose mix failed, was cancelled or deleted, or has no video."""
    if row.job is None:
        sentence = _("The mix was deleted before it was finished, so there is nothing to publish.")
    elif row.job.state == State.DONE:
        sentence = _("The mix was made without a video, so there is nothing to publish.")
    else:
        sentence = _("The mix was not made, so there is nothing to publish. Make it again, then publish it.")
    with transaction.atomic():
        if rows.filter(pk=row.pk, state=State.QUEUED, phase=Phase.WAITING_FOR_MIX).update(
            **ended(State.FAILED), error_code="no_mix", error_text=sentence
        ):
            on_failure(row, State.FAILED, sentence)


def release_reconnected() -> None:
    """Requeue publications that waited for a channel that is connected again."""
    held = rows.filter(state=State.QUEUED, phase=Phase.NEEDS_RECONNECT, not_before=HELD)
    active = YouTubeCredential.objects.filter(state=YouTubeCredential.State.ACTIVE)
    for row in held:
        credential = active.filter(user=row.owner_id, channel_id=row.channel_id).first()
        if credential:
            columns = {"credential": credential, "not_before": None, "error_code": "", "message": ""}
            phase = Phase.PROCESSING if row.video_id else Phase.UPLOADING
            held.filter(pk=row.pk).update(phase=phase, **columns)


def release_reactivated() -> None:
    """Requeue publications of users whose accounts are active again."""
    held = rows.filter(state=State.QUEUED, error_code=DEACTIVATED, not_before=HELD)
    held.filter(owner__is_active=True).update(not_before=None, error_code="", message="")


def remove_abandoned() -> None:
    """Remove folders of publications that ended without being cleaned up."""
    for pk, folder in storage.scratch_folders(video_files.KIND):
        if age_s(folder) > ABANDONED_AFTER_S and not rows.filter(pk=pk, state__in=OPEN).exists():
            storage.remove_folder(folder)
