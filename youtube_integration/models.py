"""Rows of YouTube: connected channels, publications, the daily quota, and pending revocations."""

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mixes.leases import Leased
from mixes.models import Mix, MixJob

HELD = datetime(9999, 1, 1, tzinfo=UTC)  # `not_before` of a row that waits for a person


class YouTubeCredential(models.Model):
    """A user's grant to publish to one channel."""

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
    sealed_tokens = models.TextField()  # access and refresh token, expiry; see sealing.py
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    connected_at = models.DateTimeField(auto_now_add=True)
    granted_at = models.DateTimeField()  # when Google's consent was last given
    channel_read_at = models.DateTimeField()  # YouTube's data are refreshed or deleted after 30 days
    last_ok_at = models.DateTimeField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True)  # when Google reported the grant as lost

    class Meta:
        verbose_name = "YouTube credential"

    def __str__(self) -> str:
        return self.channel_title


class YouTubePublication(Leased):
    """The publication of one video on a channel: its details, its progress and its result."""

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

    # the video's details
    channel_id = models.CharField(max_length=64)
    channel_title = models.CharField(max_length=200)
    title = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    description_follows = models.BooleanField(default=False)  # rewritten when the mix is done
    tags = models.JSONField(default=list, blank=True)
    category = models.CharField(max_length=4, default="10")  # YouTube's id; 10 is Music
    privacy = models.CharField(max_length=10, choices=Privacy, default=Privacy.PRIVATE)
    publish_at = models.DateTimeField(null=True, blank=True)
    made_for_kids = models.BooleanField(default=False)
    altered_content = models.BooleanField(default=False)  # made or changed by AI so that it seems real
    notify_subscribers = models.BooleanField(default=True)
    playlist = models.CharField(max_length=64, blank=True)

    # the file: kept while the row is open (services/video_files.py)
    file = models.CharField(max_length=100, blank=True)  # below MEDIA_ROOT
    thumbnail = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    changed_ns = models.BigIntegerField(default=0)  # the file's mtime when the session was opened

    # the upload session
    sealed_session = models.TextField(blank=True)  # encrypted by sealing.py: the URL alone gives write access
    session_opened_at = models.DateTimeField(null=True, blank=True)
    offset = models.PositiveBigIntegerField(default=0)  # bytes that YouTube has confirmed
    final_sent_at = models.DateTimeField(null=True, blank=True)  # after this time a video may exist
    restarts = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)  # consecutive failures; they increase the backoff
    failing_since = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)  # polls, for a video or its processing
    pace = models.JSONField(default=list, blank=True)  # [epoch seconds, offset] of the last chunks
    google_reason = models.CharField(max_length=100, blank=True)

    # the result
    video_id = models.CharField(max_length=20, null=True, blank=True, unique=True)
    privacy_actual = models.CharField(max_length=10, blank=True)
    processing = models.JSONField(default=dict, blank=True)  # status, parts, reasons, blocked countries
    thumbnail_state = models.CharField(max_length=10, choices=Extra, default=Extra.UNWANTED, blank=True)
    playlist_state = models.CharField(max_length=10, choices=Extra, default=Extra.UNWANTED, blank=True)
    notes = models.JSONField(default=list, blank=True)  # sentences for the owner

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
    """One upload session counted against Google's daily quota, whether or not it succeeded."""

    started_at = models.DateTimeField(auto_now_add=True, db_index=True)
    # the user whose share it used; a deleted user's sessions still count
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return str(self.started_at)


class PendingRevocation(models.Model):
    """A grant whose revocation Google has not confirmed; retried for a week, then deleted."""

    sealed_tokens = models.TextField()
    owner_key = models.CharField(max_length=64)  # owner the tokens are bound to; the user may be deleted
    tries = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"of {self.created_at:%Y-%m-%d}"
