"""Fetch objects for their owner; another user's object raises Http404 like a missing one.

Objects that are shared by an unguessable address are fetched by the key in it.
"""

import uuid
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from mixes.models import (
    Artifact,
    Artwork,
    Mix,
    MixJob,
    MixTrack,
    Preview,
    ShareLink,
    Show,
    Track,
    Upload,
)

Row = TypeVar("Row", bound=Model)
LONG = ("snapshot", "outline", "check_sheet", "notes", "timings_s")  # columns of a job


def mixes_of(user: User) -> QuerySet[Mix]:
    return Mix.objects.filter(owner=user, deleted_at=None)


def tracks_of(user: User) -> QuerySet[Track]:
    return Track.objects.filter(owner=user, deleted_at=None)


def jobs_of(user: User) -> QuerySet[MixJob]:
    return MixJob.objects.filter(owner=user, mix__deleted_at=None)


def get_mix(user: User, pk: uuid.UUID) -> Mix:
    return _get_or_404(mixes_of(user).filter(pk=pk))


def get_mix_state(user: User, pk: uuid.UUID) -> Mix:
    """Return a mix without its plan, which is long, until it is asked for."""
    return _get_or_404(mixes_of(user).filter(pk=pk).defer("plan"))


def get_binned_mix(user: User, pk: uuid.UUID) -> Mix:
    return _get_or_404(Mix.objects.filter(owner=user, pk=pk, deleted_at__isnull=False))


def shows_of(user: User) -> QuerySet[Show]:
    return Show.objects.filter(owner=user)


def get_show(user: User, pk: uuid.UUID) -> Show:
    return _get_or_404(shows_of(user).select_related("intro", "outro").filter(pk=pk))


def get_feed(key: str) -> Show:
    """Return the show whose feed has this key in its address: everyone who has the address may read it."""
    return _get_or_404(Show.objects.filter(feed_key=key, feed_on=True, owner__is_active=True))


def get_share(key: str) -> ShareLink:
    """Return the listen link with this key in its address, with its job."""
    lasts = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    open_links = ShareLink.objects.filter(lasts, owner__is_active=True, job__mix__deleted_at=None)
    return _get_or_404(open_links.select_related("job").filter(key=key))


def get_item(user: User, mix_pk: uuid.UUID, pk: uuid.UUID) -> MixTrack:
    items = MixTrack.objects.select_related("mix", "track")
    return _get_or_404(items.filter(mix__owner=user, mix__deleted_at=None, mix=mix_pk, pk=pk))


def get_track(user: User, pk: uuid.UUID) -> Track:
    return _get_or_404(tracks_of(user).filter(pk=pk))


def get_binned_track(user: User, pk: uuid.UUID) -> Track:
    return _get_or_404(Track.objects.filter(owner=user, pk=pk, deleted_at__isnull=False))


def get_upload(user: User, pk: uuid.UUID) -> Upload:
    return _get_or_404(Upload.objects.select_related("track").filter(owner=user, pk=pk))


def get_preview(user: User, pk: uuid.UUID) -> Preview:
    return _get_or_404(Preview.objects.filter(owner=user, pk=pk))


def get_artwork(user: User, pk: uuid.UUID) -> Artwork:
    return _get_or_404(Artwork.objects.filter(owner=user, pk=pk))


def get_job(user: User, pk: uuid.UUID) -> MixJob:
    return _get_or_404(jobs_of(user).select_related("mix").filter(pk=pk))


def get_job_state(user: User, pk: uuid.UUID) -> MixJob:
    """Return a job without its snapshot and results, which are long."""
    return _get_or_404(jobs_of(user).filter(pk=pk).defer(*LONG))


def get_artifact(user: User, pk: uuid.UUID) -> Artifact:
    artifacts = Artifact.objects.select_related("job")
    return _get_or_404(artifacts.filter(job__owner=user, job__mix__deleted_at=None, pk=pk))


def _get_or_404(rows: QuerySet[Row]) -> Row:
    row = rows.first()
    if row is None:
        raise Http404("There is no such thing, or it is not yours.")
    return row
