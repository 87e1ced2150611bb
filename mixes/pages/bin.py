"""The bin page: deleted mixes and tracks, and how long each is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from accounts.models import User
from mixes.models import Mix, Track
from mixes.services.library import tracks


@dataclass(frozen=True, slots=True)
class Binned:
    """A mix or a track in the bin."""

    row: Mix | Track
    leaves_at: datetime  # when it is deleted for good


def binned_mixes(owner: User) -> list[Binned]:
    """Return the mixes in `owner`'s bin, newest first."""
    mixes = Mix.objects.filter(owner=owner, deleted_at__isnull=False).annotate(tracks=Count("items"))
    return [_binned(mix) for mix in mixes.defer("plan", "description_template").order_by("-deleted_at")]


def binned_tracks(owner: User) -> list[Binned]:
    """Return the tracks in `owner`'s bin, newest first."""
    return [_binned(track) for track in tracks.binned_tracks(owner).defer("waveform")]


def _binned(row: Mix | Track) -> Binned:
    assert row.deleted_at is not None
    return Binned(row, row.deleted_at + timedelta(days=settings.LIMITS.bin_days))
