"""What opens a door at Google, as it lies in the database: encrypted, and bound to whose it is."""

import json
from typing import Any

from cryptography.fernet import InvalidToken

from youtube_integration.security.token_keys import cipher


class SealBroken(Exception):
    """No key opens it, or it was sealed for somebody else: as good as gone."""


def owner_key(user_pk: object) -> str:
    return f"user:{user_pk}"


def seal(owner: str, data: dict[str, Any]) -> str:
    """Return `data` encrypted, for `owner` alone. Raises ImproperlyConfigured where there is no key."""
    return cipher().encrypt(json.dumps({"owner": owner, "data": data}).encode()).decode()


def unseal(owner: str, sealed: str) -> dict[str, Any]:
    """Return what was sealed for `owner`. Raises SealBroken, ImproperlyConfigured."""
    try:
        opened = json.loads(cipher().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        raise SealBroken from None
    if opened["owner"] != owner:  # a row that was copied to another user
        raise SealBroken
    return opened["data"]
