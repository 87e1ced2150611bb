"""Answer a repeated request with an `Idempotency-Key` as the first time, without doing it again."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from api.models import StoredAnswer

KEPT_FOR = timedelta(hours=24)
MAX_KEY = 255  # characters

Body = dict[str, Any]


class KeyReused(Exception):
    """The key came with another request before; str() is the sentence for the user."""


def fingerprint_of(*parts: bytes) -> str:
    """Return the digest of a request, from its method, address and body."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def answer_once(owner: User, key: str, fingerprint: str, work: Callable[[], Body]) -> tuple[Body, bool]:
    """Do `work` and keep its answer, or return the kept one; and whether it was kept.

    Work and row are one transaction: a second request with the key waits for the first one, and after a crash
    neither is there. An error keeps nothing, so the request can be repeated. Raises KeyReused.
    """
    StoredAnswer.objects.filter(owner=owner, created_at__lt=timezone.now() - KEPT_FOR).delete()
    with transaction.atomic():
        try:
            with transaction.atomic():
                row = StoredAnswer.objects.create(owner=owner, key=key, fingerprint=fingerprint)
        except IntegrityError:
            kept = StoredAnswer.objects.get(owner=owner, key=key)
            if kept.fingerprint != fingerprint:
                raise KeyReused(
                    _("This Idempotency-Key came with another request before. A new request needs a new key.")
                ) from None
            return kept.body, True
        row.body = work()
        row.save(update_fields=["body"])
    return row.body, False
