"""Queue names, and the wake-up message that makes a worker look at its queue."""

from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

SHORT, LONG, PUBLISH, HOOKS = "short", "long", "publish", "hooks"
QUEUES = (SHORT, LONG, PUBLISH, HOOKS)


def served_queues() -> tuple[str, ...]:
    """Return the queues this site serves; publishing needs Google's keys, webhooks an operator's word."""
    wanted = {SHORT: True, LONG: True, PUBLISH: settings.PUBLISHING, HOOKS: settings.WEBHOOKS}
    return tuple(queue for queue in QUEUES if wanted[queue])


def wake(queue: str) -> None:
    """Wake a worker of `queue` once this transaction is committed.

    The message names no job. If it is lost the reaper sends another; extra messages do no harm.
    """
    transaction.on_commit(partial(send_wake_up, queue), robust=True)


def send_wake_up(queue: str) -> None:
    """Send a wake-up message now."""
    async_task("mixes.tasks.run_next", queue, q_options={"cluster": queue})


def has_wake_up(queue: str) -> bool:
    """Return whether a wake-up message is waiting unread."""
    waiting: int = get_broker(queue).queue_size()
    return waiting > 0
