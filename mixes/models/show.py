"""Shows: the settings that every episode begins with, and the number of the next one."""

import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from mixes.models.tracks import Track

DEFAULT_PATTERN = "{show} #{n} - {date}"


class Show(models.Model):
    """What is remembered from one episode to the next. An episode is a `Mix` that names its show."""

    class Privacy(models.TextChoices):
        PRIVATE = "private", "private"
        UNLISTED = "unlisted", "unlisted"
        PUBLIC = "public", "public"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shows")
    name = models.CharField(max_length=100)
    title_pattern = models.CharField(max_length=200, default=DEFAULT_PATTERN)
    next_number = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    preset = models.JSONField()  # services/editing/arrangement.py: an Arrangement without title and songs
    intro = models.ForeignKey(Track, models.SET_NULL, null=True, blank=True, related_name="+")
    outro = models.ForeignKey(Track, models.SET_NULL, null=True, blank=True, related_name="+")
    ends_unlisted = models.BooleanField(default=True)  # intro and outro have no line in the tracklist
    # of a published episode
    privacy = models.CharField(max_length=10, choices=Privacy, default=Privacy.PRIVATE)
    publish_hour = models.TimeField(null=True, blank=True)  # a private video becomes public then
    playlist = models.CharField(max_length=64, blank=True)
    tags = models.CharField(max_length=500, blank=True)  # separated by commas
    # of its podcast feed
    description = models.TextField(max_length=4_000, blank=True)
    explicit = models.BooleanField(default=False)
    feed_key = models.CharField(max_length=43, null=True, blank=True, unique=True)  # a secret in its address
    feed_on = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            models.CheckConstraint(condition=~models.Q(name=""), name="show_has_a_name"),
            models.CheckConstraint(condition=models.Q(next_number__gte=1), name="show_counts_from_one"),
        )
        indexes = (models.Index(fields=("owner", "name"), name="show_list"),)

    def __str__(self) -> str:
        return self.name
