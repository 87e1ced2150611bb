"""Views to export or delete an account."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services
from accounts.exports import export_account
from accounts.forms import DeletionForm
from accounts.requests import UserRequest
from mixes.services.delivery.zip_stream import archive_response
from mixes.services.limits import storage_used


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def export(request: UserRequest) -> HttpResponseBase:
    if request.method != "POST":
        return render(request, "accounts/export.html", {"used_bytes": storage_used(request.user)})
    archive = export_account(request.user, with_files="files" in request.POST)
    name = f"mixtape-{timezone.localdate():%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return archive_response(request, archive, headers)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("confirmation")
@login_required
def delete(request: UserRequest) -> HttpResponse:
    form = DeletionForm(request.POST or None, user=request.user)
    if request.method == "POST":
        if refused := ratelimit.consume_or_429(request, action="reauthenticate", user=request.user):
            return refused
        if form.is_valid():
            return _delete(request, form)
    context = {"form": form, "used_bytes": storage_used(request.user)}
    return render(request, "accounts/delete.html", context, status=422 if form.errors else 200)


def _delete(request: UserRequest, form: DeletionForm) -> HttpResponse:
    user = request.user
    try:
        services.delete_account(user)
    except services.LastOperator:
        sentence = _("You are the only operator of this site. Invite another one first.")
        form.add_error(None, sentence)
        return render(request, "accounts/delete.html", {"form": form}, status=422)
    logout(request)
    messages.success(request, _("Your account and everything in it is deleted. Take care."))
    return redirect("home")
