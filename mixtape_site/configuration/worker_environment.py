"""What the processes of the site are told: those that start programs on files of strangers know no secret.

The first environment of a process stays readable for as long as it lives, and its memory keeps what it once
read. So such a process never has the secrets to forget: `manage.py up` starts it without them, and one that
was started with them becomes a new one in its place, before it has done anything else.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import environ

TOKEN_KEYS = "TOKENS_ENCRYPTION_KEY"
KEYLESS = "MIXTAPE_KEYLESS"  # set where the secrets were taken out; `.env` is not read then
WEB_SECRETS = (TOKEN_KEYS, "GOOGLE_CLIENT_SECRET", "GOOGLE_CLIENT_SECRETS_FILE")
MAIL_SECRETS = ("EMAIL_URL",)
WITHHELD = {"short": (*WEB_SECRETS, *MAIL_SECRETS), "long": WEB_SECRETS}  # by queue; the long one sends mail

ENV_FILE = Path(__file__).resolve().parents[2] / ".env"


def read_env_file() -> None:
    """Add what stands in `.env` to the environment, where it is not given there."""
    if KEYLESS not in os.environ and ENV_FILE.is_file():
        environ.Env.read_env(str(ENV_FILE))


def without_secrets(queue: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a worker of `queue`."""
    withheld = WITHHELD.get(queue)
    if withheld is None:
        return dict(environment)
    kept = {name: value for name, value in environment.items() if name not in withheld}
    return kept | {KEYLESS: "1"}


def cleaner_environment(queue: str) -> dict[str, str] | None:
    """Return the environment in which a worker of `queue` is to start again; None when it has it."""
    if queue not in WITHHELD or (KEYLESS in os.environ and not os.environ.keys() & set(WITHHELD[queue])):
        return None
    read_env_file()
    return without_secrets(queue, os.environ)
