"""Rows of YouTube: connected channels, publications, the daily quota, and pending revocations."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from publishing.models import HELD, GrantState, Phase, Publication

__all__ = ["HELD", "PendingRevocation", "SessionStart", "YouTubeCredential", "YouTubePublication"]


class YouTubeCredential(models.Model):
    """A user's grant to publish to one channel."""

    State = GrantState

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


class YouTubePublication(Publication):
    """The publication of one video on a channel: its details, its progress and its result."""

    PUBLISHER, FOLDER, FILE_NAME = "youtube", "publish", "video.mp4"
    RESULT, REASON = "video_id", "google_reason"
    ACCOUNT, ACCOUNT_TITLE = "channel_id", "channel_title"
    Phase = Phase

    class Privacy(models.TextChoices):
        PRIVATE = "private", _("private")
        UNLISTED = "unlisted", _("unlisted")
        PUBLIC = "public", _("public")

    class Extra(models.TextChoices):  # of the thumbnail and of the playlist
        UNWANTED = "", "not asked for"
        WANTED = "wanted", "to be done"
        DONE = "done", "done"
        REFUSED = "refused", "refused"

    credential = models.ForeignKey(YouTubeCredential, models.SET_NULL, null=True, related_name="publications")

    # the video's details
    channel_id = models.CharField(max_length=64)
    channel_title = models.CharField(max_length=200)
    category = models.CharField(max_length=4, default="10")  # YouTube's id; 10 is Music
    privacy = models.CharField(max_length=10, choices=Privacy, default=Privacy.PRIVATE)
    publish_at = models.DateTimeField(null=True, blank=True)
    made_for_kids = models.BooleanField(default=False)
    altered_content = models.BooleanField(default=False)  # made or changed by AI so that it seems real
    notify_subscribers = models.BooleanField(default=True)
    playlist = models.CharField(max_length=64, blank=True)

    # the upload session
    sealed_session = models.TextField(blank=True)  # encrypted by sealing.py: the URL alone gives write access
    restarts = models.PositiveSmallIntegerField(default=0)
    pace = models.JSONField(default=list, blank=True)  # [epoch seconds, offset] of the last chunks
    google_reason = models.CharField(max_length=100, blank=True)

    # the result
    video_id = models.CharField(max_length=20, null=True, blank=True, unique=True)
    privacy_actual = models.CharField(max_length=10, blank=True)
    processing = models.JSONField(default=dict, blank=True)  # status, parts, reasons, blocked countries
    thumbnail_state = models.CharField(max_length=10, choices=Extra, default=Extra.UNWANTED, blank=True)
    playlist_state = models.CharField(max_length=10, choices=Extra, default=Extra.UNWANTED, blank=True)

    class Meta(Publication.Meta):
        verbose_name = "YouTube publication"
        ordering = ("-created_at", "pk")
        constraints = (
            *Publication.Meta.constraints,
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
            *Publication.Meta.indexes,
            models.Index(fields=("job", "-created_at"), name="publication_of_job"),
        )


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
