"""`manage.py forget_youtube USER`: let go of one user's channel, as its page would."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from youtube_integration.models import PendingRevocation, YouTubeCredential
from youtube_integration.security.sealing import owner_key
from youtube_integration.services import channels


class Command(BaseCommand):
    help = (
        "Disconnects the YouTube channel of a user: ends the grant at Google and deletes what is kept of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="EMAIL", help="the address the user signs in with")

    def handle(self, *args: Any, **options: Any) -> str:
        user = User.objects.filter(email__iexact=options["user"]).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {options['user']}.")
        credential = YouTubeCredential.objects.filter(user=user).first()
        if credential is None:
            return f"{user.email} has no channel connected. Nothing was changed."
        channels.disconnect(credential)
        if PendingRevocation.objects.filter(owner_key=owner_key(user.pk)).exists():
            return "Deleted here. Google did not answer, and is told again within the week."
        return "Deleted here, and the grant at Google is over."
