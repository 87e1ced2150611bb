"""Webhooks: addresses that events are sent to."""

from uuid import UUID

from ninja import Router

from api import access
from api.authentication import ApiRequest, Bearer
from api.services import webhooks
from api.shapes.common import Items
from api.shapes.webhooks import (
    DeliveryOut,
    WebhookMade,
    WebhookNew,
    WebhookOut,
    show_delivery,
    show_webhook,
)

router = Router(tags=["webhooks"])


@router.get("/webhooks", response=Items[WebhookOut])
def webhook_list(request: ApiRequest) -> Items[WebhookOut]:
    """Return the webhooks."""
    return Items(items=[show_webhook(one) for one in webhooks.endpoints_of(request.user)])


@router.post("/webhooks", response={201: WebhookMade}, auth=Bearer("write"))
def webhook_create(request: ApiRequest, body: WebhookNew) -> WebhookMade:
    """Add a webhook; its secret is in this answer, and nowhere else."""
    endpoint, secret = webhooks.create_endpoint(request.user, body.url, body.events)
    return WebhookMade(**show_webhook(endpoint).model_dump(), secret=secret)


@router.delete("/webhooks/{uuid:webhook_id}", response={204: None}, auth=Bearer("write"))
def webhook_remove(request: ApiRequest, webhook_id: UUID) -> None:
    """Remove a webhook with its messages."""
    access.get_endpoint(request.user, webhook_id).delete()


@router.get("/webhooks/{uuid:webhook_id}/deliveries", response=Items[DeliveryOut])
def webhook_deliveries(request: ApiRequest, webhook_id: UUID) -> Items[DeliveryOut]:
    """Return the last messages of a webhook, newest first."""
    endpoint = access.get_endpoint(request.user, webhook_id)
    return Items(items=[show_delivery(one) for one in webhooks.deliveries_of(endpoint)])


@router.post("/webhooks/{uuid:webhook_id}/test", response={204: None}, auth=Bearer("write"))
def webhook_test(request: ApiRequest, webhook_id: UUID) -> None:
    """Send a message of the type `test`."""
    webhooks.send_test(access.get_endpoint(request.user, webhook_id))
