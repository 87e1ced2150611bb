"""Mixes: settings, tracks in order with the join after each, and the revision history."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from mixes.engine.codecs.mp3 import BITRATES
from mixes.engine.mixing.settings import (
    GAINS_DB,
    LONGEST_FADE_S,
    LONGEST_TRANSITION_S,
    PLAY_TIMES_S,
    TARGETS_LUFS,
    MixSettings,
)
from mixes.engine.mixing.transitions import STYLES
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.engine.tracklist.description import DEFAULT_HASHTAGS, DEFAULT_TEMPLATE
from mixes.models.show import Show
from mixes.models.tracks import Artwork, Track

DEFAULTS = MixSettings()
STYLE_CHOICES = [(style, style) for style in STYLES]
SIZE_CHOICES = [(f"{width}x{height}", f"{width} x {height}") for width, height in VIDEO_SIZES]
SECONDS = (MinValueValidator(0.0), MaxValueValidator(LONGEST_TRANSITION_S))
PLAY_TIME = (MinValueValidator(PLAY_TIMES_S[0]), MaxValueValidator(PLAY_TIMES_S[1]))
FADE = (MinValueValidator(0.0), MaxValueValidator(LONGEST_FADE_S))
GAIN = (MinValueValidator(GAINS_DB[0]), MaxValueValidator(GAINS_DB[1]))
CUE = (MinValueValidator(0.0),)
LOUDNESS = (MinValueValidator(TARGETS_LUFS[0]), MaxValueValidator(TARGETS_LUFS[1]))


class Mix(models.Model):
    """An arrangement. `version` grows with each edit; an edit based on an older one is rejected."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mixes")
    title = models.CharField(max_length=200)
    artist = models.CharField(max_length=200, blank=True)
    description_template = models.TextField(max_length=20_000, default=DEFAULT_TEMPLATE, blank=True)
    hashtags = models.CharField(max_length=500, default=" ".join(DEFAULT_HASHTAGS), blank=True)
    artwork = models.ForeignKey(Artwork, models.SET_NULL, null=True, blank=True, related_name="mixes")
    # sound: MixSettings
    style = models.CharField(max_length=10, choices=STYLE_CHOICES, default=DEFAULTS.style)
    transition_s = models.FloatField(null=True, blank=True, validators=SECONDS)  # None: as each pair asks for
    gap_s = models.FloatField(default=DEFAULTS.gap_s, validators=SECONDS)
    soften = models.BooleanField(default=DEFAULTS.soften)
    trim = models.BooleanField(default=DEFAULTS.trim)
    target_lufs = models.FloatField(null=True, blank=True, default=DEFAULTS.target_lufs, validators=LOUDNESS)
    album_dynamics = models.BooleanField(default=DEFAULTS.album_dynamics)
    even_joins = models.BooleanField(default=DEFAULTS.even_joins)
    skip_quiet_intros = models.BooleanField(default=DEFAULTS.skip_quiet_intros)
    shorten_silences = models.BooleanField(default=DEFAULTS.shorten_silences)
    fade_in_s = models.FloatField(default=DEFAULTS.fade_in_s, validators=FADE)
    fade_out_s = models.FloatField(default=DEFAULTS.fade_out_s, validators=FADE)
    max_play_s = models.FloatField(null=True, blank=True, validators=PLAY_TIME)  # None: songs play whole
    # outputs
    make_mp3 = models.BooleanField(default=True)
    make_mp4 = models.BooleanField(default=False)
    bitrate_kbps = models.PositiveSmallIntegerField(
        choices=[(k, f"{k} kbit/s") for k in sorted(BITRATES)], default=320
    )
    copy_mp3 = models.BooleanField(default=True)  # MP3 songs are copied where nothing changes them
    video_size = models.CharField(max_length=9, choices=SIZE_CHOICES, default=SIZE_CHOICES[0][0])
    title_cards = models.BooleanField(default=False)
    look = models.JSONField(default=dict, blank=True)  # VideoLook.to_json()

    show = models.ForeignKey(Show, models.SET_NULL, null=True, blank=True, related_name="episodes")
    episode = models.PositiveIntegerField(null=True, blank=True)  # its number, from when it is first made
    drafted_title = models.CharField(max_length=200, blank=True)  # filled in from the show's pattern
    in_feed_since = models.DateTimeField(null=True, blank=True)  # of the show; None: not in it
    version = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)  # number of the current revision
    plan = models.JSONField(null=True, blank=True)  # MixPlan.to_json(); computed again when plan_key differs
    plan_key = models.CharField(max_length=64, blank=True)
    # copied from the plan, for lists
    duration_s = models.FloatField(null=True, blank=True)
    bars = models.JSONField(null=True, blank=True)  # heights of the generated picture's waveform, percent
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)  # when it was moved to the bin

    class Meta:
        verbose_name_plural = "mixes"
        ordering = ("-updated_at", "pk")
        constraints = (
            models.CheckConstraint(condition=Q(make_mp3=True) | Q(make_mp4=True), name="mix_makes_something"),
            models.CheckConstraint(condition=~Q(title=""), name="mix_has_a_title"),
            models.UniqueConstraint(fields=("show", "episode"), name="mix_episode_number_once_per_show"),
        )
        indexes = (models.Index(fields=("owner", "deleted_at", "-updated_at"), name="mix_list"),)

    def __str__(self) -> str:
        return self.title


