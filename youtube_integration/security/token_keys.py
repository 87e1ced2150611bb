"""Keys that encrypt Google's tokens in the database; read when needed, never at import.

Only the web server, the publish worker and the key commands read them. Workers that run programs on untrusted
files have no keys, neither in their environment nor in memory (`worker_environment`).
"""

import os
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from mixtape_site.configuration.keys import read_or_store_keys
from mixtape_site.configuration.worker_environment import KEYLESS, TOKEN_KEYS

KEY_HINT = (
    "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


def cipher() -> MultiFernet:
    """Return a cipher of all keys; it encrypts with the newest one. Raises ImproperlyConfigured."""
    return MultiFernet([to_fernet(key) for key in token_keys()])


def newest_cipher() -> Fernet:
    """Return a cipher of the newest key alone. Raises ImproperlyConfigured."""
    return to_fernet(token_keys()[0])


def key_path() -> Path:
    return Path(settings.DATA_DIR) / "keys" / "tokens.key"


def are_configured() -> bool:
    """Return whether the keys come from the environment, so that the key file is ignored."""
    return bool(configured_keys())


def configured_keys() -> list[str]:
    return [key.strip() for key in os.environ.get(TOKEN_KEYS, "").split(",") if key.strip()]


def token_keys() -> list[str]:
    """Return the keys, newest first; create one if there is none. Raises ImproperlyConfigured."""
    if KEYLESS in os.environ:
        raise ImproperlyConfigured("This worker has no key for tokens: it opens untrusted files.")
    if keys := configured_keys():
        return keys
    try:
        return read_or_store_keys(key_path(), make_token_key)
    except OSError as error:
        text = f"The key for tokens cannot be stored in {key_path()}: {error.strerror}. Fix that, or set"
        raise ImproperlyConfigured(f"{text} {TOKEN_KEYS}. {KEY_HINT}") from error


def make_token_key() -> str:
    return Fernet.generate_key().decode()


def to_fernet(key: str) -> Fernet:
    """Return the cipher of a key; the error for a bad key says where it is set, not its value."""
    try:
        return Fernet(key)
    except ValueError:
        where = TOKEN_KEYS if are_configured() else key_path()
        text = f"A key in {where} is not 32 bytes in URL-safe base64."
        raise ImproperlyConfigured(f"{text} {KEY_HINT}") from None
