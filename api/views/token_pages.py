"""The page of an account's tokens: make one, which is shown once, and remove them."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import UserRequest
from api.forms import TokenForm
from api.services import tokens
from mixes.services.limits import LimitReached


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def token_list(request: UserRequest) -> HttpResponse:
    """Show the tokens; a new one is in the answer to its form, and nowhere else."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    secret = ""
    if form.is_valid():
        data = form.cleaned_data
        try:
            _token, secret = tokens.create_token(
                request.user, data["name"], data["scopes"], days=data["days"] or None
            )
            form = TokenForm()
        except LimitReached as error:
            form.add_error(None, str(error))
    context = {"form": form, "secret": secret, "tokens": tokens.tokens_of(request.user)}
    return render(request, "api/tokens.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def token_remove(request: UserRequest, token_pk: uuid.UUID) -> HttpResponse:
    if not tokens.remove_token(request.user, token_pk):
        raise Http404
    messages.success(request, _("The token is removed. Programs that used it are signed out."))
    return redirect("access:tokens")
