"""`manage.py rotate_keys`: create new keys for signing and encryption; old keys stay valid until dropped."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mixtape_site.configuration import keys
from mixtape_site.configuration.worker_environment import TOKEN_KEYS
from youtube_integration.security import key_rotation, token_keys

SECRET_KEY, OLD_SECRET_KEYS = "SECRET_KEY", "SECRET_KEY_FALLBACKS"


class Command(BaseCommand):
    help = (
        "Makes new keys for sessions and for YouTube's tokens, and encrypts all tokens with the new one. "
        "What was signed or encrypted with the old keys stays valid until --drop-old."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--check",
            action="store_true",
            help="change nothing; fail when a token needs another key than the newest",
        )
        which.add_argument(
            "--drop-old",
            action="store_true",
            help="delete all keys but the newest: users who signed in under an old one must sign in again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                self.check_tokens()
            elif options["drop_old"]:
                self.drop_old()
            else:
                self.rotate()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The keys were not changed: {error.filename}: {error.strerror}.") from error

    def check_tokens(self) -> None:
        if wrong := key_rotation.not_under_newest_key():
            raise CommandError(f"Tokens that the newest key alone does not open: {wrong}.")
        self.stdout.write("The newest key opens every token.")

    def rotate(self) -> None:
        if os.environ.get(SECRET_KEY):
            self.stdout.write(
                f"{SECRET_KEY} is given in the environment: put a new one there, "
                f"and the old one first into {OLD_SECRET_KEYS}."
            )
        else:
            keys.add_key(secret_key_path())
            self.stdout.write("Restart the site: a new key signs sessions and links. Old ones stay valid.")
        if token_keys.are_configured():
            self.stdout.write(f"{TOKEN_KEYS} is given in the environment: its first key is the newest.")
        elif token_keys.key_path().exists():
            keys.add_key(token_keys.key_path(), token_keys.make_token_key)
        self.reseal()

    def drop_old(self) -> None:
        self.reseal()  # first: values encrypted with an old key would be lost
        if os.environ.get(SECRET_KEY):
            self.stdout.write(f"{SECRET_KEY} is given in the environment: empty {OLD_SECRET_KEYS} there.")
        else:
            dropped = keys.drop_old_keys(secret_key_path())
            self.stdout.write(f"Old keys of sessions and links: {dropped} dropped. Restart the site.")
        if token_keys.are_configured():
            self.stdout.write(f"{TOKEN_KEYS} is given in the environment: leave its first key there.")
        elif token_keys.key_path().exists():
            self.stdout.write(f"Old keys of tokens: {keys.drop_old_keys(token_keys.key_path())} dropped.")

    def reseal(self) -> None:
        resealed = key_rotation.reseal_all()
        self.stdout.write(f"Tokens sealed with the newest key: {resealed.sealed}.")
        if resealed.lost:
            self.stderr.write(f"Tokens that no key opens: {resealed.lost}. Their owners must connect again.")


def secret_key_path() -> Path:
    return Path(settings.DATA_DIR) / "keys" / "secret_key"
