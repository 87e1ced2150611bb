"""`manage.py backup DIR|FILE.tar`: back up the database, keys and media while the site runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from mixes.services.maintenance.backups import BackupRefused, make_backup
from mixes.services.maintenance.database_copy import DatabaseCopyError


class Command(BaseCommand):
    help = (
        "Saves the database, the keys and all media into a new folder or TAR file, and verifies the copy. "
        "In a folder on the media disk, files are hard links: fast, but no protection against disk failure."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", type=Path, metavar="DIR|FILE.tar")

    def handle(self, *args: Any, **options: Any) -> None:
        target = options["target"].absolute()
        on_file = self.print_file if options["verbosity"] > 1 else lambda name, size: None
        try:
            manifest = make_backup(target, on_file=on_file)
        except (BackupRefused, DatabaseCopyError, OSError) as error:
            raise CommandError(str(error)) from error
        size = filesizeformat(manifest.size_bytes).replace("\xa0", " ")
        self.stdout.write(f"{target}: {len(manifest.files)} files, {size}, all verified.")
        self.stdout.write("It contains your keys and your users' files: store it where only you can read it.")

    def print_file(self, name: str, size: int) -> None:
        self.stdout.write(f"{size:>14,}  {name}")
