"""Queue task behind each wake-up: claim the next waiting row of a queue and run it."""

import os
import secrets
import socket
import uuid
from datetime import timedelta
from operator import attrgetter

from mixes.jobs import analysis_job, mix_job, preview_job
from mixes.jobs.runner import JobKind, reap, run_claimed
from mixes.jobs.shutdown import is_stopping
from mixes.leases import FAIR_ORDER, FAIRNESS_WINDOW, Leased
from mixes.models import AnalysisJob, MixJob, Preview
from mixes.queues import HOOKS, LONG, PUBLISH, SHORT, has_wake_up, send_wake_up
from mixes.services import schema
from mixes.services.library import scratch

KINDS: dict[str, tuple[JobKind, ...]] = {
    SHORT: (
        JobKind(AnalysisJob, analysis_job.handle, analysis_job.on_failure, scratch.clean_up),
        JobKind(Preview, preview_job.handle, preview_job.on_failure, preview_job.clean_up),
    ),
    LONG: (JobKind(MixJob, mix_job.handle, mix_job.on_failure, mix_job.clean_up),),
    PUBLISH: (),  # filled by youtube_integration, which this app never imports
    HOOKS: (),  # filled by api, the same
}
# Starts in this time make an owner wait: a turn for each where jobs are short, a share where they are long
FAIRNESS_WINDOWS = {SHORT: timedelta(minutes=1)}
CLAIM_TRIES = 20  # while other workers claim the same rows first
# of the worker command; forked processes keep these values
_MAIN_PID = os.getpid()
RUN_ID = secrets.token_hex(4)  # tells apart containers and machines with one host name, whose ids repeat


def command_name() -> str:
    """Return the name of this worker command, the prefix of its processes' names."""
    return f"{socket.gethostname()[:70]}:{_MAIN_PID}:{RUN_ID}:"


def process_name() -> str:
    """Return the name of this worker process, as stored in the rows it claims."""
    return f"{command_name()}{os.getpid()}"


def run_next(queue: str) -> str:
    """Run the next waiting row, if there is one; return the outcome as text."""
    claimed = claim_best(queue) if schema.is_complete() and not is_stopping() else None
    if claimed is None:
        return "nothing to do"
    kind, job, token = claimed
    outcome = run_claimed(kind, job.pk, token)
    if has_waiting(queue):
        send_wake_up(queue)
    return f"{kind.model.__name__} {job.pk}: {outcome or 'no longer ours'}"


def claim_best(queue: str) -> tuple[JobKind, Leased, uuid.UUID] | None:
    """Claim the next row in fair order; return None when nothing waits."""
    models = [kind.model for kind in KINDS[queue]]
    window = FAIRNESS_WINDOWS.get(queue, FAIRNESS_WINDOW)
    for _ in range(CLAIM_TRIES):
        best = [
            (job, kind)
            for kind in KINDS[queue]
            if (job := kind.model.objects.waiting(queue).in_fair_order(models, window).first())
        ]
        if not best:
            return None
        job, kind = min(best, key=lambda pair: attrgetter(*FAIR_ORDER)(pair[0]))
        if token := kind.model.objects.claim(job.pk, process_name()):
            return kind, job, token
    return None


def has_waiting(queue: str) -> bool:
    """Return whether a row of the queue could be started now."""
    return any(kind.model.objects.waiting(queue).exists() for kind in KINDS[queue])


def maintain_queue(queue: str, *, trust_leases: bool = True) -> None:
    """Requeue or end expired rows, and send a wake-up when rows wait.

    With `trust_leases` False nothing is reaped, so that live workers can renew their leases after a clock
    jump.
    """
    for kind in KINDS[queue]:
        expire_dead_processes(kind)
    if trust_leases:
        reap(KINDS[queue])
    if has_waiting(queue) and not has_wake_up(queue):
        send_wake_up(queue)


def expire_dead_processes(kind: JobKind) -> None:
    """Expire the leases of this command's own killed processes, instead of waiting for the timeout."""
    for job in kind.model.objects.held_by(command_name()):
        if not is_alive(int(job.worker.removeprefix(command_name()))):
            kind.model.objects.held(job.pk, job.token).expire()


def is_alive(pid: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def release_all(queue: str) -> int:
    """Release the rows held by this worker's processes, which have exited."""
    return sum(kind.model.objects.held_by(command_name()).release() for kind in KINDS[queue])


def describe_current(queue: str) -> str:
    """Return the name of the job this worker runs now."""
    running = [job for kind in KINDS[queue] for job in kind.model.objects.held_by(command_name()).only("pk")]
    return ", ".join(f"{type(job).__name__} {job.pk}" for job in running)[:100]
