"""Account overview page."""

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.forms import NameForm
from accounts.requests import UserRequest
from mixes.services.limits import storage_used


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: UserRequest) -> HttpResponse:
    form = NameForm(
        request.POST or None, instance=request.user, initial={"first_name": request.user.get_full_name()}
    )
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("accounts:profile")
    used = storage_used(request.user)
    context = {
        "form": form,
        "used_bytes": used,
        "used_percent": min(100, round(100 * used / max(1, settings.LIMITS.storage_bytes))),
        "sessions": UserSession.objects.filter(user=request.user).count(),
        "connections": request.user.socialaccount_set.filter(provider="google").count(),
    }
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)
