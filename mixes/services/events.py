"""Signals of what jobs did, for apps that pass it on; sent in the transaction that records it."""

import logging
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger(__name__)

job_done = Signal()  # job
job_failed = Signal()  # job, sentence
track_refused = Signal()  # track
publication_live = Signal()  # publication


def tell(signal: Signal, **facts: Any) -> None:
    """Send a signal; what a receiver does wrong is logged and stops no job."""
    for receiver, result in signal.send_robust(sender=None, **facts):
        if isinstance(result, Exception):
            logger.error("%s failed.", receiver.__name__, exc_info=result)
