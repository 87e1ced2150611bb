"""The age of the oldest waiting row of a queue."""

from django.db.models import Min
from django.utils import timezone

from mixes.leases import job_models


def oldest_waiting_s(queue: str) -> int | None:
    """Return the waiting time of the oldest row that may be started now; None when none waits."""
    oldest = [
        kind.objects.waiting(queue).aggregate(oldest=Min("created_at"))["oldest"] for kind in job_models()
    ]
    ages_s = [(timezone.now() - created_at).total_seconds() for created_at in oldest if created_at]
    return max(0, round(max(ages_s))) if ages_s else None
