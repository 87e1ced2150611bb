"""Webhooks: events sent to addresses of users, signed by the rules of Standard Webhooks 1.0."""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from api.models import WebhookDelivery, WebhookEndpoint
from api.services.webhook_targets import BadTarget, read_target
from mixes.queues import HOOKS, wake
from mixes.services.limits import LimitReached
from youtube_integration.security.sealing import owner_key, seal, unseal

EVENTS = ("job.done", "job.failed", "publication.live", "track.refused")
TEST = "test"
SECRET_PREFIX, SECRET_BYTES = "whsec_", 32
MOST_ENDPOINTS = 10  # of one user
MOST_WAITING = 500  # messages of one endpoint; more than a day's would only pile up
SHOWN = 50


def create_endpoint(owner: User, url: str, events: Iterable[str]) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint and return it with its secret, which is shown only now.

    Raises LimitReached for an address that nothing may be sent to, and beyond the limit of endpoints.
    """
    try:
        read_target(url)
    except BadTarget as error:
        raise LimitReached(str(error)) from None
    if WebhookEndpoint.objects.filter(owner=owner).count() >= MOST_ENDPOINTS:
        raise LimitReached(
            _("You have %d webhooks, and that is the most. Remove one first.") % MOST_ENDPOINTS
        )
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    endpoint = WebhookEndpoint.objects.create(
        owner=owner,
        url=url,
        events=[event for event in EVENTS if event in set(events)],
        sealed_secret=seal(owner_key(owner.pk), {"secret": secret}),
    )
    return endpoint, secret


def secret_of(endpoint: WebhookEndpoint) -> str:
    """Return the secret of an endpoint. Raises SealBroken."""
    return str(unseal(owner_key(endpoint.owner_id), endpoint.sealed_secret)["secret"])


def endpoints_of(owner: User) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints of a user, newest first."""
    return WebhookEndpoint.objects.filter(owner=owner)


def deliveries_of(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """Return the last messages to an endpoint, newest first."""
    return WebhookDelivery.objects.filter(endpoint=endpoint)[:SHOWN]


def announce(owner_pk: int, event: str, data: Mapping[str, Any]) -> None:
    """Queue a message to every endpoint of a user that wants the event."""
    if not settings.WEBHOOKS:
        return
    for endpoint in WebhookEndpoint.objects.filter(owner=owner_pk, is_on=True):
        if event in endpoint.events:
            queue_message(endpoint, event, data)


def queue_message(endpoint: WebhookEndpoint, event: str, data: Mapping[str, Any]) -> None:
    """Queue a message to one endpoint, unless too many wait for it."""
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, finished_at=None)
    if waiting.count() >= MOST_WAITING:
        return
    body = {"type": event, "timestamp": timezone.now().isoformat(), "data": data}
    with transaction.atomic():
        WebhookDelivery.objects.create(
            owner_id=endpoint.owner_id,
            endpoint=endpoint,
            queue=HOOKS,
            event=event,
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        )
        wake(HOOKS)


def send_test(endpoint: WebhookEndpoint) -> None:
    """Queue a message that says nothing but that the webhook works."""
    queue_message(endpoint, TEST, {"webhook": str(endpoint.pk)})


def send_again(delivery: WebhookDelivery) -> bool:
    """Queue an ended message again, with the same id; return False while it is open."""
    with transaction.atomic():
        is_queued = bool(WebhookDelivery.objects.retry([delivery.pk]))
        if is_queued:
            WebhookDelivery.objects.filter(pk=delivery.pk).update(tries=0, status=None)
            wake(HOOKS)
    return is_queued


def switch(endpoint: WebhookEndpoint, *, on: bool, problem: str = "") -> None:
    """Switch an endpoint on, or off with the reason; what waits for it is no longer sent."""
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(is_on=on, problem=problem)
        if not on:
            open_rows = WebhookDelivery.objects.filter(endpoint=endpoint, finished_at=None)
            for pk in open_rows.values_list("pk", flat=True):
                WebhookDelivery.objects.request_cancel(pk)


def headers_of(delivery: WebhookDelivery, secret: str, sent_at: int) -> dict[str, str]:
    """Return the headers of a message sent at `sent_at`, in seconds since the epoch."""
    message_id = message_id_of(delivery.pk)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Mixtape-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": sign(secret, message_id, sent_at, delivery.body),
    }


def message_id_of(pk: uuid.UUID) -> str:
    return f"msg_{pk.hex}"


def sign(secret: str, message_id: str, sent_at: int, body: str) -> str:
    """Return the signature of a message: HMAC-SHA256 over id, time and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{message_id}.{sent_at}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
