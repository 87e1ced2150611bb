"""Environment for each process: workers that open untrusted files get no secrets.

The initial environment of a process stays readable (/proc) for its lifetime, and its memory keeps what it has
read. So such a process must never have the secrets: `manage.py up` starts it without them, and a worker that
was started with them re-executes itself first.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import environ

TOKEN_KEYS = "TOKENS_ENCRYPTION_KEY"
KEYLESS = "MIXTAPE_KEYLESS"  # set when secrets were removed; `.env` is then not read
WEB_SECRETS = (TOKEN_KEYS, "GOOGLE_CLIENT_SECRET", "GOOGLE_CLIENT_SECRETS_FILE", "MIXTAPE_METRICS_TOKEN")
MAIL_SECRETS = ("EMAIL_URL",)
WITHHELD = {"short": (*WEB_SECRETS, *MAIL_SECRETS), "long": WEB_SECRETS}  # by queue; the long one sends mail

ENV_FILE = Path(__file__).resolve().parents[2] / ".env"


def read_env_file() -> None:
    """Add the variables of `.env` that the environment does not set."""
    if KEYLESS not in os.environ and ENV_FILE.is_file():
        environ.Env.read_env(str(ENV_FILE))


def without_secrets(queue: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a worker of `queue`."""
    withheld = WITHHELD.get(queue)
    if withheld is None:
        return dict(environment)
    kept = {name: value for name, value in environment.items() if name not in withheld}
    return kept | {KEYLESS: "1"}


def cleaner_environment(queue: str) -> dict[str, str] | None:
    """Return the environment to restart a worker of `queue` with, or None when it has no secrets."""
    if queue not in WITHHELD or (KEYLESS in os.environ and not os.environ.keys() & set(WITHHELD[queue])):
        return None
    read_env_file()
    return without_secrets(queue, os.environ)
