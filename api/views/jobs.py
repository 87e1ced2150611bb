"""Jobs: make a mix, wait for it, cancel, try again, delete."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Router

from api.authentication import ApiRequest, Bearer
from api.services.waits import wait_until
from api.shapes.common import Cursor, IdempotencyKey, Items, Limit, Page, Wait
from api.shapes.jobs import ArtifactOut, JobNew, JobOut, show_artifact, show_job
from api.views.common import list_page, once
from mixes import access
from mixes.leases import OPEN
from mixes.models import Artifact, MixJob
from mixes.pages.job_page import timeline_data
from mixes.services.editing.plans import plan_of
from mixes.services.rendering import mix_requests

router = Router(tags=["jobs"])
AS_USUAL = JobNew()
LONG = ("snapshot", "outline", "timings_s")


def shown(rows: QuerySet[MixJob]) -> QuerySet[MixJob]:
    """Return jobs without their long columns."""
    return rows.defer(*LONG)


@router.get("/jobs", response=Page[JobOut])
def job_list(request: ApiRequest, cursor: Cursor, limit: Limit, mix: UUID | None = None) -> Page[JobOut]:
    """Return the jobs, newest first, of one mix or of all."""
    rows = shown(access.jobs_of(request.user))
    return list_page(rows.filter(mix=mix) if mix else rows, cursor, limit, show_job)


@router.post("/mixes/{uuid:mix_id}/jobs", response={201: JobOut}, auth=Bearer("write"))
def job_create(
    request: ApiRequest,
    response: HttpResponse,
    mix_id: UUID,
    idempotency_key: IdempotencyKey,
    body: JobNew = AS_USUAL,
) -> Any:
    """Make a mix as it is now. A mix that is being made already gives that job."""
    mix = access.get_mix(request.user, mix_id)
    plan_of(mix)  # planned and stored before the answer's transaction, which locks the database

    def work() -> JobOut:
        job = mix_requests.request_mix(mix, mail=body.mail, accepted_missing=body.without)
        return show_job(job)

    return once(request, idempotency_key, response, work)


@router.get("/jobs/{uuid:job_id}", response=JobOut)
def job(request: ApiRequest, job_id: UUID, wait: Wait) -> JobOut:
    """Return a job, at the latest after `wait` seconds and earlier when it ends."""
    access.get_job_state(request.user, job_id)
    row = MixJob.objects.filter(pk=job_id, state__in=OPEN)
    wait_until(request.user.pk, wait, lambda: not row.exists())
    return answer_job(request, job_id)


def answer_job(request: ApiRequest, job_id: UUID) -> JobOut:
    """Return a job as it is now. Raises Http404."""
    return show_job(access.get_job(request.user, job_id))


@router.post("/jobs/{uuid:job_id}/cancel", response=JobOut, auth=Bearer("write"))
def job_cancel(request: ApiRequest, job_id: UUID) -> JobOut:
    """Cancel a job: at once while it waits, within seconds while it runs; one that has ended stays."""
    mix_requests.cancel(access.get_job(request.user, job_id))
    return answer_job(request, job_id)


@router.post("/jobs/{uuid:job_id}/retry", response=JobOut, auth=Bearer("write"))
def job_retry(request: ApiRequest, job_id: UUID) -> JobOut:
    """Make the same mix again from an ended job."""
    mix_requests.retry(access.get_job(request.user, job_id))
    return answer_job(request, job_id)


@router.delete("/jobs/{uuid:job_id}", response={204: None}, auth=Bearer("write"))
def job_remove(request: ApiRequest, job_id: UUID) -> None:
    """Delete an ended job with its files; the mix stays. An open one has to be cancelled first."""
    mix_requests.delete_job(access.get_job(request.user, job_id))


@router.get("/jobs/{uuid:job_id}/artifacts", response=Items[ArtifactOut])
def job_artifacts(request: ApiRequest, job_id: UUID) -> Items[ArtifactOut]:
    """Return the files that a job made."""
    found = Artifact.objects.filter(job=access.get_job_state(request.user, job_id))
    return Items(items=[show_artifact(request, artifact) for artifact in found])


@router.get("/jobs/{uuid:job_id}/timeline", response=dict[str, Any])
def job_timeline(request: ApiRequest, job_id: UUID) -> dict[str, Any]:
    """Return every clip and join of what a job makes, in whole frames."""
    return timeline_data(access.get_job(request.user, job_id))


@router.get("/jobs/{uuid:job_id}/checks", response=dict[str, Any])
def job_checks(request: ApiRequest, job_id: UUID) -> dict[str, Any]:
    """Return the check sheets of a job's files by format; empty until it is done."""
    return access.get_job(request.user, job_id).check_sheet or {}
