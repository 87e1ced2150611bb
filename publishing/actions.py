"""Actions of an owner: publish, cancel, resume, give up. The publish worker does the rest.

Every change of an open row is one conditional UPDATE, so it never overrides a worker that holds the row.
"""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.leases import ENDED, OPEN, LeasedQuerySet, State, ended
from mixes.models import Artifact, MixJob
from mixes.queues import PUBLISH, wake
from mixes.services.limits import LimitReached
from publishing import files
from publishing.models import HELD, Phase, Publication
from publishing.protocol import PUBLISHERS, Publisher, publisher_of


def restarted(row: type[Publication] | Publication) -> dict[str, Any]:
    """Return the column values of a row whose earlier failures no longer count."""
    return {
        "phase": Phase.UPLOADING,
        "not_before": None,
        "attempt": 0,
        "failures": 0,
        "failing_since": None,
        "looks": 0,
        "error_code": "",
        "error_text": "",
        "message": "",
        row.REASON: "",
    }


def rows_like(publication: Publication) -> "LeasedQuerySet[Any]":
    return type(publication)._default_manager.all()


def dedupe_key(publisher: str, account: str, job: MixJob) -> str:
    """Return the unique key of open publications: one for each mix on each account."""
    return f"{publisher}:{account}:{job.mix_id}"


def check_open_publications(publisher: Publisher, owner: User) -> None:
    """Raise LimitReached at the limit of open publications of a user: each keeps a file on the disk."""
    models = [publisher.row for publisher in PUBLISHERS.values()]
    count = sum(row._default_manager.filter(owner=owner, state__in=OPEN).count() for row in models)
    if count >= settings.LIMITS.publications_open:
        raise LimitReached(str(publisher.enough))


def require_file(publication: Publication, job: MixJob) -> Artifact | None:
    """Return the file of a job, or None while it is made. Raises LimitReached when there will be none."""
    publisher = publisher_of(publication)
    file = None if job.is_open else publisher.file_of(job)
    if file is None and not (job.is_open and publisher.will_have_file(job)):
        raise LimitReached(str(publisher.without_file))
    return file


def save_new(publication: Publication, file: Artifact | None, picture: bytes) -> None:
    """Save a new row and its files, or neither of them."""
    try:
        with transaction.atomic():
            files.store_picture(publication, picture)
            if file is None:
                publication.phase, publication.not_before = Phase.WAITING_FOR_MIX, HELD
            else:
                store_file(publication, file)
            publication.save(force_insert=True)
            wake(PUBLISH)
    except BaseException:
        files.remove(publication)
        raise


def store_file(publication: Publication, file: Artifact) -> None:
    """Keep the mix's file while the publication is open. Raises LimitReached when it was deleted."""
    try:
        files.store(publication, file)
    except FileNotFoundError as error:
        raise LimitReached(str(publisher_of(publication).file_deleted)) from error


def can_edit(publication: Publication) -> bool:
    """Return whether its words can be edited: the service has not received them yet."""
    before = publication.is_open and publication.session_opened_at is None
    failed = publication.state == State.FAILED and publication.job_id is not None
    return (before or failed) and publication.final_sent_at is None and not publication.result_id


def edit_and_retry(
    publication: Publication,
    changes: dict[str, Any],
    *,
    picture: bytes = b"",
    description_follows: bool = False,
) -> None:
    """Change the words of a publication, and requeue it if it had failed. Raises LimitReached."""
    with transaction.atomic():
        if publication.state == State.FAILED:
            requeue(publication, picture, publisher_of(publication).nothing_sent | changes)
            return
        if picture:
            files.store_picture(publication, picture)
            names = ("thumbnail", *publisher_of(publication).new_picture)
            changes = changes | {name: getattr(publication, name) for name in names}
        follows = description_follows and publication.phase == Phase.WAITING_FOR_MIX
        rows = rows_like(publication).filter(pk=publication.pk, state=State.QUEUED)
        if not rows.filter(session_opened_at=None).update(**changes, description_follows=follows):
            raise LimitReached(_("The upload has already started, so its details cannot be changed here."))


def can_resume(publication: Publication) -> bool:
    """Return whether the owner can resume it."""
    if publication.can_resume and publication.phase == Phase.NEEDS_RECONNECT and publication.is_open:
        return publisher_of(publication).grant_of(publication) is not None
    return publication.can_resume


