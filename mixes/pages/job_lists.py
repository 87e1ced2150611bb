"""Other open jobs of the owner, and earlier results of the mix."""

from django.db.models import QuerySet

from mixes.leases import OPEN, State
from mixes.models import MixJob

SHOWN = 20
# columns a list shows; snapshot, outline and check sheet are long and stay in the database
COLUMNS = (
    "title",
    "state",
    "stage",
    "progress",
    "eta_s",
    "queue",
    "priority",
    "owner",
    "cancel_requested",
    "message",
    "attempt",
    "max_attempts",
    "created_at",
    "finished_at",
)


def also_open(job: MixJob) -> QuerySet[MixJob]:
    """Return the owner's other open jobs."""
    return MixJob.objects.filter(owner=job.owner_id, state__in=OPEN).exclude(pk=job.pk).only(*COLUMNS)


def earlier_results(job: MixJob) -> QuerySet[MixJob]:
    """Return the other finished jobs of the same mix, newest first."""
    others = MixJob.objects.filter(mix=job.mix_id, state=State.DONE).exclude(pk=job.pk)
    return others.only(*COLUMNS)[:SHOWN]
