"""The picture of a mix or of a show's episodes: add, remove, show."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Artwork, Mix
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.editing import edits
from mixes.services.editing.arrangement import change_settings
from mixes.services.library.artwork import PictureRefused, add_artwork
from mixes.services.library.form_uploads import expects_files, left_out
from mixes.services.limits import LimitReached
from mixes.services.rendering.frames import frame_jpeg
from mixes.services.shows import presets

KEPT = "private, max-age=31536000, immutable"  # a frame's address names its content


@require_POST
@login_required
@expects_files(1, limit="picture_bytes")
def artwork(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    if "remove" in request.POST:
        _use(mix, None, _("Took the picture off"))
    elif picture := _received(request):
        _use(mix, picture.pk, _("Changed the picture"))
    return redirect("mixes:mix_look", mix.pk)


@require_POST
@login_required
@expects_files(1, limit="picture_bytes")
def show_picture(request: UserRequest, show_pk: uuid.UUID) -> HttpResponse:
    show = access.get_show(request.user, show_pk)
    if "remove" in request.POST:
        presets.change_show(show, {"artwork_id": None})
    elif picture := _received(request):
        presets.change_show(show, {"artwork_id": picture.pk})
    return redirect("mixes:show", show.pk)


@require_safe
@login_required
def artwork_image(request: UserRequest, artwork_pk: uuid.UUID) -> HttpResponseBase:
    """Show the picture as it will be in the video; the original file is never served."""
    picture = access.get_artwork(request.user, artwork_pk)
    return ranged_response(
        request, storage.path_of(picture.shown_file), content_type="image/jpeg", etag=picture.pk.hex
    )


@require_safe
@login_required
def mix_frame(request: UserRequest, mix_pk: uuid.UUID, moment: str, drawn: str) -> HttpResponse:
    """Show a frame of the video as it will be made."""
    mix = access.get_mix(request.user, mix_pk)
    found = frame_jpeg(mix, moment)
    if found is None:
        raise Http404("The video has no such frame, or its picture cannot be used.")
    jpeg, key = found
    kept = KEPT if key == drawn else "no-store"
    return HttpResponse(jpeg, content_type="image/jpeg", headers={"Cache-Control": kept})


def _received(request: UserRequest) -> Artwork | None:
    """Store the form's picture; without one, say why."""
    file = request.FILES.get("picture")
    if not file:
        reasons = [f"{name}: {reason}" for name, reason in left_out(request)]
        messages.error(request, " ".join(reasons) or _("Choose a picture first."))
        return None
    try:
        return add_artwork(request.user, file)
    except (LimitReached, PictureRefused) as error:
        messages.error(request, str(error))
        return None


def _use(mix: Mix, artwork_pk: uuid.UUID | None, what: str) -> None:
    edits.edit(mix, None, what, lambda a: change_settings(a, artwork_id=artwork_pk))
