"""What is kept of YouTube: whose channel may be published to, and what was published there."""

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mixes.leases import Leased
from mixes.models import Mix, MixJob

HELD = datetime(9999, 1, 1, tzinfo=UTC)  # `not_before` of a row that waits for a person, not for a time


class YouTubeCredential(models.Model):
    """One user's grant to publish to one channel."""

    class State(models.TextChoices):
        ACTIVE = "active", "connected"
        RECONNECT = "reconnect", "to be connected again"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="youtube_credential")
    channel_id = models.CharField(max_length=64)
    channel_title = models.CharField(max_length=200)
    channel_picture = models.URLField(max_length=500, blank=True)
    uploads_playlist = models.CharField(max_length=64, blank=True)
    long_uploads = models.CharField(max_length=20, blank=True)  # allowed, eligible, disallowed: 15 minutes
    scopes = models.JSONField(default=list)
    sealed_tokens = models.TextField()  # sealing.py: access and refresh token, expiry, bound to the user
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    connected_at = models.DateTimeField(auto_now_add=True)
    granted_at = models.DateTimeField()  # when Google's consent was last given
    channel_read_at = models.DateTimeField()  # YouTube's data are read anew or deleted after 30 days
    last_ok_at = models.DateTimeField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True)  # when Google said that the grant is over

    class Meta:
        verbose_name = "YouTube credential"

    def __str__(self) -> str:
        return self.channel_title


class YouTubePublication(Leased):
    """One video on its way to a channel: what it is to be, how far it is, what became of it."""

    class Phase(models.TextChoices):
        WAITING_FOR_MIX = "waiting_for_mix", "waits for the mix"
        UPLOADING = "uploading", "uploading"  # also before its first byte
        WAITING = "waiting", "waits for YouTube"  # for the network, the quota or the channel's limit
        NEEDS_RECONNECT = "needs_reconnect", "the channel must be connected again"
        NEEDS_REVIEW = "needs_review", "its owner must look"
        PROCESSING = "processing", "being processed by YouTube"
        PUBLISHED = "published", "on YouTube"

    class Privacy(models.TextChoices):
        PRIVATE = "private", _("private")
        UNLISTED = "unlisted", _("unlisted")
        PUBLIC = "public", _("public")

    class Extra(models.TextChoices):  # of the thumbnail and of the playlist
        UNWANTED = "", "not asked for"
        WANTED = "wanted", "to be done"
        DONE = "done", "done"
        REFUSED = "refused", "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential = models.ForeignKey(YouTubeCredential, models.SET_NULL, null=True, related_name="publications")
    mix = models.ForeignKey(Mix, models.SET_NULL, null=True, related_name="publications")
    job = models.ForeignKey(MixJob, models.SET_NULL, null=True, related_name="publications")
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.UPLOADING)

    # what it is to be
    channel_id = models.CharField(max_length=64)
    channel_title = models.CharField(max_length=200)
    title = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    description_follows = models.BooleanField(default=False)  # the mix: written anew when that is done
    tags = models.JSONField(default=list, blank=True)
    category = models.CharField(max_length=4, default="10")  # of YouTube: music
    privacy = models.CharField(max_length=10, choices=Privacy, default=Privacy.PRIVATE)
    publish_at = models.DateTimeField(null=True, blank=True)
    made_for_kids = models.BooleanField(default=False)
    altered_content = models.BooleanField(default=False)  # made or changed by AI so that it seems real
    notify_subscribers = models.BooleanField(default=True)
    playlist = models.CharField(max_length=64, blank=True)

    # the file, kept whole while the row is open (services/video_files.py)
    file = models.CharField(max_length=100, blank=True)  # below MEDIA_ROOT
    thumbnail = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    changed_ns = models.BigIntegerField(default=0)  # the file's mtime when the session was opened

    # the transfer
    sealed_session = models.TextField(blank=True)  # sealing.py: whoever has the URI can write to it
    session_opened_at = models.DateTimeField(null=True, blank=True)
    offset = models.PositiveBigIntegerField(default=0)  # bytes that YouTube has for certain
    final_sent_at = models.DateTimeField(null=True, blank=True)  # from here on a video may exist
    restarts = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)  # in a row; the backoff grows with it
    failing_since = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)  # for a video that may be there, or at its processing
    pace = models.JSONField(default=list, blank=True)  # [epoch seconds, offset] of the last chunks
    google_reason = models.CharField(max_length=100, blank=True)

    # what became of it
    video_id = models.CharField(max_length=20, null=True, blank=True, unique=True)
    privacy_actual = models.CharField(max_length=10, blank=True)
    processing = models.JSONField(default=dict, blank=True)  # status, parts, reasons, blocked countries
    thumbnail_state = models.CharField(max_length=10, choices=Extra, default=Extra.UNWANTED, blank=True)
    playlist_state = models.CharField(max_length=10, choices=Extra, default=Extra.UNWANTED, blank=True)
    notes = models.JSONField(default=list, blank=True)  # sentences for its owner

    class Meta(Leased.Meta):
        verbose_name = "YouTube publication"
        ordering = ("-created_at", "pk")
        constraints = (
            *Leased.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(video_id__isnull=False), name="publication_done_has_a_video"
            ),
            models.CheckConstraint(
                condition=~Q(phase__in=("processing", "published")) | Q(video_id__isnull=False),
                name="publication_sent_has_a_video",
            ),
            models.CheckConstraint(
                condition=Q(publish_at=None) | Q(privacy="private"), name="publication_planned_is_private"
            ),
        )
        indexes = (
            *Leased.Meta.indexes,
            models.Index(fields=("job", "-created_at"), name="publication_of_job"),
        )

    def __str__(self) -> str:
        return self.title


class SessionStart(models.Model):
    """One call of Google's daily allowance of uploads, counted when it is made, whatever comes of it."""

    started_at = models.DateTimeField(auto_now_add=True, db_index=True)
    # whose share it was; without them it still counts
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return str(self.started_at)


class PendingRevocation(models.Model):
    """A grant that Google could not be told of being over; tried again for a week, then forgotten."""

    sealed_tokens = models.TextField()
    owner_key = models.CharField(max_length=64)  # what the tokens are bound to; its user may be gone
    tries = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"of {self.created_at:%Y-%m-%d}"
