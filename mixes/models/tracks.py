"""Tracks, uploads, artwork, and the analyses and previews of tracks."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from mixes.leases import Leased


class Track(models.Model):
    """A file a user added. The file is stored under a generated name; the user's name is only displayed."""

    class State(models.TextChoices):
        UPLOADING = "uploading", "uploading"
        ANALYSING = "listening", "listening"  # its analysis is queued or running; rows store the older name
        READY = "ready", "ready"
        REFUSED = "refused", "cannot be used"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tracks")
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADING)
    name = models.CharField(max_length=255)  # the file name its owner gave
    file = models.CharField(max_length=100, blank=True)  # below MEDIA_ROOT, under a generated name
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64, blank=True)  # computed by the analysis
    # from its tags or file name, until its owner edits them
    title = models.CharField(max_length=300, blank=True)
    artist = models.CharField(max_length=300, blank=True)
    album = models.CharField(max_length=300, blank=True)
    track_number = models.PositiveIntegerField(null=True, blank=True)
    disc_number = models.PositiveIntegerField(null=True, blank=True)
    album_artist = models.CharField(max_length=300, blank=True)
    tags_edited = models.BooleanField(default=False)
    # set by its owner in place of what is measured
    own_tempo = models.FloatField(null=True, blank=True)
    own_key = models.PositiveSmallIntegerField(null=True, blank=True)
    own_bar_shift = models.PositiveSmallIntegerField(null=True, blank=True)  # beats
    # copied from the analysis, for lists
    duration_s = models.FloatField(null=True, blank=True)
    integrated_lufs = models.FloatField(null=True, blank=True)
    is_steady = models.BooleanField(null=True, blank=True)  # None: its beat was not looked for yet
    tempo = models.FloatField(null=True, blank=True)  # beats a minute, None where the beat is not steady
    key = models.PositiveSmallIntegerField(null=True, blank=True)  # 0 to 11 major, 12 to 23 minor
    waveform = models.JSONField(null=True, blank=True)  # SVG path data: {"peaks": "M…", "body": "M…"}
    notes = models.JSONField(default=list, blank=True)  # sentences: oddities of the file
    problem = models.TextField(blank=True)  # why it was refused
    copies = models.JSONField(default=list, blank=True)  # ids of duplicate rows that this track replaced
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)  # when it was moved to the bin

    class Meta:
        ordering = ("-created_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("owner", "sha256"),
                condition=~Q(sha256="") & Q(deleted_at=None),
                name="track_content_once_per_owner",
            ),
            models.CheckConstraint(
                condition=Q(state="uploading", file="") | (~Q(state="uploading") & ~Q(file="")),
                name="track_has_a_file_once_uploaded",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | (~Q(sha256="") & Q(duration_s__isnull=False)),
                name="track_ready_is_measured",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") ^ Q(problem=""), name="track_refused_has_a_reason"
            ),
        )
        indexes = (
            models.Index(fields=("owner", "deleted_at", "-created_at", "id"), name="track_library"),
            models.Index("owner", "deleted_at", Lower("title"), Lower("artist"), "id", name="track_by_title"),
            models.Index(fields=("owner", "size"), name="track_room_taken"),  # an index-only sum
        )

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Return artist and title, or the file name while both are unknown."""
        return " - ".join(filter(None, (self.artist, self.title))) or self.name

    @property
    def is_usable(self) -> bool:
        """Return whether a mix made now would contain it."""
        return self.state == Track.State.READY and self.deleted_at is None


class Upload(models.Model):
    """A resumable upload. Received bytes are in a part file; `offset` counts those synced to disk."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    track = models.OneToOneField(Track, models.CASCADE, related_name="upload")
    size = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)
    writer = models.UUIDField(null=True, blank=True)  # the request that is appending
    writing_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(
        null=True, blank=True
    )  # kept for a while: the client may have missed the response

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(offset__lte=models.F("size")), name="upload_offset_within_size"
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(offset=models.F("size")), name="upload_finished_is_whole"
            ),
        )
        indexes = (models.Index(fields=("owner", "finished_at"), name="upload_open"),)

    def __str__(self) -> str:
        return f"{self.offset} of {self.size} bytes"


class AnalysisJob(Leased):
    """The analysis of a track by one analysis version, with its result."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    track = models.ForeignKey(Track, models.CASCADE, related_name="analyses")
    version = models.PositiveSmallIntegerField()
    result = models.JSONField(null=True, blank=True)  # TrackAnalysis.to_json()
    detail = models.BinaryField(
        null=True, blank=True
    )  # TrackAnalysis.detail; results before version 3 have none
    measured_at = models.DateTimeField(
        null=True, blank=True
    )  # of the result, which stays until the next one replaces it

    class Meta(Leased.Meta):
        constraints = (
            *Leased.Meta.constraints,
            models.UniqueConstraint(fields=("track", "version"), name="analysis_once_per_version"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False), name="analysis_done_has_a_result"
            ),
            models.CheckConstraint(
                condition=Q(result__isnull=True) ^ Q(measured_at__isnull=False),
                name="analysis_result_has_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"analysis {self.version} of {self.track_id}"


class Preview(Leased):
    """A cached audio file for the browser: a whole track or one join. It can be regenerated at any time."""

    class Kind(models.TextChoices):
        TRACK = "track", "track"
        JOIN = "join", "join"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=5, choices=Kind)
    key = models.CharField(max_length=64)  # hash of its inputs
    recipe = models.JSONField()  # track ids; for a join, its timeline
    file = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta(Leased.Meta):
        constraints = (
            *Leased.Meta.constraints,
            models.UniqueConstraint(fields=("owner", "key"), name="preview_once_per_key"),
            models.CheckConstraint(condition=~Q(state="done") | ~Q(file=""), name="preview_done_has_a_file"),
        )

    def __str__(self) -> str:
        return f"{self.kind} preview"


class Artwork(models.Model):
    """A picture for the video and cover, validated when it was added."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="artworks")
    name = models.CharField(max_length=255)
    file = models.CharField(max_length=100)  # the original bytes
    shown_file = models.CharField(max_length=100)  # a re-encoded JPEG, as seen in the video
    size = models.PositiveBigIntegerField()  # bytes of both files
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
