"""`manage.py reprocess`: make runs again, or measure all tracks again, queued or here and now."""

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
    """One row to be run again."""

    label: str
    row: Leased | Track

    def requeue(self, from_stage: str) -> Leased:
        """Put the row into its queue; raises LimitReached when it is there already."""
        if isinstance(self.row, Track):
            return request_analysis(self.row)
        assert isinstance(self.row, MixJob)
        mix_requests.remake(self.row, from_stage)
        return self.row


class Command(BaseCommand):
    help = (
        "Makes runs again that have ended: those named, or those in a state, or since a day. "
        "With --all-analysis, measures every track again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("jobs", nargs="*", metavar="JOB", help="the id of a run, as in the address of its page")
        add("--state", choices=[str(state) for state in ENDED], help="runs that ended so")
        add("--since", type=str, metavar="DATE", help="runs asked for since this day, such as 2026-11-22")
        add("--all-analysis", action="store_true", help="measure every track again instead")
        add("--from-stage", choices=STAGES, default="", help="keep what the stages before it made")
        add("--dry-run", action="store_true", help="only tell what would be done")
        add("--now", action="store_true", help="run them here, one after the other, instead of queueing them")

    def handle(self, *args: Any, **options: Any) -> None:
        work = list(find_work(options))
        if options["dry_run"]:
            for item in work:
                self.stdout.write(f"Would run again: {item.label}")
            self.stdout.write(f"{len(work)} in all; nothing was changed.")
            return
        done = self.run_now(work, options["from_stage"]) if options["now"] else self.queue(work, options)
        self.stdout.write(f"{done} of {len(work)} {'done' if options['now'] else 'queued'}.")
        if done < len(work):
            raise SystemExit(NOT_ALL_STATUS)

    def queue(self, work: list[ReprocessItem], options: dict[str, Any]) -> int:
        """Put rows into their queues; return how many."""
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
        """Run rows in this process until a signal comes; return how many went well."""
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
        """Claim one row before any worker does, and run it; return what came of it."""
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
    """Yield what the options name. Raises CommandError when they name nothing, or what is not there."""
    if options["all_analysis"]:
        tracks = Track.objects.exclude(state=Track.State.UPLOADING).order_by("created_at")
        yield from (ReprocessItem(f"{track.pk} {track.label}", track) for track in tracks.defer("waveform"))
        return
    if not (options["jobs"] or options["state"] or options["since"]):
        raise CommandError("Name runs by their ids, or give --state, --since or --all-analysis.")
    jobs = MixJob.objects.select_related("owner").defer("snapshot", "outline", "check_sheet")
    if options["jobs"]:
        jobs = named(options["jobs"])
    if options["state"]:
        jobs = jobs.filter(state=options["state"])
    if options["since"]:
        jobs = jobs.filter(created_at__gte=read_day(options["since"]))
    yield from (ReprocessItem(f"{job.pk} {job.title}", job) for job in jobs.order_by("created_at"))


def named(pks: list[str]) -> Any:
    """Return the runs with these ids. Raises CommandError for one that is not there."""
    try:
        found = MixJob.objects.filter(pk__in=pks)
        missing = set(map(str.lower, pks)) - {str(pk) for pk in found.values_list("pk", flat=True)}
    except ValidationError as error:
        raise CommandError("That is not the id of a run: " + "; ".join(error.messages)) from error
    if missing:
        raise CommandError(f"There is no run {', '.join(sorted(missing))}.")
    return found


def read_day(text: str) -> datetime:
    """Return the first moment of a day in the site's zone. Raises CommandError."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"{text!r} is not a day such as 2026-11-22.")
    return timezone.make_aware(datetime.combine(day, time.min))


def kind_of(row: Leased) -> JobKind:
    """Return how rows like this one are run."""
    kinds = (*tasks.KINDS[LONG], *tasks.KINDS[SHORT])
    return next(kind for kind in kinds if isinstance(row, kind.model))


def with_terminal_progress(
    kind: JobKind, label: str, on_progress: OnProgress, should_stop: StopOnSignal
) -> JobKind:
    """Return a kind whose runs are seen in this terminal too, and are handed back when a signal comes."""

    def handle(run: JobRun) -> Commit:
        tell = run.on_progress

        def tell_both(stage: str, fraction: float) -> None:
            tell(stage, fraction)
            on_progress(label, fraction)
            if should_stop() and not run.stop_reason:
                run.stop_reason = "drain"

        run.on_progress = tell_both
        return kind.handle(run)

    return replace(kind, handle=handle)
