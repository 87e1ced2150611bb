"""Start publications whose mix, grant or owner is ready, and remove abandoned folders."""

import logging
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from mixes.leases import ENDED, OPEN, LeasedQuerySet, State, ended
from mixes.models import Artifact
from mixes.queues import PUBLISH, wake
from mixes.services import storage
from mixes.services.maintenance.pruning import age_s
from publishing import files
from publishing.job import on_failure
from publishing.models import HELD, Phase, Publication
from publishing.protocol import Publisher
from publishing.work import DEACTIVATED

logger = logging.getLogger(__name__)

ABANDONED_AFTER_S = 3600.0  # age of a folder without an open row; one being created is younger


class Upkeep:
    """Maintenance of the publications of one publisher; a worker's main process runs it every 15 s."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher

    @property
    def rows(self) -> "LeasedQuerySet[Any]":
        return self.publisher.row._default_manager.all()

    def run(self, abandoned_after_s: float = ABANDONED_AFTER_S) -> None:
        self.start_ready()
        self.release_reconnected()
        self.release_reactivated()
        self.remove_abandoned(abandoned_after_s)

    def start_ready(self) -> None:
        """Start publications whose mix has finished, and fail those whose mix will have no file."""
        waiting = self.rows.filter(state=State.QUEUED, phase=Phase.WAITING_FOR_MIX)
        no_mix = waiting.filter(job=None)
        for row in (no_mix | waiting.filter(job__state__in=ENDED)).select_related("job", "owner"):
            is_made = row.job and row.job.state == State.DONE
            if file := self.publisher.file_of(row.job) if is_made else None:
                self.start(row, file)
            else:
                self.fail_waiting(row)

    def start(self, row: Publication, file: Artifact) -> None:
        try:
            files.store(row, file)
        except OSError:  # the disk is full, or the mix is being remade: retried at the next round
            logger.warning("The file of a publication could not be stored.", exc_info=True)
            return
        columns = {name: getattr(row, name) for name in ("file", "size", "sha256", "changed_ns")}
        columns |= self.publisher.columns_when_made(row)
        with transaction.atomic():
            rows = self.rows.filter(pk=row.pk, state=State.QUEUED, phase=Phase.WAITING_FOR_MIX)
            if rows.update(phase=Phase.UPLOADING, not_before=None, **columns):
                wake(PUBLISH)

    def fail_waiting(self, row: Publication) -> None:
        """Fail a publication whose mix failed, was cancelled or deleted, or has no such file."""
        if row.job is None:
            sentence = _("The mix was deleted before it was finished, so there is nothing to publish.")
        elif row.job.state == State.DONE:
            sentence = str(self.publisher.made_without_file)
        else:
            sentence = _(
                "The mix was not made, so there is nothing to publish. Make it again, then publish it."
            )
        with transaction.atomic():
            rows = self.rows.filter(pk=row.pk, state=State.QUEUED, phase=Phase.WAITING_FOR_MIX)
            if rows.update(**ended(State.FAILED), error_code="no_mix", error_text=sentence):
                on_failure(self.publisher, row, State.FAILED, sentence)

    def release_reconnected(self) -> None:
        """Requeue publications that waited for an account that is connected again."""
        held = self.rows.filter(state=State.QUEUED, phase=Phase.NEEDS_RECONNECT, not_before=HELD)
        for row in held:
            if credential := self.publisher.grant_of(row):
                columns = {"credential": credential, "not_before": None, "error_code": "", "message": ""}
                phase = Phase.PROCESSING if row.result_id else Phase.UPLOADING
                held.filter(pk=row.pk).update(phase=phase, **columns)

    def release_reactivated(self) -> None:
        """Requeue publications of users whose accounts are active again."""
        held = self.rows.filter(state=State.QUEUED, error_code=DEACTIVATED, not_before=HELD)
        held.filter(owner__is_active=True).update(not_before=None, error_code="", message="")

    def remove_abandoned(self, abandoned_after_s: float) -> None:
        """Remove folders of publications that ended without being cleaned up."""
        for pk, folder in storage.scratch_folders(self.publisher.row.FOLDER):
            if age_s(folder) > abandoned_after_s and not self.rows.filter(pk=pk, state__in=OPEN).exists():
                storage.remove_folder(folder)
