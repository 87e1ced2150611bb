"""Views of the publish form: details, thumbnail and preflight checks."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.models import User
from accounts.requests import UserRequest
from mixes import access
from mixes.models import MixJob
from mixes.services.library.form_uploads import expects_files, left_out
from mixes.services.limits import LimitReached
from mixes.services.rendering.mix_requests import accepted_missing
from youtube_integration.access import get_publication
from youtube_integration.forms import PublishForm, initial_of, zone_of
from youtube_integration.google.types import GoogleError, GrantLost, Playlist, VideoDetails
from youtube_integration.models import YouTubePublication
from youtube_integration.services import channels, drafts, preflight, publications, quotas
from youtube_integration.services.credentials import api_for, mark_reconnect
from youtube_integration.services.thumbnails import picture_key, thumbnail_of
from youtube_integration.services.video_rules import (
    DESCRIPTION_BYTES,
    TAG_CHARACTERS,
    TITLE_CHARACTERS,
    chapter_rules,
)
from youtube_integration.views.connect import RETURN_KEY

LIMITS = {"title": TITLE_CHARACTERS, "description": DESCRIPTION_BYTES, "tags": TAG_CHARACTERS}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@expects_files(1, limit="picture_bytes")
def publish(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    if not settings.PUBLISHING:
        return redirect("youtube:kit", job.pk)
    if request.method == "POST" and (found := publications.open_publication(request.user, job)):
        return redirect("youtube:publication", found.pk)  # the form was submitted twice
    checks = preflight.run_preflight(request.user, job)
    draft = drafts.draft_of(job)
    credential = publications.connected_channel(request.user)
    earlier = preflight.earlier_publication(credential, job) if credential else None
    if credential is None:
        request.session[RETURN_KEY] = request.path
    with timezone.override(zone_of(request.POST.get("zone", ""))):
        form = read_form(request, draft, asks_again=earlier is not None)
        if form.is_valid() and preflight.is_clear(checks):
            return start(request, job, form, draft)
        context = form_context(request, job, form) | {
            "checks": checks,
            "is_clear": preflight.is_clear(checks),
            "is_shortened": draft.title != job.title,
            "earlier": earlier,
        }
        return render(request, "youtube/publish.html", context, status=422 if form.is_bound else 200)


def start(request: UserRequest, job: MixJob, form: PublishForm, draft: VideoDetails) -> HttpResponse:
    """Start a publication and redirect to its page."""
    try:
        publication = publications.request_publication(
            request.user,
            job,
            form.details(),
            thumbnail=form.cleaned_data["thumbnail"],
            description_follows=is_same_text(form, draft),
        )
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("youtube:publish", job.pk)
    return redirect("youtube:publication", publication.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@expects_files(1, limit="picture_bytes")
def edit(request: UserRequest, publication_pk: uuid.UUID) -> HttpResponse:
    """Edit the details of a publication that has not started or that YouTube refused."""
    publication = get_publication(request.user, publication_pk)
    if not publications.can_edit(publication) or publication.job is None:
        messages.info(
            request, _("Its details can no longer be changed here. You can change them on YouTube.")
        )
        return redirect("youtube:publication", publication.pk)
    job, before = publication.job, publications.details_of(publication)
    with timezone.override(zone_of(request.POST.get("zone", ""))):
        form = read_form(request, before, publication=publication)
        if form.is_valid():
            return save(request, publication, form)
        context = form_context(request, job, form) | {"publication": publication, "is_clear": True}
        return render(request, "youtube/edit.html", context, status=422 if form.is_bound else 200)


def save(request: HttpRequest, publication: YouTubePublication, form: PublishForm) -> HttpResponse:
    before = publications.details_of(publication)
    try:
        publications.edit_and_retry(
            publication,
            form.details(),
            thumbnail=form.cleaned_data["thumbnail"],
            description_follows=publication.description_follows and is_same_text(form, before),
        )
    except LimitReached as error:
        messages.error(request, str(error))
    return redirect("youtube:publication", publication.pk)


def read_form(
    request: HttpRequest,
    details: VideoDetails,
    *,
    publication: YouTubePublication | None = None,
    asks_again: bool = False,
) -> PublishForm:
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    initial = initial_of(details, is_new=publication is None)
    form = PublishForm(data, files, initial=initial, asks_again=asks_again)
    for name, reason in left_out(request) if form.is_bound else ():
        form.add_error("thumbnail", f"{name}: {reason}")
    return form


def is_same_text(form: PublishForm, details: VideoDetails) -> bool:
    """Return whether the description is unchanged; it is then rewritten when the mix is remade."""
    text: str = form.cleaned_data["description"]
    return text.strip() == details.description.strip()


def form_context(request: UserRequest, job: MixJob, form: PublishForm) -> dict[str, Any]:
    """Return the template context around the form's fields."""
    credential = publications.connected_channel(request.user)
    return {
        "job": job,
        "form": form,
        "limits": LIMITS,
        "rules": chapter_rules(form["description"].value() or "", drafts.duration_s(job)),
        "credential": credential,
        "may_use_playlists": credential is not None and channels.may_use_playlists(credential),
        "zone": timezone.get_current_timezone_name(),
    }


