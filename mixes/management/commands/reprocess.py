"""`manage.py reprocess`: make jobs again, or analyse all tracks again, in the queue or in this process."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date

from mixes import tasks
from mixes.engine.pipeline.request import STAGES, OnProgress
from mixes.jobs.runner import Commit, JobKind, JobRun, run_claimed
from mixes.leases import ENDED, Leased, State
from mixes.management.interrupts import StopOnSignal, stop_on_signals
from mixes.management.terminal import show_progress
from mixes.models import MixJob, Track
from mixes.queues import LONG, SHORT
from mixes.services.analyses import request_analysis
from mixes.services.limits import LimitReached
from mixes.services.rendering import mix_requests

NOT_ALL_STATUS = 1


@dataclass(frozen=True, slots=True)
class ReprocessItem:
    """A row to be processed again."""

    label: str
    row: Leased | Track

    def requeue(self, from_stage: str) -> Leased:
        """Put the row into its queue. Raises LimitReached when it is queued already."""
        if isinstance(self.row, Track):
            return request_analysis(self.row)
        assert isinstance(self.row, MixJob)
        mix_requests.remake(self.row, from_stage)
        return self.row


class Command(BaseCommand):
    help = (
        "Makes ended jobs again, selected by id, state or date. "
        "With --all-analysis, analyses every track again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("jobs", nargs="*", metavar="JOB", help="the id of a job, as in its page's URL")
        add("--state", choices=[str(state) for state in ENDED], help="jobs that ended in this state")
        add("--since", type=str, metavar="DATE", help="jobs requested since this day, such as 2026-11-22")
        add("--all-analysis", action="store_true", help="analyse every track again instead")
        add("--from-stage", choices=STAGES, default="", help="reuse the results of earlier stages")
        add("--dry-run", action="store_true", help="only list what would be done")
        add(
            "--now",
            action="store_true",
            help="run them in this process, one by one, instead of queueing them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        work = list(find_work(options))
        if options["dry_run"]:
            for item in work:
                self.stdout.write(f"Would process again: {item.label}")
            self.stdout.write(f"{len(work)} in all; nothing was changed.")
            return
        done = self.run_now(work, options["from_stage"]) if options["now"] else self.queue(work, options)
        self.stdout.write(f"{done} of {len(work)} {'done' if options['now'] else 'queued'}.")
        if done < len(work):
            raise SystemExit(NOT_ALL_STATUS)

    def queue(self, work: list[ReprocessItem], options: dict[str, Any]) -> int:
        """Queue the rows; return how many."""
        count = 0
        for item in work:
            try:
                item.requeue(options["from_stage"])
            except LimitReached as error:
                self.stderr.write(f"Left alone: {item.label}: {error}")
                continue
            self.stdout.write(f"Queued: {item.label}")
            count += 1
        return count

    def run_now(self, work: list[ReprocessItem], from_stage: str) -> int:
        """Process rows here until a signal comes; return how many succeeded."""
        count = 0
        with stop_on_signals() as should_stop:
            for item in work:
                if should_stop():
                    self.stderr.write(f"Not begun: {item.label}")
                    continue
                with show_progress(self.stderr) as on_progress:
                    outcome = self.run_one(item, from_stage, on_progress, should_stop)
                count += outcome == "done"
                self.stdout.write(f"{outcome.capitalize()}: {item.label}")
        return count

    def run_one(
        self, item: ReprocessItem, from_stage: str, on_progress: OnProgress, should_stop: StopOnSignal
    ) -> str:
        """Claim one row before a worker does, and process it; return the outcome in words."""
        try:
            with transaction.atomic():
                row = item.requeue(from_stage)
                token = type(row).objects.claim(row.pk, tasks.process_name())
        except LimitReached as error:
            return f"left alone ({error})"
        if token is None:
            return "left alone (it is running already)"
        outcome = run_claimed(
            with_terminal_progress(kind_of(row), item.label, on_progress, should_stop), row.pk, token
        )
        if outcome == State.FAILED:
            return f"failed ({type(row).objects.get(pk=row.pk).error_text})"
        return "stopped and back in the queue" if outcome == State.QUEUED else str(outcome or "taken over")


def find_work(options: dict[str, Any]) -> Iterator[ReprocessItem]:
    """Yield the rows the options select. Raises CommandError when they select none, or a missing one."""
    if options["all_analysis"]:
        tracks = Track.objects.exclude(state=Track.State.UPLOADING).order_by("created_at")
        yield from (ReprocessItem(f"{track.pk} {track.label}", track) for track in tracks.defer("waveform"))
        return
    if not (options["jobs"] or options["state"] or options["since"]):
        raise CommandError("Give ids of jobs, or --state, --since or --all-analysis.")
    jobs = MixJob.objects.select_related("owner").defer("snapshot", "outline", "check_sheet")
    if options["jobs"]:
        jobs = named(options["jobs"])
    if options["state"]:
        jobs = jobs.filter(state=options["state"])
    if options["since"]:
        jobs = jobs.filter(created_at__gte=read_day(options["since"]))
    yield from (ReprocessItem(f"{job.pk} {job.title}", job) for job in jobs.order_by("created_at"))


def named(pks: list[str]) -> Any:
    """Return the jobs with these ids. Raises CommandError for a missing one."""
    try:
        found = MixJob.objects.filter(pk__in=pks)
        missing = set(map(str.lower, pks)) - {str(pk) for pk in found.values_list("pk", flat=True)}
    except ValidationError as error:
        raise CommandError("That is not the id of a job: " + "; ".join(error.messages)) from error
    if missing:
        raise CommandError(f"There is no job {', '.join(sorted(missing))}.")
    return found


def read_day(text: str) -> datetime:
    """Parse a day; return its first moment in the site's time zone. Raises CommandError."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"{text!r} is not a day such as 2026-11-22.")
    return timezone.make_aware(datetime.combine(day, time.min))


def kind_of(row: Leased) -> JobKind:
    """Return the job kind of a row."""
    kinds = (*tasks.KINDS[LONG], *tasks.KINDS[SHORT])
    return next(kind for kind in kinds if isinstance(row, kind.model))


def with_terminal_progress(
    kind: JobKind, label: str, on_progress: OnProgress, should_stop: StopOnSignal
) -> JobKind:
    """Return a job kind that also shows progress in this terminal and stops on a signal."""

    def handle(run: JobRun) -> Commit:
        tell = run.on_progress

        def report_both(stage: str, fraction: float) -> None:
            tell(stage, fraction)
            on_progress(label, fraction)
            if should_stop() and not run.stop_reason:
                run.stop_reason = "drain"

        run.on_progress = report_both  # type: ignore[method-assign]  # of this one run
        return kind.handle(run)

    return replace(kind, handle=handle)
