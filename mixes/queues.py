"""The names of the queues, and the wake-up that tells a worker to look at one."""

from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

SHORT, LONG, PUBLISH = "short", "long", "publish"
QUEUES = (SHORT, LONG, PUBLISH)


def served_queues() -> tuple[str, ...]:
    """Return the queues that have work on this site: without Google's keys nothing is published."""
    return QUEUES if settings.PUBLISHING else (SHORT, LONG)


def wake(queue: str) -> None:
    """Have a worker look at `queue` once this transaction is committed.

    The message carries no job: where it is lost the reaper sends another, and too many of them do no harm.
    """
    transaction.on_commit(partial(send_wake_up, queue), robust=True)


def send_wake_up(queue: str) -> None:
    """Send a wake-up now."""
    async_task("mixes.tasks.run_next", queue, q_options={"cluster": queue})


def has_wake_up(queue: str) -> bool:
    """Tell whether a wake-up is on its way that nobody has taken."""
    return get_broker(queue).queue_size() > 0
