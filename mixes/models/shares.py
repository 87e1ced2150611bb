"""Listen links: a result that others hear without an account."""

import uuid

from django.conf import settings
from django.db import models

from mixes.models.jobs import MixJob


class ShareLink(models.Model):
    """The unguessable address of one result; deleted, the address ends."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="share_links")
    job = models.OneToOneField(MixJob, models.CASCADE, related_name="share_link")
    key = models.CharField(max_length=43, unique=True)
    may_download = models.BooleanField(default=False)
    ends_at = models.DateTimeField(null=True, blank=True)  # None: until its owner ends it
    plays = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return f"link to {self.job_id}"
