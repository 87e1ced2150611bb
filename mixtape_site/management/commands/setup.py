"""`manage.py setup`: prepare the site without starting it."""

from typing import Any

from django.core.management.base import BaseCommand

from mixtape_site.operations.setup import prepare_site


class Command(BaseCommand):
    help = "Makes folders and keys, applies migrations, collects static files, and prints how to sign in."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        prepare_site(self.stdout)
        self.stdout.write("Ready.")
