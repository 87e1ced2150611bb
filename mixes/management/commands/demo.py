"""`manage.py demo`: fill the demo account with songs and one mix, made by the real workers."""

import time
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import ensure_demo_account
from mixes.leases import State
from mixes.models import Mix, MixJob, Track
from mixes.services.demo import add_demo_set
from mixes.services.editing import edits
from mixes.services.editing.arrangement import change_settings
from mixes.services.rendering.mix_requests import request_mix

POLL_S = 0.3


class Command(BaseCommand):
    help = "Fills the demo account: three generated songs, and one mix of them, made by the workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for the workers")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_ACCOUNT:
            raise CommandError("The demo account is off: others can reach this site (MIXTAPE_DEMO_ACCOUNT).")
        user = User.objects.get(email=ensure_demo_account().email)
        if MixJob.objects.filter(owner=user, state=State.DONE).exists():
            return
        mix = add_demo_set(user)
        show_all = partial(change_settings, make_mp4=True, title_cards=True)
        mix = edits.edit(mix, None, _("Video with title cards"), show_all)
        until_s = time.monotonic() + options["timeout"]
        self.wait(lambda: not still_analysing(mix), until_s)
        job = request_mix(mix)
        self.wait(lambda: not MixJob.objects.get(pk=job.pk).is_open, until_s)
        job.refresh_from_db()
        if job.state != State.DONE:
            raise CommandError(f"The demo mix could not be made: {job.error_text}")
        self.stdout.write("The demo mix is made.")

    @staticmethod
    def wait(condition: Any, until_s: float) -> None:
        while not condition():
            if time.monotonic() > until_s:
                raise CommandError(
                    "The workers did not make the demo mix in time. Is `manage.py worker` running?"
                )
            time.sleep(POLL_S)


def still_analysing(mix: Mix) -> bool:
    """Return whether a track of the mix is still being analysed."""
    states = (Track.State.UPLOADING, Track.State.ANALYSING)
    return mix.items.filter(track__state__in=states).exists()
