"""The page of one publication, from its first byte to the video, and what its owner can do about it."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from mixes.services.delivery.ranges import ranged_response
from mixes.services.limits import LimitReached
from youtube_integration.access import get_publication
from youtube_integration.models import YouTubePublication
from youtube_integration.pages.publication_page import PublicationPage
from youtube_integration.services import publications, quotas, reviews
from youtube_integration.services.thumbnails import thumbnail_path


@login_required
@require_safe
@never_cache
def publication(request: HttpRequest, publication_pk: uuid.UUID) -> HttpResponse:
    row = get_publication(request.user, publication_pk)
    return render(request, "youtube/publication.html", {"publication": row, "sheet": PublicationPage(row)})


@login_required
@require_safe
@never_cache
def status(request: HttpRequest, publication_pk: uuid.UUID) -> HttpResponse:
    """Answer a poll with how far it is; where it stands otherwise than its reader has it, with its page."""
    row = get_publication(request.user, publication_pk)
    page = PublicationPage(row)
    if not request.htmx:
        return redirect("youtube:publication", row.pk)
    if request.GET.get("seen") != page.kind:
        return HttpResponseClientRefresh()
    return render(request, "youtube/_publication_status.html", {"publication": row, "sheet": page})


@login_required
@require_safe
def publication_thumbnail(request: HttpRequest, publication_pk: uuid.UUID) -> HttpResponseBase:
    """Show the picture that goes with the video; the mix's own where that is not kept any more."""
    row = get_publication(request.user, publication_pk)
    if path := thumbnail_path(row):
        return ranged_response(request, path, content_type="image/jpeg")
    if row.job_id is None:
        raise Http404
    return redirect("youtube:thumbnail", row.job_id)


@login_required
@require_POST
def cancel(request: HttpRequest, publication_pk: uuid.UUID) -> HttpResponse:
    row = get_publication(request.user, publication_pk)
    if not publications.cancel(row):
        messages.info(request, _("It is too late to cancel it here: YouTube may have the whole video."))
    return redirect("youtube:publication", row.pk)


@login_required
@require_POST
def resume(request: HttpRequest, publication_pk: uuid.UUID) -> HttpResponse:
    return act(request, publication_pk, resume_now)


def resume_now(row: YouTubePublication) -> None:
    """Go on at once, which asks YouTube. Raises LimitReached."""
    quotas.check_query_rate(row.owner)
    publications.resume(row)


@login_required
@require_POST
def review(request: HttpRequest, publication_pk: uuid.UUID) -> HttpResponse:
    """Take the answer to whether the video is there: its link, that it is not, or that it is not wanted."""
    if "again" in request.POST:
        return act(request, publication_pk, reviews.upload_again)
    if "give_up" in request.POST:
        return act(request, publication_pk, publications.give_up)
    link = request.POST.get("link", "")
    return act(request, publication_pk, lambda row: reviews.accept_video(row, link))


def act(
    request: HttpRequest, publication_pk: uuid.UUID, do: Callable[[YouTubePublication], object]
) -> HttpResponse:
    """Do something with a publication of this user, and say why where it cannot be done."""
    row = get_publication(request.user, publication_pk)
    try:
        do(row)
    except LimitReached as error:
        messages.error(request, str(error))
    return redirect("youtube:publication", row.pk)
