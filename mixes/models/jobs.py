"""Mix jobs with their snapshot, the files they produce, and the worker registry."""

import uuid

from django.db import models
from django.db.models import Q

from mixes.leases import Leased
from mixes.models.mixes import Mix
from mixes.models.snapshot_format import SnapshotField


class MixJob(Leased):
    """A job that makes a mix; its snapshot is self-contained, so later edits do not affect it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mix = models.ForeignKey(Mix, models.CASCADE, related_name="jobs")
    title = models.CharField(max_length=200)
    name = models.CharField(max_length=100, blank=True)  # of this version of the mix, given by its owner
    snapshot = SnapshotField()  # services/rendering/snapshots.py: timeline, settings, tracks
    outline = models.JSONField(null=True, blank=True)  # the waveform of the whole mix, for drawing
    from_stage = models.CharField(max_length=20, blank=True)  # stages before it reuse an earlier result
    check_sheet = models.JSONField(null=True, blank=True)  # {format: CheckSheet.to_dict()}
    notes = models.JSONField(default=list, blank=True)  # sentences for the owner
    timings_s = models.JSONField(default=dict, blank=True)
    mail_when_done = models.BooleanField(default=False)

    class Meta(Leased.Meta):
        ordering = ("-created_at", "pk")
        constraints = (
            *Leased.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(check_sheet__isnull=False), name="mixjob_done_is_checked"
            ),
        )
        indexes = (*Leased.Meta.indexes, models.Index(fields=("mix", "-created_at"), name="mixjob_of_mix"))

    def __str__(self) -> str:
        return self.title


class Artifact(models.Model):
    """A file produced by a mix job."""

    class Kind(models.TextChoices):
        MP3 = "mp3", "MP3"
        MP4 = "mp4", "MP4"
        DESCRIPTION = "description", "description"
        CUE = "cue", "CUE sheet"
        CHAPTERS = "chapters", "chapters"
        TIMELINE = "timeline", "timeline"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(MixJob, models.CASCADE, related_name="artifacts")
    kind = models.CharField(max_length=12, choices=Kind)
    file = models.CharField(max_length=100, unique=True)  # below MEDIA_ROOT, under a generated name
    name = models.CharField(max_length=255)  # offered as the download's file name
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("job", "kind")
        constraints = (models.UniqueConstraint(fields=("job", "kind"), name="artifact_kind_once_per_job"),)

    def __str__(self) -> str:
        return self.name


class WorkerNode(models.Model):
    """A worker command seen by its heartbeat, alive or not; shown in the admin and by /readyz."""

    queue = models.CharField(max_length=10)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    run = models.CharField(max_length=16, blank=True)  # random, one for each start of a command
    started_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField()
    job = models.CharField(max_length=100, blank=True)  # the job it works on now

    class Meta:
        ordering = ("queue", "host", "pid")
        constraints = (
            models.UniqueConstraint(fields=("queue", "host", "pid", "run"), name="worker_node_once_per_run"),
        )

    def __str__(self) -> str:
        return f"{self.queue} on {self.host} ({self.pid})"