@login_required
@require_POST
def recheck(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    """Read the channel from YouTube again, and return the preflight checks."""
    job = access.get_job(request.user, job_pk)
    problem = read_channel_again(request.user)
    if not request.htmx:
        return redirect("youtube:publish", job.pk)
    checks = preflight.run_preflight(request.user, job)
    context = {"job": job, "checks": checks, "is_clear": preflight.is_clear(checks)}
    answer = render(request, "youtube/_preflight.html", context)
    return trigger_client_event(answer, "toast", {"text": problem, "level": "error"}) if problem else answer


def read_channel_again(user: User) -> str:
    """Read the channel from YouTube again; return the error for the user, or ""."""
    credential = publications.connected_channel(user)
    if credential is None:
        return ""
    try:
        quotas.check_query_rate(user)
        channels.read_channel(credential)
    except GrantLost:
        mark_reconnect(credential)
    except LimitReached as error:
        return str(error)
    except GoogleError:
        return _("YouTube did not answer. Try again in a minute.")
    return ""


@login_required
@require_POST
def chapters(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    """Return how YouTube will read the chapters of the description being typed."""
    job = access.get_job(request.user, job_pk)
    rules = chapter_rules(request.POST.get("description", ""), drafts.duration_s(job))
    return render(request, "youtube/_chapter_rules.html", {"rules": rules})


@login_required
@require_safe
@never_cache
def playlists(request: UserRequest) -> HttpResponse:
    """Return the playlists of the connected channel as form options."""
    credential = publications.connected_channel(request.user)
    found: tuple[Playlist, ...] = ()
    problem = ""
    if credential and channels.may_use_playlists(credential):
        try:
            quotas.check_query_rate(request.user)
            found = api_for(credential).playlists()
        except LimitReached as error:
            problem = str(error)
        except GoogleError:
            problem = _("YouTube did not send your playlists. Reload the page to try again.")
    context = {"playlists": found, "problem": problem, "chosen": request.GET.get("playlist", "")}
    return render(request, "youtube/_playlists.html", context)


@login_required
@require_safe
def thumbnail(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    """Return the default thumbnail of a video."""
    job = access.get_job(request.user, job_pk)
    tag = f'"{picture_key(job)}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
    if "download" in request.GET:
        headers["Content-Disposition"] = 'attachment; filename="thumbnail.jpg"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers=headers)
    content = b"" if request.method == "HEAD" else thumbnail_of(job)
    return HttpResponse(content, content_type="image/jpeg", headers=headers)


@login_required
@require_POST
def make(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Make a mix with a video, and show the publish form while it is made."""
    mix = access.get_mix(request.user, mix_pk)
    try:
        job = publications.make_with_video(
            mix, accepted_missing=accepted_missing(request.POST.get("without", ""))
        )
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_detail", mix.pk)
    return redirect("youtube:publish" if settings.PUBLISHING else "mixes:job_detail", job.pk)
