"""`manage.py restore DIR|FILE.tar`: replace this installation by a backup; `--undo` reverts it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mixes.services.maintenance.backups import BackupRefused
from mixes.services.maintenance.database_copy import DatabaseCopyError
from mixes.services.maintenance.journal import JournalError
from mixes.services.maintenance.restore import restore_backup, undo_restore


class Command(BaseCommand):
    help = (
        "Replaces this installation by a backup, after verifying all of it. "
        "The site must be stopped. The previous data is kept aside."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("backup", type=Path, nargs="?", metavar="DIR|FILE.tar")
        what.add_argument(
            "--undo",
            action="store_true",
            help="bring back what the last restore replaced, or end one that was interrupted",
        )
        parser.add_argument("--yes", action="store_true", help="replace an installation that is not empty")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["undo"]:
                undone = undo_restore()
                if undone.was_interrupted:
                    self.stdout.write("The interrupted restore is undone: all is as it was before it.")
                else:
                    self.stdout.write("The last restore is undone.")
                self.report_aside(undone.aside)
                return
            restored = restore_backup(options["backup"].absolute(), replace=options["yes"])
        except (BackupRefused, DatabaseCopyError, JournalError, OSError) as error:
            raise CommandError(str(error)) from error
        manifest = restored.manifest
        self.stdout.write(f"Restored {len(manifest.files)} files as they were on {manifest.made_at}.")
        self.report_aside(restored.aside)
        if restored.aside:
            self.stdout.write("To undo this, run `manage.py restore --undo`.")

    def report_aside(self, folders: tuple[Path, ...]) -> None:
        for folder in folders:
            self.stdout.write(f"The previous data is in {folder}; delete it when you are sure.")
