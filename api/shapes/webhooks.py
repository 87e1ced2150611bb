"""Webhooks and their last messages."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Field

from api.models import WebhookDelivery, WebhookEndpoint
from api.shapes.common import Answer, Shape, Text
from api.shapes.jobs import JobState

Event = Literal["job.done", "job.failed", "publication.live", "track.refused"]


class WebhookOut(Answer):
    """An address that events are sent to."""

    id: UUID
    url: str
    events: list[str]
    is_on: bool
    problem: str = Field(description="why it was switched off")
    created_at: datetime


class WebhookMade(WebhookOut):
    """A new webhook with its secret, which is shown only now."""

    secret: str


class WebhookNew(Shape):
    """An address and the events that are sent to it."""

    url: Annotated[Text, Field(min_length=1, max_length=500)]
    events: Annotated[list[Event], Field(min_length=1, max_length=4)]


class DeliveryOut(Answer):
    """A message to a webhook."""

    id: UUID
    event: str
    state: JobState
    tries: int
    status: int | None = Field(description="of the last answer")
    message: str
    created_at: datetime


def show_webhook(endpoint: WebhookEndpoint) -> WebhookOut:
    names = ("url", "events", "is_on", "problem", "created_at")
    return WebhookOut(id=endpoint.pk, **{name: getattr(endpoint, name) for name in names})


def show_delivery(delivery: WebhookDelivery) -> DeliveryOut:
    names = ("event", "state", "tries", "status", "created_at")
    return DeliveryOut(
        id=delivery.pk,
        message=delivery.error_text or delivery.message,
        **{name: getattr(delivery, name) for name in names},
    )
