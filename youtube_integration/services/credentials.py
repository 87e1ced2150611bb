"""The tokens of a grant: out of its row, and back into it when Google gave new ones.

Several processes may refresh one grant at a time. None of them waits for another, for SQLite would let nobody
else write meanwhile: a row is changed only while it holds the refresh token that the change is about.
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

WRITE_TRIES = 3  # while the row is sealed anew under another key, or refreshed elsewhere


def seal_tokens(user_pk: object, tokens: Tokens) -> str:
    data = {
        "access": tokens.access,
        "refresh": tokens.refresh,
        "expires_at": tokens.expires_at.isoformat(),
        "scopes": list(tokens.scopes),
    }
    return seal(owner_key(user_pk), data)


def open_tokens(owner: str, sealed: str) -> Tokens:
    """Return the tokens that were sealed for `owner`. Raises SealBroken."""
    data = unseal(owner, sealed)
    return Tokens(
        access=data["access"],
        refresh=data["refresh"],
        expires_at=datetime.fromisoformat(data["expires_at"]),
        scopes=tuple(data["scopes"]),
    )


def tokens_of(credential: YouTubeCredential) -> Tokens:
    """Return the tokens of a row as it was read. Raises SealBroken."""
    return open_tokens(owner_key(credential.user_id), credential.sealed_tokens)


def api_for(credential: YouTubeCredential) -> "Api":
    """Return YouTube as the grant's owner sees it; what it refreshes is kept. Raises GrantLost."""
    from youtube_integration.google import client  # here, for Google's libraries take 40 MB and 0.7 s

    if credential.state != YouTubeCredential.State.ACTIVE:
        raise GrantLost("to_be_connected_again")
    try:
        tokens = tokens_of(credential)
    except SealBroken:
        mark_reconnect(credential)
        raise GrantLost("unreadable") from None
    return client.connect_api(tokens, partial(store_tokens, credential))


def store_tokens(credential: YouTubeCredential, tokens: Tokens) -> bool:
    """Keep refreshed tokens, unless its owner connected anew meanwhile; tell whether they are kept."""
    return _change_while_same(
        credential,
        sealed_tokens=seal_tokens(credential.user_id, tokens),
        state=YouTubeCredential.State.ACTIVE,
        lost_at=None,
        last_ok_at=timezone.now(),
    )


def mark_reconnect(credential: YouTubeCredential) -> bool:
    """Note that the grant is over, unless its owner connected anew meanwhile; tell whether it is."""
    return _change_while_same(
        credential, state=YouTubeCredential.State.RECONNECT, lost_at=credential.lost_at or timezone.now()
    )


def _change_while_same(credential: YouTubeCredential, **columns: Any) -> bool:
    """Write to the row while it holds the refresh token that `credential` was read with."""
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
    except SealBroken:  # then it is the same while nobody writes to it
        return credential.sealed_tokens
