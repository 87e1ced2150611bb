"""Tracks: add files, read what was measured, change names, remove."""

from typing import cast
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from ninja import Router

from api.authentication import ApiRequest, Bearer
from api.problems import Problem, invalid_fields
from api.services.waits import wait_until
from api.shapes.common import Cursor, Limit, Page, Text, Wait
from api.shapes.tracks import StateAsked, TrackAdded, TrackIn, TrackOut, show_track
from api.views.common import list_page
from mixes import access
from mixes.models import Track
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.library import tracks, uploads
from mixes.services.library.form_uploads import ReceivedFile, expect_files, left_out
from mixes.services.limits import DiskFull, LimitReached
from mixes.services.rate_limits import TooFast

router = Router(tags=["tracks"])
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.get("/tracks", response=Page[TrackOut])
def track_list(
    request: ApiRequest, cursor: Cursor, limit: Limit, q: Text = "", state: StateAsked | None = None
) -> Page[TrackOut]:
    """Return the library, newest first; `q` are words that a track's names have."""
    rows = tracks.search(access.tracks_of(request.user), q[:200])
    return list_page(rows.filter(state=state) if state else rows, cursor, limit, show_track)


@router.post("/tracks/from-form", response={201: TrackAdded}, auth=Bearer("write"), openapi_extra=FORM)
def track_from_form(request: ApiRequest) -> TrackAdded:
    """Add a file from the form field `file`. It is listened to; ask for the track until it is ready."""
    expect_files(request, 1, "file_bytes")
    file = cast("ReceivedFile | None", request.FILES.get("file"))
    for _name, reason in left_out(request):
        raise Problem(413, "refused", reason[:1].upper() + reason[1:])
    if file is None:
        raise invalid_fields([{"field": "file", "sentence": _("Send the file in the form field “file”.")}])
    try:
        upload = uploads.add_file(request.user, file.name or "", file.path, mix=None)
    except (DiskFull, TooFast):
        raise
    except LimitReached as error:
        raise Problem(413, "refused", str(error)) from None
    return TrackAdded(id=upload.track_id, state=Track.State.ANALYSING)


@router.get("/tracks/{uuid:track_id}", response=TrackOut)
def track(request: ApiRequest, track_id: UUID, wait: Wait) -> TrackOut:
    """Return a track. The id of a file that you had already gives the track that you had."""
    found = find_track(request, track_id)
    row = Track.objects.filter(pk=found.pk, state__in=tracks.WORKING)
    wait_until(request.user.pk, wait, lambda: not row.exists())
    return show_track(find_track(request, track_id))


def find_track(request: ApiRequest, track_id: UUID) -> Track:
    """Return a track, or the one that a duplicate was replaced by. Raises Http404."""
    known = tracks.known_as(request.user, [track_id])
    return known.get(track_id) or access.get_track(request.user, track_id)


@router.patch("/tracks/{uuid:track_id}", response=TrackOut, auth=Bearer("write"))
def track_change(request: ApiRequest, track_id: UUID, body: TrackIn) -> TrackOut:
    """Change a track's names."""
    found = find_track(request, track_id)
    now = {name: getattr(found, name) for name in TrackIn.model_fields}
    tracks.edit_tags(found, **now | body.model_dump(exclude_unset=True))
    return show_track(find_track(request, track_id))


@router.delete("/tracks/{uuid:track_id}", response={204: None}, auth=Bearer("write"))
def track_remove(request: ApiRequest, track_id: UUID, from_mixes: bool = False) -> None:
    """Move a track to the bin. One that mixes use stays, unless `from_mixes` takes it out of them."""
    found = find_track(request, track_id)
    used = tracks.mixes_using([found])[found.pk]
    if used and not from_mixes:
        sentence = _("Mixes use this track; with from_mixes=true it is taken out of them.")
        raise Problem(409, "in-use", sentence, mixes=[str(mix.pk) for mix in used])
    tracks.bin_track(found)


@router.post("/tracks/{uuid:track_id}/retry", response=TrackOut, auth=Bearer("write"))
def track_retry(request: ApiRequest, track_id: UUID) -> TrackOut:
    """Listen again to a track that was refused; nothing happens to another."""
    tracks.retry_analysis(find_track(request, track_id))
    return show_track(find_track(request, track_id))


@router.get("/tracks/{uuid:track_id}/file", response={200: None})
def track_file(request: ApiRequest, track_id: UUID) -> HttpResponseBase:
    """Return the file as it was added; ranges are answered."""
    found = find_track(request, track_id)
    if not found.file:
        raise Problem(409, "not-there-yet", _("This file has not arrived yet."))
    return ranged_response(
        request,
        storage.path_of(found.file),
        content_type="application/octet-stream",
        filename=found.name,
        as_attachment=True,
        etag=found.sha256[:32],
    )
