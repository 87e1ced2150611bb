"""View to change the sign-in address."""

from allauth.account.views import email as manage_addresses
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services
from accounts.forms import AddressForm
from accounts.requests import UserRequest


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@login_required
def change_address(request: UserRequest) -> HttpResponseBase:
    """Let django-allauth confirm an address by mail; without mail, confirm by password."""
    if settings.HAS_MAIL or not request.user.has_usable_password():
        return manage_addresses(request)
    form = AddressForm(request.POST or None, user=request.user)
    if request.method == "POST":
        if refused := ratelimit.consume_or_429(request, action="reauthenticate", user=request.user):
            return refused
        if form.is_valid():
            services.change_address(request.user, form.cleaned_data["email"])
            messages.success(request, _("You now sign in with %(email)s.") % {"email": request.user.email})
            return redirect("accounts:profile")
    status = 422 if form.errors else 200
    return render(request, "accounts/address.html", {"form": form}, status=status)
