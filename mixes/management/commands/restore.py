"""`manage.py restore DIR|FILE.tar`: makes this installation the one that was saved."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mixes.services.backups import BackupRefused
from mixes.services.databases import DatabaseTrouble
from mixes.services.restoring import restore_backup


class Command(BaseCommand):
    help = (
        "Puts a backup in the place of this installation, after reading all of it. "
        "The site must be stopped. What was here is kept aside."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path, metavar="DIR|FILE.tar")
        parser.add_argument("--yes", action="store_true", help="replace an installation that is not empty")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = restore_backup(options["backup"].absolute(), replace=options["yes"])
        except (BackupRefused, DatabaseTrouble, OSError) as error:
            raise CommandError(str(error)) from error
        manifest = restored.manifest
        self.stdout.write(f"Restored {len(manifest.files)} files as they were on {manifest.made_at}.")
        for folder in restored.aside:
            self.stdout.write(f"What was here before lies in {folder}; delete it when you are sure.")
