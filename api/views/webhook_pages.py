"""Pages of an account's webhooks: their list, and one with its last messages."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import UserRequest
from api import access
from api.forms import WebhookForm
from api.services import webhooks
from mixes.services.limits import LimitReached


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def webhook_list(request: UserRequest) -> HttpResponse:
    """Show the webhooks; the secret of a new one is in the answer to its form, and nowhere else."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    secret = ""
    if form.is_valid():
        data = form.cleaned_data
        try:
            _endpoint, secret = webhooks.create_endpoint(request.user, data["url"], data["events"])
            form = WebhookForm()
        except LimitReached as error:
            form.add_error(None, str(error))
    context = {"form": form, "secret": secret, "endpoints": webhooks.endpoints_of(request.user)}
    context["is_sending"] = settings.WEBHOOKS
    return render(request, "api/webhooks.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def webhook(request: UserRequest, webhook_pk: uuid.UUID) -> HttpResponse:
    """Show the last messages of a webhook; its form switches it on or off, or sends a test."""
    endpoint = access.get_endpoint(request.user, webhook_pk)
    if request.method != "POST":
        context = {"endpoint": endpoint, "deliveries": webhooks.deliveries_of(endpoint)}
        return render(request, "api/webhook.html", context)
    if "test" in request.POST:
        webhooks.send_test(endpoint)
        messages.info(request, _("A test is on its way. Reload the page to see what became of it."))
    elif "on" in request.POST:
        webhooks.switch(endpoint, on=True)
    elif "off" in request.POST:
        webhooks.switch(endpoint, on=False)
    return redirect("access:webhook", endpoint.pk)


@require_POST
@login_required
def webhook_remove(request: UserRequest, webhook_pk: uuid.UUID) -> HttpResponse:
    access.get_endpoint(request.user, webhook_pk).delete()
    messages.success(request, _("The webhook and its messages are removed."))
    return redirect("access:webhooks")


@require_POST
@login_required
def delivery_again(request: UserRequest, webhook_pk: uuid.UUID, delivery_pk: uuid.UUID) -> HttpResponse:
    delivery = access.get_delivery(request.user, webhook_pk, delivery_pk)
    if webhooks.send_again(delivery):
        messages.info(request, _("It is sent again. Reload the page to see what became of it."))
    else:
        messages.info(request, _("It is on its way already."))
    return redirect("access:webhook", webhook_pk)
