"""`manage.py backup DIR|FILE.tar`: everything a new machine needs to go on, while the site runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from mixes.services.maintenance.backups import BackupRefused, make_backup
from mixes.services.maintenance.database_copy import DatabaseCopyError


class Command(BaseCommand):
    help = (
        "Saves the database, the keys and all media into a new folder or TAR file, and reads it once more. "
        "Files of a folder on the media's own disk are hard links: quick, and no help against a broken disk."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", type=Path, metavar="DIR|FILE.tar")

    def handle(self, *args: Any, **options: Any) -> None:
        target = options["target"].absolute()
        on_file = self.tell if options["verbosity"] > 1 else lambda name, size: None
        try:
            manifest = make_backup(target, on_file=on_file)
        except (BackupRefused, DatabaseCopyError, OSError) as error:
            raise CommandError(str(error)) from error
        size = filesizeformat(manifest.size_bytes).replace("\xa0", " ")
        self.stdout.write(f"{target}: {len(manifest.files)} files, {size}, all read again and as they were.")
        self.stdout.write(
            "It holds your keys and all that your users gave you: keep it where nobody else reads."
        )

    def tell(self, name: str, size: int) -> None:
        self.stdout.write(f"{size:>14,}  {name}")
