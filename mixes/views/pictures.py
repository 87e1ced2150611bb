"""The picture of a mix: add, remove, show."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Mix
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.editing import edits
from mixes.services.editing.arrangement import change_settings
from mixes.services.library.artwork import PictureRefused, add_artwork
from mixes.services.library.form_uploads import expects_files, left_out
from mixes.services.limits import LimitReached


@require_POST
@login_required
@expects_files(1, limit="picture_bytes")
def artwork(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    if "remove" in request.POST:
        _use(mix, None, _("Took the picture off"))
    elif file := request.FILES.get("picture"):
        try:
            picture = add_artwork(request.user, file)
        except (LimitReached, PictureRefused) as error:
            messages.error(request, str(error))
        else:
            _use(mix, picture.pk, _("Changed the picture"))
    else:
        reasons = [f"{name}: {reason}" for name, reason in left_out(request)]
        messages.error(request, " ".join(reasons) or _("Choose a picture first."))
    return redirect("mixes:mix_look", mix.pk)


@require_safe
@login_required
def artwork_image(request: UserRequest, artwork_pk: uuid.UUID) -> HttpResponseBase:
    """Show the picture as it will be in the video; the original file is never served."""
    picture = access.get_artwork(request.user, artwork_pk)
    return ranged_response(
        request, storage.path_of(picture.shown_file), content_type="image/jpeg", etag=picture.pk.hex
    )


def _use(mix: Mix, artwork_pk: uuid.UUID | None, what: str) -> None:
    edits.edit(mix, None, what, lambda a: change_settings(a, artwork_id=artwork_pk))
