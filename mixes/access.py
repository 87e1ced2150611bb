"""Fetch objects for their owner; another user's object raises Http404 like a missing one."""

import uuid
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

from accounts.models import User
from mixes.models import Artifact, Artwork, Mix, MixJob, MixTrack, Preview, Show, Track, Upload

Row = TypeVar("Row", bound=Model)


def get_mix(user: User, pk: uuid.UUID) -> Mix:
    return _get_or_404(Mix.objects.filter(owner=user, pk=pk, deleted_at=None))


def get_mix_state(user: User, pk: uuid.UUID) -> Mix:
    """Return a mix without its plan, which is long, until it is asked for."""
    return _get_or_404(Mix.objects.filter(owner=user, pk=pk, deleted_at=None).defer("plan"))


def get_binned_mix(user: User, pk: uuid.UUID) -> Mix:
    return _get_or_404(Mix.objects.filter(owner=user, pk=pk, deleted_at__isnull=False))


def get_show(user: User, pk: uuid.UUID) -> Show:
    return _get_or_404(Show.objects.select_related("intro", "outro").filter(owner=user, pk=pk))


def get_item(user: User, mix_pk: uuid.UUID, pk: uuid.UUID) -> MixTrack:
    items = MixTrack.objects.select_related("mix", "track")
    return _get_or_404(items.filter(mix__owner=user, mix__deleted_at=None, mix=mix_pk, pk=pk))


def get_track(user: User, pk: uuid.UUID) -> Track:
    return _get_or_404(Track.objects.filter(owner=user, pk=pk, deleted_at=None))


def get_binned_track(user: User, pk: uuid.UUID) -> Track:
    return _get_or_404(Track.objects.filter(owner=user, pk=pk, deleted_at__isnull=False))


def get_upload(user: User, pk: uuid.UUID) -> Upload:
    return _get_or_404(Upload.objects.select_related("track").filter(owner=user, pk=pk))


def get_preview(user: User, pk: uuid.UUID) -> Preview:
    return _get_or_404(Preview.objects.filter(owner=user, pk=pk))


def get_artwork(user: User, pk: uuid.UUID) -> Artwork:
    return _get_or_404(Artwork.objects.filter(owner=user, pk=pk))


def get_job(user: User, pk: uuid.UUID) -> MixJob:
    return _get_or_404(MixJob.objects.select_related("mix").filter(owner=user, pk=pk, mix__deleted_at=None))


def get_job_state(user: User, pk: uuid.UUID) -> MixJob:
    """Return a job without its snapshot and results, which are long."""
    long = ("snapshot", "outline", "check_sheet", "notes", "timings_s")
    return _get_or_404(MixJob.objects.filter(owner=user, pk=pk, mix__deleted_at=None).defer(*long))


def get_artifact(user: User, pk: uuid.UUID) -> Artifact:
    artifacts = Artifact.objects.select_related("job")
    return _get_or_404(artifacts.filter(job__owner=user, job__mix__deleted_at=None, pk=pk))


def _get_or_404(rows: QuerySet[Row]) -> Row:
    row = rows.first()
    if row is None:
        raise Http404("There is no such thing, or it is not yours.")
    return row
