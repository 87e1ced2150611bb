"""Base of the rows of all publishers: one publication of a finished mix, its progress and its result."""

import uuid
from datetime import UTC, datetime
from typing import ClassVar

from django.db import models

from mixes.leases import Leased, State
from mixes.models import Mix, MixJob

HELD = datetime(9999, 1, 1, tzinfo=UTC)  # `not_before` of a row that waits for a person


class GrantState(models.TextChoices):
    """Whether a service lets this site in on behalf of a user."""

    ACTIVE = "active", "connected"
    RECONNECT = "reconnect", "to be connected again"


class Phase(models.TextChoices):
    """What an open publication does or waits for."""

    WAITING_FOR_MIX = "waiting_for_mix", "waits for the mix"
    UPLOADING = "uploading", "uploading"  # also before its first byte
    WAITING = "waiting", "waits for the service"  # for the network or one of its limits
    NEEDS_RECONNECT = "needs_reconnect", "the account must be connected again"
    NEEDS_REVIEW = "needs_review", "its owner must look"
    PROCESSING = "processing", "being processed by the service"
    PUBLISHED = "published", "published"


class Publication(Leased):
    """A publication. Each publisher names its own columns for what the shared code reads and writes."""

    PUBLISHER: ClassVar[str]  # name in `protocol.PUBLISHERS`
    RESULT: ClassVar[str]  # column: the service's id of what was published
    ACCOUNT: ClassVar[str]  # column, also of the grant: the account at the service
    ACCOUNT_TITLE: ClassVar[str]  # column: its name
    REASON: ClassVar[str]  # column: the service's reason code
    FOLDER: ClassVar[str]  # kind of its folder below scratch/
    FILE_NAME: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mix = models.ForeignKey(Mix, models.SET_NULL, null=True, related_name="+")
    job = models.ForeignKey(MixJob, models.SET_NULL, null=True, related_name="+")
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.UPLOADING)

    # its words
    title = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    description_follows = models.BooleanField(default=False)  # rewritten when the mix is done
    tags = models.JSONField(default=list, blank=True)

    # the file: kept while the row is open (files.py)
    file = models.CharField(max_length=100, blank=True)  # below MEDIA_ROOT
    thumbnail = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    changed_ns = models.BigIntegerField(default=0)  # the file's mtime when the row was made

    # the upload
    session_opened_at = models.DateTimeField(null=True, blank=True)
    offset = models.PositiveBigIntegerField(default=0)  # bytes that were sent
    final_sent_at = models.DateTimeField(null=True, blank=True)  # after this time a result may exist
    failures = models.PositiveSmallIntegerField(default=0)  # consecutive failures; they increase the backoff
    failing_since = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)  # polls, for a result or its processing
    notes = models.JSONField(default=list, blank=True)  # sentences for the owner

    class Meta(Leased.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.title

    @property
    def result_id(self) -> str | None:
        """Return the service's id of what was published, or None while there is none."""
        found: str | None = getattr(self, self.RESULT)
        return found

    @property
    def account_title(self) -> str:
        title: str = getattr(self, self.ACCOUNT_TITLE)
        return title

    @property
    def can_cancel(self) -> bool:
        """Return whether no result can exist at the service yet."""
        return self.is_open and self.final_sent_at is None and not self.result_id

    @property
    def account_id(self) -> str:
        account: str = getattr(self, self.ACCOUNT)
        return account

    @property
    def can_resume(self) -> bool:
        """Return whether its owner can resume it; one to be connected again also needs a grant."""
        if self.result_id:
            return False
        if self.state == State.FAILED:
            return self.job_id is not None
        if self.phase == Phase.NEEDS_RECONNECT:
            return self.is_open
        return self.state == State.QUEUED and self.phase == Phase.WAITING
