"""Rows of the API: tokens, answers kept for repeated requests, webhooks and their messages."""

import uuid

from django.conf import settings
from django.db import models

from mixes.leases import Leased


class ApiToken(models.Model):
    """A secret that lets a program act for its owner; only its digest is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)  # what its owner calls it
    begins = models.CharField(max_length=12)  # its first characters, by which its owner knows it
    digest = models.CharField(max_length=64, unique=True)  # SHA-256
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return self.name


class StoredAnswer(models.Model):
    """The answer to a request with an `Idempotency-Key`, given again when the request is repeated."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, address and body
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("owner", "key"), name="stored_answer_once_per_key"),)

    def __str__(self) -> str:
        return self.key


class WebhookEndpoint(models.Model):
    """An address that events are sent to; its secret signs each message."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    events = models.JSONField(default=list)
    sealed_secret = models.TextField()
    is_on = models.BooleanField(default=True)
    problem = models.TextField(blank=True)  # why it was switched off
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(Leased):
    """One message to one endpoint, sent until it is taken or given up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30)
    body = models.TextField()  # the exact bytes that are signed
    tries = models.PositiveSmallIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # of the last answer

    class Meta(Leased.Meta):
        ordering = ("-created_at", "pk")
        indexes = (
            *Leased.Meta.indexes,
            models.Index(fields=("endpoint", "-created_at"), name="delivery_of_endpoint"),
        )

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint_id}"
