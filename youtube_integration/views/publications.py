"""Views of one publication: its progress and its owner's actions."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.requests import UserRequest
from mixes.services.delivery.ranges import ranged_response
from mixes.services.limits import LimitReached
from publishing.files import picture_path
from youtube_integration.access import get_publication
from youtube_integration.models import YouTubePublication
from youtube_integration.pages.publication_page import PublicationPage
from youtube_integration.services import publications, quotas, reviews


@login_required
@require_safe
@never_cache
def publication(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponse:
    row = get_publication(request.user, publication_pk)
    return render(request, "youtube/publication.html", {"publication": row, "sheet": PublicationPage(row)})


@login_required
@require_safe
@never_cache
def status(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponse:
    """Answer a poll with the progress, or with the whole page when the state has changed."""
    row = get_publication(request.user, publication_pk)
    page = PublicationPage(row)
    if not request.htmx:
        return redirect("youtube:publication", row.pk)
    if request.GET.get("seen") != page.kind:
        return HttpResponseClientRefresh()
    return render(request, "youtube/_publication_status.html", {"publication": row, "sheet": page})


@login_required
@require_safe
def publication_thumbnail(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponseBase:
    """Return the video's thumbnail, or the mix's own when it is no longer stored."""
    row = get_publication(request.user, publication_pk)
    if path := picture_path(row):
        return ranged_response(request, path, content_type="image/jpeg")
    if row.job_id is None:
        raise Http404
    return redirect("youtube:thumbnail", row.job_id)


@login_required
@require_POST
def cancel(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponse:
    row = get_publication(request.user, publication_pk)
    if not publications.cancel(row):
        messages.info(request, _("It is too late to cancel it here: YouTube may have the whole video."))
    return redirect("youtube:publication", row.pk)


@login_required
@require_POST
def resume(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponse:
    return act(request, publication_pk, resume_now)


def resume_now(row: YouTubePublication) -> None:
    """Resume at once; this calls YouTube. Raises LimitReached."""
    quotas.check_query_rate(row.owner)
    publications.resume(row)


@login_required
@require_POST
def review(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponse:
    """Process the owner's answer to "is the video there?": a link, upload again, or give up."""
    if "again" in request.POST:
        return act(request, publication_pk, reviews.upload_again)
    if "give_up" in request.POST:
        return act(request, publication_pk, publications.give_up)
    link = request.POST.get("link", "")
    return act(request, publication_pk, lambda row: reviews.accept_video(row, link))


def act(
    request: UserRequest, publication_pk: uuid.UUID, do: Callable[[YouTubePublication], object]
) -> HttpResponse:
    """Apply an action to one of this user's publications; show why if it is refused."""
    row = get_publication(request.user, publication_pk)
    try:
        do(row)
    except LimitReached as error:
        messages.error(request, str(error))
    return redirect("youtube:publication", row.pk)
