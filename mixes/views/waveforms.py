"""Waveforms as pictures: their addresses name their content, so browsers keep them for good."""

import uuid

from csp.constants import NONE, UNSAFE_INLINE
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Track
from mixes.pages.mix_page import drawn_name
from mixes.pages.time_axis import marks_of
from mixes.services.drawing.track_waveform import STORED_HASH
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.plans import drawing_of, plan_of

KEPT = "private, max-age=31536000, immutable"
POLICY = {"default-src": [NONE], "style-src": [UNSAFE_INLINE]}  # a picture with its own colours, no more


@login_required
@require_safe
def track_wave(request: UserRequest, track_pk: uuid.UUID, drawn: str) -> HttpResponse:
    """Draw a track; its address ends with "#odd" or "#even", the ink."""
    track = access.get_track(request.user, track_pk)
    if not track.waveform:
        raise Http404("This song is not drawn yet.")
    name = Track.objects.filter(pk=track.pk).values_list(STORED_HASH, flat=True).get()
    return _picture(request, "track", {"waveform": track.waveform}, is_current=name == drawn)


@login_required
@require_safe
def mix_wave(request: UserRequest, mix_pk: uuid.UUID, drawn: str) -> HttpResponse:
    """Draw a whole mix with its joins."""
    mix = access.get_mix(request.user, mix_pk)
    items = items_of(mix)
    plan = plan_of(mix, items)
    if plan is None:
        raise Http404("No song of this mix is ready yet.")
    context = {"drawing": drawing_of(mix, plan, items), "marks": marks_of(plan.timeline)}
    return _picture(request, "mix", context, is_current=drawn_name(mix) == drawn)


def _picture(
    request: UserRequest, name: str, context: dict[str, object], *, is_current: bool
) -> HttpResponse:
    """Return a picture, to be kept for good unless its address names an earlier one."""
    response = render(request, f"mixes/{name}_wave.svg", context, content_type="image/svg+xml")
    response._csp_replace = POLICY  # type: ignore[attr-defined]  # as csp's decorator, which types no arguments
    response["Cache-Control"] = KEPT if is_current else "no-store"
    return response
