"""Files of a result: played or read in the page, or downloaded."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Artifact
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.delivery.song_archive import song_archive_response
from mixes.services.delivery.tracklists import tracklist_response
from mixes.services.rendering.artifacts import CONTENT_TYPES


@login_required
@require_safe
def artifact(request: UserRequest, artifact_pk: uuid.UUID) -> HttpResponseBase:
    return send(request, artifact_pk, as_attachment=False)


@login_required
@require_safe
def artifact_download(request: UserRequest, artifact_pk: uuid.UUID) -> HttpResponseBase:
    return send(request, artifact_pk, as_attachment=True)


@login_required
@require_safe
def job_songs(request: UserRequest, job_pk: uuid.UUID) -> HttpResponseBase:
    """Send each song of a result as a file of its own."""
    job = access.get_job(request.user, job_pk)
    mp3 = job.artifacts.filter(kind=Artifact.Kind.MP3).first()
    if mp3 is None:
        raise Http404("This result has no MP3 that songs could be cut out of.")
    if answer := song_archive_response(request, job, mp3):
        return answer
    sentence = _("The MP3 of this result is missing or damaged. Your songs are still here: make it again.")
    messages.error(request, sentence)
    return redirect("mixes:job_detail", job.pk)


@login_required
@require_safe
def job_tracklist(request: UserRequest, job_pk: uuid.UUID, form: str) -> HttpResponseBase:
    """Send the tracklist of a result as another site or program reads it."""
    answer = tracklist_response(access.get_job(request.user, job_pk), form)
    if answer is None:
        raise Http404("There is no such form of a tracklist.")
    return answer


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
