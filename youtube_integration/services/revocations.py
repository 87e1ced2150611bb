"""Revoke grants at Google, with retries.

Each `PendingRevocation` row is written in the transaction that removes the grant, so a crash in between
cannot lose it.
"""

import logging
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from youtube_integration.google.types import Unreachable
from youtube_integration.models import PendingRevocation
from youtube_integration.security.sealing import SealBroken
from youtube_integration.services.credentials import open_tokens

logger = logging.getLogger(__name__)

RETENTION = timedelta(days=7)  # YouTube's policies: data of an ended grant are deleted within 7 days
FIRST_WAIT = timedelta(minutes=5)  # doubled after each try
MAX_WAIT = timedelta(hours=12)


def revoke_later(owner: str, sealed: str) -> None:
    """Revoke a grant once this transaction has committed."""
    pending = PendingRevocation.objects.create(
        sealed_tokens=sealed, owner_key=owner, not_before=timezone.now() + FIRST_WAIT
    )
    transaction.on_commit(partial(revoke_now, pending.pk), robust=True)


def revoke_now(pk: int) -> None:
    """Revoke one grant at Google; without an answer it is retried later."""
    from youtube_integration.google import client  # imported here: Google's libraries take 40 MB and 0.7 s

    pending = PendingRevocation.objects.filter(pk=pk).first()
    if pending is None:
        return
    try:
        token = open_tokens(pending.owner_key, pending.sealed_tokens).refresh
        is_over = client.revoke(token)
    except SealBroken:  # the token is unusable here; its owner can remove the grant on Google's own page
        is_over = True
    except Unreachable as error:
        logger.warning("A grant could not be revoked at Google (%s); it is retried later.", error)
        is_over = False
    if is_over:
        pending.delete()
    else:
        wait = min(MAX_WAIT, FIRST_WAIT * 2 ** min(pending.tries, 10))
        PendingRevocation.objects.filter(pk=pk).update(
            tries=pending.tries + 1, not_before=timezone.now() + wait
        )


def retry_revocations() -> None:
    """Retry pending revocations; delete those older than a week."""
    now = timezone.now()
    gone, _ = PendingRevocation.objects.filter(created_at__lt=now - RETENTION).delete()
    if gone:
        logger.error("%d grants could not be revoked at Google within a week and were deleted here.", gone)
    for pk in PendingRevocation.objects.filter(not_before__lte=now).values_list("pk", flat=True):
        revoke_now(pk)
