"""Fetch rows of the API for their owner; another user's row raises Http404 like a missing one."""

import uuid

from django.http import Http404

from accounts.models import User
from api.models import WebhookDelivery, WebhookEndpoint


def get_endpoint(user: User, pk: uuid.UUID) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(owner=user, pk=pk).first()
    if found is None:
        raise Http404("There is no such webhook, or it is not yours.")
    return found


def get_delivery(user: User, endpoint_pk: uuid.UUID, pk: uuid.UUID) -> WebhookDelivery:
    rows = WebhookDelivery.objects.select_related("endpoint").filter(endpoint__owner=user)
    found = rows.filter(endpoint=endpoint_pk, pk=pk).first()
    if found is None:
        raise Http404("There is no such message, or it is not yours.")
    return found
