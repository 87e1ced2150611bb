"""An owner's answer when it is unknown whether an upload made a result: interrupted, or from a backup."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from mixes.leases import OPEN, State, requeued
from mixes.queues import PUBLISH, wake
from mixes.services.limits import LimitReached
from publishing import files
from publishing.actions import restarted, rows_like, store_file
from publishing.models import HELD, Phase, Publication
from publishing.protocol import PUBLISHERS, publisher_of


def accept_result(publication: Publication, result: str, taken: str) -> None:
    """Record the result that its owner found as this upload's; `taken` says that another upload made it.

    Raises LimitReached.
    """
    columns = restarted(publication) | {"phase": Phase.PROCESSING, "offset": publication.size}
    try:
        with transaction.atomic():
            answer_review(publication, columns | {publication.RESULT: result})
    except IntegrityError:
        raise LimitReached(taken) from None


def upload_again(publication: Publication) -> None:
    """Upload the mix's current file from the beginning, on the owner's word. Raises LimitReached."""
    publisher = publisher_of(publication)
    file = publisher.file_of(publication.job) if publication.job else None
    columns: dict[str, Any] = {}
    if publication.job and publication.job.is_open:
        columns = {"phase": Phase.WAITING_FOR_MIX, "not_before": HELD}
    elif file:
        store_file(publication, file)
        columns = {name: getattr(publication, name) for name in ("file", "size", "sha256", "changed_ns")}
    elif not files.is_unchanged(publication):
        raise LimitReached(str(publisher.file_deleted))
    with transaction.atomic():
        answer_review(publication, restarted(publication) | publisher.nothing_sent | columns)


def answer_review(publication: Publication, columns: dict[str, Any]) -> None:
    rows = rows_like(publication).filter(pk=publication.pk, state=State.QUEUED, phase=Phase.NEEDS_REVIEW)
    grant = publisher_of(publication).grant_of(publication)
    if not rows.filter(**{publication.RESULT: None}).update(**columns, credential=grant):
        raise LimitReached(_("There is nothing left to answer: see its current state below."))
    wake(PUBLISH)


def hold_restored(sender: Any, **kwargs: Any) -> None:
    """Hold every publication of a restored database that has no result: it may have one since the backup."""
    for publisher in PUBLISHERS.values():
        rows = publisher.row._default_manager.filter(state__in=OPEN, **{publisher.row.RESULT: None})
        rows.update(
            **requeued(),
            phase=Phase.NEEDS_REVIEW,
            not_before=HELD,
            started_at=None,  # one in the future would start the row
            session_opened_at=Coalesce("session_opened_at", "created_at"),
            final_sent_at=Coalesce("final_sent_at", Now()),
            error_code="restored",
            message=str(publisher.after_restore),
        )
