"""`manage.py prune_media`: delete expired rows and orphaned files; results are never deleted."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat

from mixes.models import Artifact
from mixes.services import storage
from mixes.services.maintenance import pruning


class Command(BaseCommand):
    help = (
        "Lists what can be deleted: unfinished uploads, old items in the bin, orphaned files, leftovers of "
        "jobs. --yes deletes it; orphaned files (in no database row) are kept in media/bin for 30 days."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="delete it instead of only listing it")
        parser.add_argument(
            "--many-orphans",
            action="store_true",
            help="continue although over 5 %% of all files are orphaned; check database and folder first",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rubbish = pruning.find_rubbish()
        for line in describe(rubbish):
            self.stdout.write(line)
        if rubbish.is_empty:
            self.stdout.write("There is nothing to delete.")
            return
        try:
            if not options["many_orphans"]:
                rubbish.check_orphans()
        except pruning.WrongDatabase as error:
            raise CommandError(str(error)) from error
        if options["yes"]:
            pruning.remove_rubbish(rubbish)
            self.stdout.write("Done.")
        else:
            self.stdout.write("Nothing was deleted. Use --yes to delete it.")


def describe(rubbish: pruning.Rubbish) -> Iterator[str]:
    """Yield a line for each kind of rubbish."""
    parts = [storage.upload_path(upload.pk) for upload in rubbish.uploads]
    results = Artifact.objects.filter(job__mix__in=rubbish.mixes).aggregate(bytes=Sum("size"))["bytes"] or 0
    orphans = pruning.size_of(storage.path_of(name) for name in rubbish.orphans)
    found = (
        ("unfinished uploads", len(rubbish.uploads), pruning.size_of(parts)),
        ("rows of finished uploads", len(rubbish.answered_uploads), 0),
        ("mixes from the bin, with their results", len(rubbish.mixes), results),
        ("tracks from the bin", len(rubbish.tracks), sum(track.size for track in rubbish.tracks)),
        ("unused pictures", len(rubbish.pictures), sum(p.size for p in rubbish.pictures)),
        ("orphaned files, moved to media/bin", len(rubbish.orphans), orphans),
        ("leftovers of jobs", len(rubbish.scratch), pruning.size_of(rubbish.scratch)),
        ("days of media/bin", len(rubbish.binned), pruning.size_of(rubbish.binned)),
    )
    for what, count, size in found:
        if count:
            yield f"{count:>8}  {what}: {filesizeformat(size)}".replace("\xa0", " ")
