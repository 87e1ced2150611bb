"""Files that jobs made."""

from uuid import UUID

from django.http import HttpResponseBase
from ninja import Router

from api.authentication import ApiRequest
from api.shapes.jobs import ArtifactOut, show_artifact
from mixes import access
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.rendering.artifacts import CONTENT_TYPES

router = Router(tags=["artifacts"])
RANGES = {
    "responses": {
        200: {"description": "the bytes of the file"},
        206: {"description": "the bytes of the range asked for"},
        304: {"description": "the file is the one of If-None-Match"},
        416: {"description": "the file has no such bytes"},
    }
}


@router.get("/artifacts/{uuid:artifact_id}", response=ArtifactOut)
def artifact(request: ApiRequest, artifact_id: UUID) -> ArtifactOut:
    """Return what a file is."""
    return show_artifact(request, access.get_artifact(request.user, artifact_id))


@router.get("/artifacts/{uuid:artifact_id}/file", response={200: None}, openapi_extra=RANGES)
def artifact_file(request: ApiRequest, artifact_id: UUID) -> HttpResponseBase:
    """Return the bytes of a file; Range, If-Range and If-None-Match are answered, the ETag is its SHA-256."""
    return send_file(request, artifact_id)


@router.api_operation(
    ["HEAD"], "/artifacts/{uuid:artifact_id}/file", response={200: None}, include_in_schema=False
)
def artifact_head(request: ApiRequest, artifact_id: UUID) -> HttpResponseBase:
    """Return the headers of a file."""
    return send_file(request, artifact_id)


def send_file(request: ApiRequest, artifact_id: UUID) -> HttpResponseBase:
    """Return the file of an artifact. Raises Http404."""
    found = access.get_artifact(request.user, artifact_id)
    return ranged_response(
        request,
        storage.path_of(found.file),
        content_type=CONTENT_TYPES[found.kind],
        filename=found.name,
        as_attachment=True,
        etag=found.sha256,
    )
