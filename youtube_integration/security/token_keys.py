"""The keys under which Google's tokens lie in the database: read when they are needed, never at import.

Only the web server, the publish worker and the commands for keys ask for them. The workers that start
programs on files of strangers have none, neither in their environment nor in memory (`own_environment`).
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
    """Return what encrypts under the newest key and reads under all. Raises ImproperlyConfigured."""
    return MultiFernet([to_fernet(key) for key in token_keys()])


def newest_cipher() -> Fernet:
    """Return what knows the newest key alone. Raises ImproperlyConfigured."""
    return to_fernet(token_keys()[0])


def key_path() -> Path:
    return Path(settings.DATA_DIR) / "keys" / "tokens.key"


def are_configured() -> bool:
    """Tell whether the keys come from the environment, so that no file counts."""
    return bool(configured_keys())


def configured_keys() -> list[str]:
    return [key.strip() for key in os.environ.get(TOKEN_KEYS, "").split(",") if key.strip()]


def token_keys() -> list[str]:
    """Return the keys, newest first, making one at first need. Raises ImproperlyConfigured."""
    if KEYLESS in os.environ:
        raise ImproperlyConfigured("This worker holds no key for tokens: it works on files of strangers.")
    if keys := configured_keys():
        return keys
    try:
        return read_or_store_keys(key_path(), make_token_key)
    except OSError as error:
        text = f"The key for tokens cannot be kept in {key_path()}: {error.strerror}. Mend that, or set"
        raise ImproperlyConfigured(f"{text} {TOKEN_KEYS}. {KEY_HINT}") from error


def make_token_key() -> str:
    return Fernet.generate_key().decode()


def to_fernet(key: str) -> Fernet:
    """Return the cipher of one key, naming where a wrong one comes from and never what it is."""
    try:
        return Fernet(key)
    except ValueError:
        where = TOKEN_KEYS if are_configured() else key_path()
        text = f"A key in {where} is not 32 bytes in URL-safe base64."
        raise ImproperlyConfigured(f"{text} {KEY_HINT}") from None
