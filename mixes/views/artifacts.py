"""Files of a result: played or read in the page, or downloaded."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.rendering.artifacts import CONTENT_TYPES


@login_required
@require_safe
def artifact(request: UserRequest, artifact_pk: uuid.UUID) -> HttpResponseBase:
    return send(request, artifact_pk, as_attachment=False)


@login_required
@require_safe
def artifact_download(request: UserRequest, artifact_pk: uuid.UUID) -> HttpResponseBase:
    return send(request, artifact_pk, as_attachment=True)


def send(request: UserRequest, artifact_pk: uuid.UUID, *, as_attachment: bool) -> HttpResponseBase:
    """Send the file if it belongs to this user. Raises Http404 otherwise."""
    found = access.get_artifact(request.user, artifact_pk)
    return ranged_response(
        request,
        storage.path_of(found.file),
        content_type=CONTENT_TYPES[found.kind],
        filename=found.name,
        as_attachment=as_attachment,
        etag=found.sha256,
    )
