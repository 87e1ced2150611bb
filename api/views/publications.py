"""Publications on YouTube: of a job's video, or of one that is still being made."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Router

from api.authentication import ApiRequest, Bearer
from api.problems import Problem, invalid_fields
from api.shapes.common import Cursor, IdempotencyKey, Limit, Page
from api.shapes.publications import PublicationNew, PublicationOut, show_publication
from api.views.common import list_page, once
from mixes import access
from mixes.models import MixJob
from youtube_integration.access import get_publication, publications_of
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubePublication
from youtube_integration.services import drafts, preflight, publications
from youtube_integration.services.video_rules import find_faults

router = Router(tags=["publications"])
DETAILS = (
    *("title", "description", "tags", "privacy", "publish_at"),
    *("made_for_kids", "altered_content", "notify_subscribers"),
)


@router.get("/publications", response=Page[PublicationOut])
def publication_list(
    request: ApiRequest, cursor: Cursor, limit: Limit, job: UUID | None = None
) -> Page[PublicationOut]:
    """Return the publications, newest first, of one job or of all."""
    rows = publications_of(request.user)
    return list_page(rows.filter(job=job) if job else rows, cursor, limit, show_publication)


@router.get("/publications/{uuid:publication_id}", response=PublicationOut)
def publication(request: ApiRequest, publication_id: UUID) -> PublicationOut:
    """Return a publication."""
    return show_publication(get_publication(request.user, publication_id))


@router.post("/jobs/{uuid:job_id}/publications", response={201: PublicationOut}, auth=Bearer("publish"))
def publication_create(
    request: ApiRequest,
    response: HttpResponse,
    job_id: UUID,
    body: PublicationNew,
    idempotency_key: IdempotencyKey,
) -> Any:
    """Publish the video of a job; while it is made, the publication waits for it."""
    job = access.get_job(request.user, job_id)

    def work() -> PublicationOut:
        return show_publication(publish(request, job, body))

    return once(request, idempotency_key, response, work)


def publish(request: ApiRequest, job: MixJob, body: PublicationNew) -> YouTubePublication:
    """Start a publication, or return the open one. Raises Problem and LimitReached."""
    if not settings.PUBLISHING:
        raise Problem(409, "refused", _("Publishing to YouTube is not set up on this site."))
    if found := publications.open_publication(request.user, job):
        return found
    checks = preflight.run_preflight(request.user, job)
    if not preflight.is_clear(checks):
        wrong = [check.text for check in checks if check.verdict == "wrong"]
        raise Problem(409, "preflight", " ".join(wrong), checks=wrong)
    if any(check.is_repetition for check in checks) and not body.again:
        sentence = _(
            "This mix is or may be on your channel already; with again=true it is published once more."
        )
        raise Problem(409, "published-before", sentence)
    draft = drafts.draft_of(job)
    details = details_in(draft, body)
    follows = details.description.strip() == draft.description.strip()
    return publications.request_publication(request.user, job, details, description_follows=follows)


def details_in(draft: VideoDetails, body: PublicationNew) -> VideoDetails:
    """Return the draft with what a request changes. Raises Problem for what YouTube refuses."""
    given = {name: value for name, value in body.model_dump(exclude_unset=True).items() if name in DETAILS}
    if "tags" in given:
        given["tags"] = tuple(given["tags"])
    details = replace(draft, **given)
    if faults := find_faults(details):
        raise invalid_fields([{"field": fault.field, "sentence": str(fault.text)} for fault in faults])
    return details


@router.post("/publications/{uuid:publication_id}/cancel", response=PublicationOut, auth=Bearer("publish"))
def publication_cancel(request: ApiRequest, publication_id: UUID) -> PublicationOut:
    """Cancel a publication of which YouTube cannot have a video yet."""
    found = get_publication(request.user, publication_id)
    if not publications.cancel(found):
        raise Problem(409, "refused", _("It is too late to cancel it: it has ended, or YouTube may have it."))
    return show_publication(get_publication(request.user, publication_id))
