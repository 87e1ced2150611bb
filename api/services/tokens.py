"""Create, find and remove the tokens by which programs act for a user."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from api.models import ApiToken
from mixes.engine.text import clean_text
from mixes.services.limits import LimitReached

PREFIX = "mxt_"  # by which scanners of repositories find a token
SECRET_BYTES = 32
SHOWN_CHARACTERS = len(PREFIX) + 6
SCOPES = ("read", "write", "publish")
MOST_TOKENS = 50  # of one user
NOTED_EVERY = timedelta(minutes=1)  # the time of the last use is no write per request


def create_token(owner: User, name: str, scopes: Iterable[str], *, days: int | None) -> tuple[ApiToken, str]:
    """Create a token and return it with its secret, which is stored nowhere; None days: it never expires.

    Whoever may write or publish may read, too. Raises ValueError for an unknown scope, and LimitReached.
    """
    wanted = {"read", *scopes}
    if unknown := wanted - set(SCOPES):
        raise ValueError(f"There is no scope {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}.")
    if ApiToken.objects.filter(owner=owner).count() >= MOST_TOKENS:
        raise LimitReached(_("You have %d tokens, and that is the most. Remove one first.") % MOST_TOKENS)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken.objects.create(
        owner=owner,
        name=clean_text(name)[:100] or _("Without a name"),
        begins=secret[:SHOWN_CHARACTERS],
        digest=digest_of(secret),
        scopes=[scope for scope in SCOPES if scope in wanted],
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    return token, secret


def digest_of(secret: str) -> str:
    """Return the digest of a secret; it is random and long, so a fast hash protects it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find_token(secret: str) -> ApiToken | None:
    """Return the token with this secret, expired or not; None when there is none or its owner is inactive."""
    digest = digest_of(secret)
    token = ApiToken.objects.select_related("owner").filter(digest=digest, owner__is_active=True).first()
    return token if token and hmac.compare_digest(token.digest, digest) else None


def has_expired(token: ApiToken) -> bool:
    return token.expires_at is not None and token.expires_at <= timezone.now()


def note_use(token: ApiToken) -> None:
    """Record that a token was used, at most once every NOTED_EVERY."""
    is_old = Q(last_used_at=None) | Q(last_used_at__lt=timezone.now() - NOTED_EVERY)
    if token.last_used_at is None or token.last_used_at < timezone.now() - NOTED_EVERY:
        ApiToken.objects.filter(is_old, pk=token.pk).update(last_used_at=timezone.now())


def tokens_of(owner: User) -> QuerySet[ApiToken]:
    """Return the tokens of a user, newest first."""
    return ApiToken.objects.filter(owner=owner)


def remove_token(owner: User, pk: uuid.UUID) -> bool:
    """Remove a token of `owner`, which ends its use at once; return False when there is none."""
    deleted, _by_kind = ApiToken.objects.filter(owner=owner, pk=pk).delete()
    return bool(deleted)
