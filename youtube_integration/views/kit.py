"""Views of the publish kit: the video, thumbnail and texts to publish by hand."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.engine.filenames import file_stem
from mixes.models import MixJob
from mixes.pages.job_page import job_page
from mixes.services.delivery.zip_stream import archive_response
from youtube_integration.services import drafts, publish_kit
from youtube_integration.services.video_rules import chapter_rules


@login_required
@require_safe
def kit(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    draft = drafts.draft_of(job)
    context = {
        "job": job,
        "draft": draft,
        "tags": ", ".join(draft.tags),
        "video": drafts.video_of(job),
        "is_made": bool(job_page(job).artifacts),
        "rules": chapter_rules(draft.description, drafts.duration_s(job)),
    }
    return render(request, "youtube/kit.html", context)


@login_required
@require_safe
def kit_zip(request: UserRequest, job_pk: uuid.UUID) -> HttpResponseBase:
    job = access.get_job(request.user, job_pk)
    headers = {
        "Content-Disposition": content_disposition_header(True, f"{file_stem(job.title)}-youtube.zip"),
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD" and job_page(job).artifacts:  # without a length: it would open the archive
        return HttpResponse(content_type="application/zip", headers=headers)
    archive = open_kit(job)
    return archive_response(request, archive, {"Content-Length": str(archive.length), **headers})


def open_kit(job: MixJob) -> publish_kit.Kit:
    """Return the archive of a result. Raises Http404 when it has no video or the file is gone."""
    if not job_page(job).artifacts:
        raise Http404(_("This mix has no result yet."))
    try:
        return publish_kit.Kit(job)
    except FileNotFoundError:
        raise Http404(_("The video no longer exists. Make the mix again.")) from None
