"""Handler of publication jobs: transfer the file, or watch what the service makes of it."""

from functools import partial
from typing import Any

from django.db import transaction

from mixes.jobs.runner import Commit, JobRun
from mixes.leases import Leased, State
from mixes.services import events
from publishing import files, mails
from publishing.actions import forgotten
from publishing.models import Phase, Publication
from publishing.protocol import Publisher


def handle(publisher: Publisher, run: JobRun) -> Commit:
    """Continue a publication and return its final writes. Raises Postponed at the end of a slice."""
    related = ("credential", "owner")
    work = publisher.work(run, publisher.row._default_manager.select_related(*related).get(pk=run.job.pk))
    work.stop_if_deactivated()
    if not work.row.result_id:
        found = publisher.transfer(work)
        # commit the result's id at once: losing it here would make the upload ambiguous
        columns = {publisher.row.RESULT: found, "offset": work.row.size, "looks": 0}
        work.write_progress(phase=Phase.PROCESSING, **columns)
    return partial(commit, work.row, publisher.watch(work))


def commit(row: Publication, columns: dict[str, Any]) -> dict[str, Any]:
    """Return the final columns; runs in the transaction that ends the row."""
    transaction.on_commit(partial(files.remove, row), robust=True)
    transaction.on_commit(partial(mails.mail_published, row, row.notes), robust=True)
    events.tell(events.publication_live, publication=row)
    return columns


def on_failure(publisher: Publisher, job: Leased, state: State, sentence: str) -> None:
    """Clean up after a publication that failed or was cancelled."""
    rows = publisher.row._default_manager
    row = rows.select_related("owner").get(pk=job.pk)
    transaction.on_commit(partial(files.remove, row), robust=True)
    if state == State.CANCELLED:
        rows.filter(pk=row.pk).update(**forgotten(row))
    else:
        transaction.on_commit(partial(mails.mail_failure, row, sentence), robust=True)
