"""Listen links: one for each result, ended by its owner; plays are counted, listeners are not kept."""

import secrets
from datetime import timedelta

from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from mixes.models import MixJob, ShareLink

KEY_BYTES = 24
ONE_PLAY_S = 1800  # of one listener: players ask for the beginning more than once


def share(job: MixJob, *, days: int, may_download: bool) -> ShareLink:
    """Make the link of a result, or change the one it has; 0 days: it ends when its owner says so."""
    ends_at = timezone.now() + timedelta(days=days) if days else None
    values = {"may_download": may_download, "ends_at": ends_at}
    link, _made = ShareLink.objects.update_or_create(
        job=job,
        defaults=values,
        create_defaults={**values, "owner": job.owner, "key": secrets.token_urlsafe(KEY_BYTES)},
    )
    return link


def end(job: MixJob) -> None:
    """End the link of a result; a later one has another address."""
    ShareLink.objects.filter(job=job).delete()


def link_of(job: MixJob) -> ShareLink | None:
    """Return the link of a result, also one whose time is over."""
    return ShareLink.objects.filter(job=job).first()


def count_play(link: ShareLink, client: str) -> None:
    """Count a play, once for a client within half an hour."""
    if cache.add(f"play:{link.pk}:{client}", 1, ONE_PLAY_S):
        ShareLink.objects.filter(pk=link.pk).update(plays=F("plays") + 1)
