"""`manage.py invite EMAIL`: print a link to choose a password; also for sites that send no mail."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts import services

DAY_S = 86_400


class Command(BaseCommand):
    help = (
        "Prints a link with which the owner of EMAIL chooses a password: creates the account, "
        "or resets the password of an existing one. Works while sign-up is closed, too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--operator", action="store_true", help="with all rights in the admin")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"{options['email']} is not an e-mail address.") from error
        link = services.invite(options["email"], as_operator=options["operator"])
        self.stdout.write(link)
        if not services.running_address() and not settings.HAS_URL:
            self.stderr.write(
                "The site was not started with this data folder yet, so this link leads to where it would "
                "listen. If people reach it elsewhere, set MIXTAPE_URL and invite again."
            )
        days = settings.PASSWORD_RESET_TIMEOUT // DAY_S
        self.stderr.write(f"Send it to {options['email']}; it works once, within {days} days.")
