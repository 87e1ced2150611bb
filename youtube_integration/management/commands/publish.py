"""`manage.py publish`: publish the video of a job on its owner's YouTube channel."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from mixes.models import MixJob
from mixes.services.limits import LimitReached
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubePublication
from youtube_integration.services.drafts import draft_of
from youtube_integration.services.preflight import run_preflight
from youtube_integration.services.publications import request_publication


class Command(BaseCommand):
    help = "Publish the video of a job on its owner's YouTube channel: private, unless said otherwise."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=UUID, help="id of the job, as in the address of its page")
        parser.add_argument("--title", help="instead of the mix's own")
        parser.add_argument("--description", type=Path, metavar="FILE", help="instead of the mix's own")
        parser.add_argument("--privacy", choices=YouTubePublication.Privacy.values, default="private")
        parser.add_argument("--at", metavar="TIME", help="becomes public then, such as 2027-01-31T20:00")
        parser.add_argument(
            "--made-for-kids",
            action=argparse.BooleanOptionalAction,
            required=True,
            help="YouTube requires this for every video",
        )
        parser.add_argument(
            "--altered-content", action="store_true", help="made or changed by AI so that it seems real"
        )
        parser.add_argument("--again", action="store_true", help="even if the mix is on YouTube already")

    def handle(self, *args: Any, **options: Any) -> None:
        job = MixJob.objects.select_related("owner").filter(pk=options["job"]).first()
        if job is None:
            raise CommandError("There is no such job.")
        refuse(job, again=options["again"])
        follows = job.is_open and not options["description"]
        try:
            row = request_publication(job.owner, job, read_options(job, options), description_follows=follows)
        except LimitReached as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Done! It is publication {row.pk}.")


def refuse(job: MixJob, *, again: bool) -> None:
    """Raise CommandError if a preflight check fails."""
    for check in run_preflight(job.owner, job):
        if check.verdict == "wrong" or (check.is_repetition and not again):
            raise CommandError(check.text)


def read_options(job: MixJob, options: dict[str, Any]) -> VideoDetails:
    """Return the video's details. Raises CommandError for an invalid option."""
    draft = draft_of(job)
    try:
        description = options["description"].read_text(encoding="utf-8") if options["description"] else None
        at = parse_datetime(options["at"]) if options["at"] else None
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    if options["at"] and at is None:
        raise CommandError(f"{options['at']} is not a valid time.")
    return replace(
        draft,
        title=options["title"] or draft.title,
        description=draft.description if description is None else description,
        privacy=options["privacy"],
        made_for_kids=options["made_for_kids"],
        altered_content=options["altered_content"],
        publish_at=timezone.make_aware(at) if at and timezone.is_naive(at) else at,
    )