class MixTrack(models.Model):
    """One use of a track: its position, what is used of it (None: automatic), the join after it.

    Style and length of the join (None: as the mix) belong to the pair of this item and `join_into`, and count
    while that one follows.
    """

    class Pin(models.TextChoices):
        FIRST = "first", "first"
        LAST = "last", "last"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mix = models.ForeignKey(Mix, models.CASCADE, related_name="items")
    track = models.ForeignKey(Track, models.CASCADE, related_name="places")
    position = models.PositiveIntegerField()  # from 0
    cue_in_s = models.FloatField(null=True, blank=True, validators=CUE)  # seconds of the file
    cue_out_s = models.FloatField(null=True, blank=True, validators=CUE)
    gain_db = models.FloatField(null=True, blank=True, validators=GAIN)  # of the file's own level
    unlisted = models.BooleanField(default=False)  # left out of the tracklist
    pin = models.CharField(
        max_length=5, choices=Pin, blank=True
    )  # the end at which it stays when songs are added
    join_into = models.UUIDField(null=True, blank=True)  # id of an item, None: whichever follows
    join_style = models.CharField(max_length=10, choices=STYLE_CHOICES, blank=True)  # empty: as the mix
    join_s = models.FloatField(null=True, blank=True, validators=SECONDS)
    join_auto = models.BooleanField(default=False)  # length "auto", even where the mix sets one
    play_to_end = models.BooleanField(default=False)  # keeps the quiet tail of this track

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("mix", "position"), name="mixtrack_one_per_position"),
            models.CheckConstraint(
                condition=Q(join_s=None) | Q(join_auto=False), name="mixtrack_join_length_is_one_thing"
            ),
        )

    def __str__(self) -> str:
        return f"{self.position + 1}."

    @property
    def has_join_set(self) -> bool:
        """Return whether style or length of a join after it is set, whichever item follows."""
        return bool(self.join_style) or self.join_s is not None or self.join_auto

    def is_joined_by_hand_with(self, after: "MixTrack") -> bool:
        """Return whether style or length is set for the join into `after`."""
        return self.has_join_set and self.join_into in (None, after.pk)


class Revision(models.Model):
    """The whole arrangement after one edit; undo and redo step through these."""

    mix = models.ForeignKey(Mix, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    what = models.CharField(max_length=200)  # "Moved Aria up", for the undo button
    group = models.CharField(max_length=20, blank=True)  # edits of one group within a minute share a revision
    arrangement = models.JSONField()  # services/editing/arrangement.py
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("mix", "number"), name="revision_number_once_per_mix"),
        )

    def __str__(self) -> str:
        return f"{self.number}. {self.what}"
