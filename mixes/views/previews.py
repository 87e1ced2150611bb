"""Previews: requested, polled, played."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import UserRequest
from mixes import access
from mixes.leases import State
from mixes.models import Preview, Track
from mixes.pages.rehearsal import rehearsal
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.rendering import previews

SOUND_TYPE = "audio/mp4"


@require_http_methods(["GET", "POST"])
@login_required
@vary_on_headers("Accept")
def track_preview(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    track = access.get_track(request.user, track_pk)
    if track.state != Track.State.READY:
        return refuse(request, _("This track can be heard once it is ready."))
    try:
        return show_preview(request, previews.request_track_now(track))
    except previews.NoPreview as error:
        return refuse(request, str(error))


@require_safe
@login_required
def mix_rehearsal(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """List the sounds that play a mix before it is made."""
    return JsonResponse(rehearsal(access.get_mix(request.user, mix_pk)))


@require_GET
@login_required
@vary_on_headers("Accept")
def preview_status(request: UserRequest, preview_pk: uuid.UUID) -> HttpResponse:
    preview = access.get_preview(request.user, preview_pk)
    if wants_json(request):
        return JsonResponse(describe(preview))
    context = {**describe(preview), "title": previews.title_of(preview)}
    return render(request, "mixes/preview_status.html", context)


@require_safe
@login_required
def preview_file(request: UserRequest, preview_pk: uuid.UUID) -> HttpResponseBase:
    preview = access.get_preview(request.user, preview_pk)
    if preview.state != State.DONE:
        raise Http404(_("This is not ready to be heard."))
    previews.mark_used(preview)
    return ranged_response(
        request, storage.path_of(preview.file), content_type=SOUND_TYPE, etag=preview.key[:32]
    )


def show_preview(request: HttpRequest, preview: Preview) -> HttpResponse:
    """Answer a request for a preview: JSON for the player's script, a page for a plain form."""
    if wants_json(request):
        return JsonResponse(describe(preview))
    return redirect("mixes:preview_status", preview.pk)


def refuse(request: HttpRequest, sentence: str) -> HttpResponse:
    """Answer with the reason why there is no preview."""
    if wants_json(request):
        return JsonResponse({"state": State.FAILED, "sentence": sentence}, status=409)
    return render(
        request, "mixes/preview_status.html", {"state": State.FAILED, "sentence": sentence}, status=409
    )


def describe(preview: Preview) -> dict[str, Any]:
    """Return the state of a preview for the player: the URL of the sound, when to poll again, or an error."""
    words: dict[str, Any] = {
        "state": preview.state,
        "percent": preview.percent,
        "status": reverse("mixes:preview_status", args=[preview.pk]),
    }
    if preview.state == State.DONE:
        # a new URL after each rendering, so that no cache plays the old one
        version = f"{preview.finished_at.timestamp():.0f}" if preview.finished_at else ""
        words["sound"] = reverse("mixes:preview_file", args=[preview.pk]) + f"?v={version}"
    elif preview.state == State.FAILED:
        words["sentence"] = preview.error_text
    elif preview.state == State.CANCELLED:
        words["sentence"] = _("This was removed to make room. Ask for it again.")
    return words


def wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")
