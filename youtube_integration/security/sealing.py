"""Encrypt tokens and upload-session URLs at rest, bound to their owner."""

import json
from typing import Any

from cryptography.fernet import InvalidToken

from youtube_integration.security.token_keys import cipher


class SealBroken(Exception):
    """No key decrypts the value, or it belongs to another owner."""


def owner_key(user_pk: object) -> str:
    return f"user:{user_pk}"


def seal(owner: str, data: dict[str, Any]) -> str:
    """Return `data` encrypted for `owner`. Raises ImproperlyConfigured without a key."""
    return cipher().encrypt(json.dumps({"owner": owner, "data": data}).encode()).decode()


def unseal(owner: str, sealed: str) -> dict[str, Any]:
    """Return the data sealed for `owner`. Raises SealBroken, or ImproperlyConfigured without a key."""
    try:
        opened = json.loads(cipher().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        raise SealBroken from None
    if opened["owner"] != owner:  # the row was copied to another user
        raise SealBroken
    data: dict[str, Any] = opened["data"]
    return data
