"""`manage.py token EMAIL --scopes read,write`: make a token for a program."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from api.services import tokens
from mixes.services.limits import LimitReached


class Command(BaseCommand):
    help = "Makes a token by which a program acts for a user, and prints it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--scopes", default="read", help="read,write,publish")
        parser.add_argument("--name", default="", help="what the account's page calls it")
        parser.add_argument("--days", type=int, help="how long it works; without it, until it is deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=options["email"]).first()
        if owner is None:
            raise CommandError(f"There is no account {options['email']}.")
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            token, secret = tokens.create_token(
                owner, options["name"] or "manage.py token", scopes, days=options["days"]
            )
        except (ValueError, LimitReached) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(secret)
        self.stderr.write(f"For {owner.email}: {', '.join(token.scopes)}. It is not shown again.")
