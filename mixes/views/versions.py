"""The versions of a mix: list and comparison, a name for one, and the way back to one."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Mix
from mixes.pages import versions_page
from mixes.services.editing.versions import NAME_LENGTH, NotKept, count_lost, go_back, name_version
from mixes.services.library import tracks
from mixes.views.mix_edits import apply_edit, seen_version, warn_of_lost_songs


@login_required
@require_safe
def version_list(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    made = versions_page.versions(mix)
    old, new = request.GET.get("old", ""), request.GET.get("new", versions_page.NOW)
    context = {
        "mix": mix,
        "versions": made,
        "comparison": versions_page.comparison(mix, made, old, new),
        "name_length": NAME_LENGTH,
    }
    return render(request, "mixes/versions.html", context)


@login_required
@require_POST
def version_name(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    name_version(job, request.POST.get("name", ""))
    return redirect("mixes:versions", job.mix_id)


@login_required
@require_POST
def version_back(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    """Arrange the mix as this version was."""
    job = access.get_job(request.user, job_pk)
    found = {version.key: version for version in versions_page.versions(job.mix)}.get(str(job.pk))
    if found is None:
        messages.error(request, _("This version was not finished, so there is nothing to go back to."))
        return redirect("mixes:versions", job.mix_id)

    def edit() -> Mix:
        mix = go_back(job.mix, job, found.label, seen_version(request), tracks.restore_track)
        warn_of_lost_songs(request, count_lost(mix, job))
        messages.success(request, _("The mix is arranged as “%s” was. Undo brings it back.") % found.label)
        return mix

    try:
        return apply_edit(request, job.mix, edit)
    except NotKept:
        messages.error(
            request,
            _("This result is of an older Mixtape that kept no arrangement, so the mix stays as it is."),
        )
        return redirect("mixes:versions", job.mix_id)
