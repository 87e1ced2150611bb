"""Read and write the encrypted tokens of a grant.

Several processes may refresh the same grant. No lock is held during the refresh: it would block every writer
on SQLite. Instead a row is updated only while it holds the refresh token that the update started from.
"""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from youtube_integration.google.types import GrantLost, Tokens
from youtube_integration.models import YouTubeCredential
from youtube_integration.security.sealing import SealBroken, owner_key, seal, unseal

if TYPE_CHECKING:
    from youtube_integration.google.client import Api

WRITE_TRIES = 3  # the row may be re-encrypted or refreshed by another process


def seal_tokens(user_pk: object, tokens: Tokens) -> str:
    data = {
        "access": tokens.access,
        "refresh": tokens.refresh,
        "expires_at": tokens.expires_at.isoformat(),
        "scopes": list(tokens.scopes),
    }
    return seal(owner_key(user_pk), data)


def open_tokens(owner: str, sealed: str) -> Tokens:
    """Return the tokens sealed for `owner`. Raises SealBroken."""
    data = unseal(owner, sealed)
    return Tokens(
        access=data["access"],
        refresh=data["refresh"],
        expires_at=datetime.fromisoformat(data["expires_at"]),
        scopes=tuple(data["scopes"]),
    )


def tokens_of(credential: YouTubeCredential) -> Tokens:
    """Return the tokens of a loaded row. Raises SealBroken."""
    return open_tokens(owner_key(credential.user_id), credential.sealed_tokens)


def api_for(credential: YouTubeCredential) -> "Api":
    """Return YouTube's API for the grant's owner; refreshed tokens are stored. Raises GrantLost."""
    from youtube_integration.google import client  # imported here: Google's libraries take 40 MB and 0.7 s

    if credential.state != YouTubeCredential.State.ACTIVE:
        raise GrantLost("to_be_connected_again")
    try:
        tokens = tokens_of(credential)
    except SealBroken:
        mark_reconnect(credential)
        raise GrantLost("unreadable") from None
    return client.connect_api(tokens, partial(store_tokens, credential))


def store_tokens(credential: YouTubeCredential, tokens: Tokens) -> bool:
    """Store refreshed tokens unless the owner has reconnected; return whether they were stored."""
    return _change_while_same(
        credential,
        sealed_tokens=seal_tokens(credential.user_id, tokens),
        state=YouTubeCredential.State.ACTIVE,
        lost_at=None,
        last_ok_at=timezone.now(),
    )


def mark_reconnect(credential: YouTubeCredential) -> bool:
    """Mark the grant as lost unless the owner has reconnected; return whether it was marked."""
    return _change_while_same(
        credential, state=YouTubeCredential.State.RECONNECT, lost_at=credential.lost_at or timezone.now()
    )


def _change_while_same(credential: YouTubeCredential, **columns: Any) -> bool:
    """Update the row while it holds the refresh token that `credential` was loaded with."""
    rows = YouTubeCredential.objects.filter(pk=credential.pk)
    for _ in range(WRITE_TRIES):
        now = rows.first()
        if now is None or _refresh_token_of(now) != _refresh_token_of(credential):
            return False
        if rows.filter(sealed_tokens=now.sealed_tokens).update(**columns):
            for name, value in columns.items():
                setattr(credential, name, value)
            return True
    return False


def _refresh_token_of(credential: YouTubeCredential) -> str:
    try:
        return tokens_of(credential).refresh
    except SealBroken:  # then the unreadable value itself must be unchanged
        return credential.sealed_tokens
