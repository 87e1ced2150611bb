"""What a wake-up does: claim the best waiting row of a queue and run it."""

import os
import socket
import uuid
from operator import attrgetter

from mixes.jobs import analysis_job, mix_job, preview_job
from mixes.jobs.runner import JobKind, reap, run_claimed
from mixes.jobs.shutdown import is_stopping
from mixes.leases import Leased
from mixes.models import AnalysisJob, MixJob, Preview
from mixes.queues import LONG, PUBLISH, SHORT, has_wake_up, send_wake_up
from mixes.services.library import scratch

KINDS: dict[str, tuple[JobKind, ...]] = {
    SHORT: (
        JobKind(AnalysisJob, analysis_job.handle, analysis_job.on_failure, scratch.clean_up),
        JobKind(Preview, preview_job.handle, preview_job.on_failure, preview_job.clean_up),
    ),
    LONG: (JobKind(MixJob, mix_job.handle, mix_job.on_failure, mix_job.clean_up),),
    PUBLISH: (),  # what publishes knows this app and not the other way round: it enters itself
}
CLAIM_TRIES = 20  # to claim a row while other workers are faster
_MAIN_PID = os.getpid()  # of the worker command; its forked processes keep it


def command_name() -> str:
    """Name this worker command; the names of its processes begin with it."""
    return f"{socket.gethostname()[:80]}:{_MAIN_PID}:"


def process_name() -> str:
    """Name this process of a worker command, as the rows it claims tell it."""
    return f"{command_name()}{os.getpid()}"


def run_next(queue: str) -> str:
    """Run the best waiting row, if there is one; say what came of it."""
    claimed = None if is_stopping() else claim_best(queue)
    if claimed is None:
        return "nothing to do"
    kind, job, token = claimed
    outcome = run_claimed(kind, job.pk, token)
    if has_waiting(queue):
        send_wake_up(queue)
    return f"{kind.model.__name__} {job.pk}: {outcome or 'no longer ours'}"


def claim_best(queue: str) -> tuple[JobKind, Leased, uuid.UUID] | None:
    """Claim the row that comes first in fairness; None when nothing waits."""
    for _ in range(CLAIM_TRIES):
        best = [
            (job, kind)
            for kind in KINDS[queue]
            if (job := kind.model.objects.waiting(queue).in_fair_order().first())
        ]
        if not best:
            return None
        job, kind = min(best, key=lambda pair: attrgetter("priority", "served", "created_at")(pair[0]))
        if token := kind.model.objects.claim(job.pk, process_name()):
            return kind, job, token
    return None


def has_waiting(queue: str) -> bool:
    """Tell whether a row of the queue could be started now."""
    return any(kind.model.objects.waiting(queue).exists() for kind in KINDS[queue])


def maintain_queue(queue: str, *, trust_leases: bool = True) -> None:
    """Do what keeps a queue going whatever was lost: reap, and wake a worker when something waits.

    Without `trust_leases` nothing is reaped: the living renew theirs first, by a clock that was set.
    """
    for kind in KINDS[queue]:
        expire_dead_processes(kind)
    if trust_leases:
        reap(KINDS[queue])
    if has_waiting(queue) and not has_wake_up(queue):
        send_wake_up(queue)


def expire_dead_processes(kind: JobKind) -> None:
    """End the leases of this command's own processes that were killed: nobody waits until they run out."""
    for job in kind.model.objects.held_by(command_name()):
        if not is_alive(int(job.worker.removeprefix(command_name()))):
            kind.model.objects.held(job.pk, job.token).expire()


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def release_all(queue: str) -> int:
    """Hand back what this worker's processes held; they are gone."""
    return sum(kind.model.objects.held_by(command_name()).release() for kind in KINDS[queue])


def describe_current(queue: str) -> str:
    """Return what this worker works on now."""
    running = [job for kind in KINDS[queue] for job in kind.model.objects.held_by(command_name()).only("id")]
    return ", ".join(f"{type(job).__name__} {job.pk}" for job in running)[:100]