def resume(publication: Publication) -> None:
    """Resume a publication that failed or waits. Raises LimitReached."""
    with transaction.atomic():
        if publication.state == State.FAILED and not publication.result_id:
            requeue(publication, b"", {})
            return
        phases = (Phase.NEEDS_RECONNECT, Phase.WAITING)
        rows = rows_like(publication).filter(pk=publication.pk, state=State.QUEUED, phase__in=phases)
        grant = publisher_of(publication).grant_of(publication)
        changes = restarted(publication) | {"credential": grant}
        if not can_resume(publication) or not rows.update(**changes):
            raise LimitReached(_("There is nothing to resume: it continues by itself, or it has ended."))
        wake(PUBLISH)


def requeue(publication: Publication, picture: bytes, changes: dict[str, Any]) -> None:
    """Requeue a failed publication with its files. Raises LimitReached."""
    publisher = publisher_of(publication)
    job = publication.job
    file = publisher.file_of(job) if job else None
    if job is None or file is None:
        raise LimitReached(str(publisher.file_deleted))
    if file.sha256 != publication.sha256 and publication.final_sent_at:
        raise LimitReached(str(publisher.file_remade))
    if file.sha256 != publication.sha256:
        changes = publisher.nothing_sent | changes
    check_open_publications(publisher, publication.owner)
    if picture or files.picture_path(publication) is None:
        files.store_picture(publication, picture or publisher.picture_of(job))
    store_file(publication, file)
    changes = changes | files.columns_of(publication)
    try:
        with transaction.atomic():
            rows = rows_like(publication).filter(state=State.FAILED, **{publication.RESULT: None})
            rows = rows.filter(final_sent_at=publication.final_sent_at)  # the choice above used this value
            if not rows.retry([publication.pk]):
                raise LimitReached(_("It is being published already."))
            changes |= restarted(publication) | {"credential": publisher.grant_of(publication)}
            rows_like(publication).filter(pk=publication.pk).update(**changes)
            wake(PUBLISH)
    except IntegrityError:
        raise LimitReached(_("This mix is being published already.")) from None


def cancel(publication: Publication) -> bool:
    """Cancel an upload, at the latest after the current chunk; return False when it is too late."""
    with transaction.atomic():
        rows = rows_like(publication).filter(final_sent_at=None, **{publication.RESULT: None})
        stopped = rows.request_cancel(publication.pk)
        transaction.on_commit(partial(clear_if_ended, publication))
    return stopped


def give_up(publication: Publication) -> None:
    """End a publication that waits, even if the service may have it. Raises LimitReached when claimed."""
    rows = rows_like(publication).filter(pk=publication.pk, state=State.QUEUED)
    state = State.DONE if publication.result_id else State.CANCELLED
    with transaction.atomic():
        if not rows.filter(**{publication.RESULT: publication.result_id}).update(**ended(state)):
            raise LimitReached(_("A worker is working on it right now. Try again in a minute."))
        transaction.on_commit(partial(clear_if_ended, publication))


def clear_if_ended(publication: Publication) -> None:
    """Remove the files of a publication that has ended and that no worker holds."""
    rows = rows_like(publication).filter(pk=publication.pk)
    if not rows.filter(state__in=OPEN).exists():
        files.remove(publication)
        rows.filter(state=State.CANCELLED).update(**forgotten(publication))


def forgotten(publication: Publication) -> dict[str, str]:
    """Return the columns that empty what an ended upload no longer needs: its sealed address."""
    return {name: "" for name in publisher_of(publication).nothing_sent if name.startswith("sealed_")}


def search_again(publication: Publication) -> None:
    """Have the worker search the account for the result again. Raises LimitReached."""
    rows = rows_like(publication).filter(pk=publication.pk, state=State.QUEUED)
    with transaction.atomic():
        rows = rows.filter(phase=Phase.NEEDS_REVIEW, **{publication.RESULT: None})
        if not rows.update(**restarted(publication)):
            raise LimitReached(_("It is not waiting to be searched for."))
        wake(PUBLISH)


def earlier_publication(rows: "LeasedQuerySet[Any]", job: MixJob) -> Any:
    """Return the last of an account's publications of this mix that has, or may have, a result.

    A result counts whatever became of the publication: the service may still show it.
    """
    result = rows.model.RESULT
    maybe = Q(state__in=ENDED, final_sent_at__isnull=False, **{result: None})
    newest = F("finished_at").desc(nulls_first=True)
    return rows.filter(Q(**{f"{result}__isnull": False}) | maybe, mix=job.mix_id).order_by(newest).first()
