"""Turn what jobs did into messages of webhooks, in the transaction that records it."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.urls import reverse

from api.services.webhooks import announce
from mixes.models import MixJob, Track
from mixes.services.events import job_done, job_failed, publication_live, track_refused
from youtube_integration.models import YouTubePublication

WATCH = "https://youtu.be/"


@receiver(job_done)
def tell_done(job: MixJob, **kwargs: Any) -> None:
    tell(job.owner_id, "job.done", facts_of(job))


@receiver(job_failed)
def tell_failed(job: MixJob, sentence: str, **kwargs: Any) -> None:
    tell(job.owner_id, "job.failed", {**facts_of(job), "error": sentence})


@receiver(track_refused)
def tell_refused(track: Track, **kwargs: Any) -> None:
    facts = {"track": str(track.pk), "name": track.name, "problem": track.problem}
    tell(track.owner_id, "track.refused", facts)


@receiver(publication_live)
def tell_live(publication: YouTubePublication, **kwargs: Any) -> None:
    facts = {
        "publication": str(publication.pk),
        "job": str(publication.job_id) if publication.job_id else None,
        "title": publication.title,
        "url": f"{WATCH}{publication.video_id}",
    }
    tell(publication.owner_id, "publication.live", facts)


def facts_of(job: MixJob) -> dict[str, Any]:
    """Return what a message says of a job: its ids, and its address for programs and for people."""
    return {
        "job": str(job.pk),
        "mix": str(job.mix_id),
        "title": job.title,
        "artifacts": settings.SITE_URL + reverse("api:job_artifacts", args=[job.pk]),
        "page": settings.SITE_URL + reverse("mixes:job_detail", args=[job.pk]),
    }


def tell(owner_pk: int, event: str, facts: dict[str, Any]) -> None:
    """Queue messages; in a savepoint, so that a failure does not undo what the job did."""
    with transaction.atomic():
        announce(owner_pk, event, facts)
