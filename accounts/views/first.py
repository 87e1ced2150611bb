"""View to create the first operator with the link printed in the terminal."""

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services
from accounts.forms import FirstOperatorForm

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
def create_operator(request: HttpRequest, token: str) -> HttpResponse:
    """Create the first operator's account; the link works once."""
    if not services.is_operator_link(token):
        return _say_used(request)
    form = FirstOperatorForm(request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "accounts/first.html", {"form": form}, status=status)
    try:
        user = services.create_first_operator(
            token, form.cleaned_data["email"], form.cleaned_data["password"]
        )
    except services.LinkUsed:
        return _say_used(request)
    login(request, user, backend=BACKEND)
    messages.success(request, _("Welcome. You are the operator of this site: the admin is in the menu."))
    return redirect("mixes:mix_list")


def _say_used(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/first_used.html", status=404)
