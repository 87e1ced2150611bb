"""`manage.py forget_youtube USER`: disconnect the YouTube channel of a user."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from youtube_integration.models import PendingRevocation, YouTubeCredential
from youtube_integration.security.sealing import owner_key
from youtube_integration.services import channels


class Command(BaseCommand):
    help = "Disconnects the YouTube channel of a user: ends the grant at Google and deletes its stored data."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="EMAIL", help="the address the user signs in with")

    def handle(self, *args: Any, **options: Any) -> str:
        user = User.objects.filter(email__iexact=options["user"]).first()
        if user is None:
            raise CommandError(f"No user has the address {options['user']}.")
        credential = YouTubeCredential.objects.filter(user=user).first()
        if credential is None:
            return f"{user.email} has no channel connected. Nothing was changed."
        channels.disconnect(credential)
        if PendingRevocation.objects.filter(owner_key=owner_key(user.pk)).exists():
            return "Deleted here. Google did not answer; the revocation is retried for a week."
        return "Deleted here, and the grant at Google is revoked."
