"""Registry of live workers: one row per worker command, for the admin and /readyz."""

from datetime import timedelta
from typing import NamedTuple

from django.db.models import QuerySet
from django.db.models.functions import Now

from mixes.models import WorkerNode

ALIVE_WITHIN = timedelta(seconds=60)  # four times the heartbeat interval of 15 s
FORGOTTEN_AFTER = timedelta(days=1)


class Node(NamedTuple):
    """The identity of a worker command."""

    queue: str
    host: str
    pid: int
    run: str  # random: containers and machines can share a host name, and then their process ids


def beat(node: Node, job: str) -> None:
    """Record a worker's heartbeat and its current job; delete rows of workers that died long ago."""
    WorkerNode.objects.update_or_create(**node._asdict(), defaults={"heartbeat_at": Now(), "job": job})
    WorkerNode.objects.filter(heartbeat_at__lt=Now() - FORGOTTEN_AFTER).delete()


def unregister(node: Node) -> None:
    """Remove the row of a worker that stops."""
    WorkerNode.objects.filter(**node._asdict()).delete()


def alive(queue: str) -> QuerySet[WorkerNode]:
    """Return the workers of a queue with a heartbeat within the last minute."""
    # a heartbeat in the future means that the clock was set back
    return WorkerNode.objects.filter(
        queue=queue, heartbeat_at__gt=Now() - ALIVE_WITHIN, heartbeat_at__lt=Now() + ALIVE_WITHIN
    )


def database_time_s(node: Node) -> float:
    """Return the database's clock when `beat` last wrote the row, in seconds since the epoch."""
    beats = WorkerNode.objects.values_list("heartbeat_at", flat=True)
    return beats.get(**node._asdict()).timestamp()
