"""The detail of a track as bytes, for the canvas of the join editor."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.services.drawing.track_detail import detail_of, detail_tags

MAX_SECONDS = 600  # per request, 126 kB
FOR_EVER = "private, max-age=31536000, immutable"


@require_safe
@login_required
def track_detail(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    """Send the tenths of a second `from` to `to`, both in whole seconds; with `v` the bytes never change."""
    track = access.get_track(request.user, track_pk)
    first_s, end_s = _whole(request, "from"), _whole(request, "to")
    end_s = min(end_s, first_s + MAX_SECONDS)
    tag = detail_tags([track])[track]
    etag = f'"{tag}-{first_s}-{end_s}"'
    if etag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304)
    else:
        detail = detail_of(track)
        if detail is None:
            raise Http404(_("This track can be looked at once it is ready."))
        response = HttpResponse(detail.part(first_s, end_s), content_type="application/octet-stream")
    response["ETag"] = etag
    response["Cache-Control"] = FOR_EVER if request.GET.get("v") == tag else "private, no-cache"
    return response


def _whole(request: HttpRequest, name: str) -> int:
    """Return a parameter as seconds, 0 where it is missing or malformed."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
