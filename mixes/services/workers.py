"""Which workers are alive: a row for each worker command, for the admin and /readyz."""

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from mixes.models import WorkerNode

Node = tuple[str, str, int]  # queue, host, pid
ALIVE_WITHIN = timedelta(seconds=60)  # a worker beats every 15 s
FORGOTTEN_AFTER = timedelta(days=1)


def beat(node: Node, job: str) -> None:
    """Note that a worker is alive, and what it works on; forget those that died long ago."""
    queue, host, pid = node
    WorkerNode.objects.update_or_create(
        queue=queue, host=host, pid=pid, defaults={"heartbeat_at": Now(), "job": job}
    )
    WorkerNode.objects.filter(heartbeat_at__lt=Now() - FORGOTTEN_AFTER).delete()


def unregister(node: Node) -> None:
    """Forget a worker that stops."""
    queue, host, pid = node
    WorkerNode.objects.filter(queue=queue, host=host, pid=pid).delete()


def alive(queue: str) -> QuerySet[WorkerNode]:
    """Return the workers of a queue that were heard of within the last minute."""
    # one that is to come is of before the clock was set back
    return WorkerNode.objects.filter(
        queue=queue, heartbeat_at__gt=Now() - ALIVE_WITHIN, heartbeat_at__lt=Now() + ALIVE_WITHIN
    )


def database_time_s(node: Node) -> float:
    """Return what the database's clock showed when `beat` wrote the row, a moment ago."""
    queue, host, pid = node
    beats = WorkerNode.objects.values_list("heartbeat_at", flat=True)
    return beats.get(queue=queue, host=host, pid=pid).timestamp()
