"""Grants that are over here and of which Google is still to be told.

Each row of `PendingRevocation` is written in the transaction that takes the grant away, so none is forgotten
when the machine stops in between.
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

RETENTION = timedelta(days=7)  # YouTube's rules: what belongs to a grant is gone a week after its end
FIRST_WAIT = timedelta(minutes=5)  # doubled with each try
MAX_WAIT = timedelta(hours=12)


def revoke_later(owner: str, sealed: str) -> None:
    """Have a grant revoked as soon as this transaction is committed."""
    pending = PendingRevocation.objects.create(
        sealed_tokens=sealed, owner_key=owner, not_before=timezone.now() + FIRST_WAIT
    )
    transaction.on_commit(partial(revoke_now, pending.pk), robust=True)


def revoke_now(pk: object) -> None:
    """Tell Google of one grant's end; where it does not answer, it is told later."""
    from youtube_integration.google import client  # here, for Google's libraries take 40 MB and 0.7 s

    pending = PendingRevocation.objects.filter(pk=pk).first()
    if pending is None:
        return
    try:
        token = open_tokens(pending.owner_key, pending.sealed_tokens).refresh
        is_over = client.revoke(token)
    except SealBroken:  # nobody can use it here, and its owner finds it on Google's own page
        is_over = True
    except Unreachable as error:
        logger.warning("Google could not be told of the end of a grant (%s); it is told later.", error)
        is_over = False
    if is_over:
        pending.delete()
    else:
        wait = min(MAX_WAIT, FIRST_WAIT * 2 ** min(pending.tries, 10))
        PendingRevocation.objects.filter(pk=pk).update(
            tries=pending.tries + 1, not_before=timezone.now() + wait
        )


def retry_revocations() -> None:
    """Tell Google what it could not be told before; forget what is a week old."""
    now = timezone.now()
    gone, _ = PendingRevocation.objects.filter(created_at__lt=now - RETENTION).delete()
    if gone:
        logger.error("%d grants could not be revoked at Google within a week and were deleted here.", gone)
    for pk in PendingRevocation.objects.filter(not_before__lte=now).values_list("pk", flat=True):
        revoke_now(pk)
