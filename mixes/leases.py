"""The one copy of the lease machinery: rows that a worker claims, keeps alive, and finishes exactly once.

The row is the truth and the queue message only a wake-up. A claim is one conditional UPDATE that takes the
row with a fresh token; every later write carries that token, so a worker that lost its lease changes nothing.
All times are the database's own, so the clocks of several machines do not matter.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce, Greatest, Now

LEASE = timedelta(seconds=60)  # a worker that is silent for so long has died
LONGEST_LEASE = timedelta(seconds=120)  # no lease is so long: the clock was set back
FAIRNESS_WINDOW = timedelta(hours=1)  # whoever was served least in it comes first
BACKOFF_S = (5, 60)  # before the second and the third attempt
MAX_ATTEMPTS = 3
PROGRESS_FULL = 1000


class State(models.TextChoices):
    """Of any job; what a publication is doing beyond that is its own phase."""

    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


OPEN = (State.QUEUED, State.RUNNING)
ENDED = (State.DONE, State.FAILED, State.CANCELLED)


class LeasedQuerySet(models.QuerySet["Leased"]):
    """What workers ask of the rows."""

    def expired(self) -> Self:
        """Return running rows whose worker has died, or whose clock was set back."""
        return self.filter(lease_expired(), state=State.RUNNING)

    def waiting(self, queue: str) -> Self:
        """Return rows that may be started now."""
        return self.filter(
            is_due(), queue=queue, state=State.QUEUED, attempt__lt=F("max_attempts"), cancel_requested=False
        )

    def in_fair_order(self) -> Self:
        """Order as they are to be served: priority, then the owner served least of late, then age."""
        served = (
            self.model._default_manager.filter(
                owner=OuterRef("owner"), started_at__gt=Now() - FAIRNESS_WINDOW
            )
            .order_by()
            .values("owner")
            .annotate(times=Count("pk"))
            .values("times")
        )
        return self.annotate(served=Coalesce(Subquery(served), 0)).order_by(
            "priority", "served", "created_at", "pk"
        )

    def claim(self, pk: object, worker: str) -> uuid.UUID | None:
        """Take a waiting row for `worker`; return the token, or None when somebody else was faster."""
        token = uuid.uuid4()
        taken = self.filter(
            is_due(), pk=pk, state=State.QUEUED, attempt__lt=F("max_attempts"), cancel_requested=False
        ).update(
            state=State.RUNNING,
            token=token,
            lease_until=Now() + LEASE,
            attempt=F("attempt") + 1,
            worker=worker,
            started_at=Now(),
            finished_at=None,
            eta_s=None,
        )
        return token if taken == 1 else None

    def held(self, pk: object, token: uuid.UUID) -> Self:
        """Return the row while `token` still holds it: the fence before every write of a worker."""
        return self.filter(pk=pk, token=token, state=State.RUNNING)

    def requeue_expired(self) -> int:
        """Hand the rows of dead workers back to the queue; return how many."""
        return (
            self.expired().filter(cancel_requested=False, attempt__lt=F("max_attempts")).update(**requeued())
        )

    def unrecoverable(self) -> Self:
        """Return rows that nobody will work on: of dead workers, and handed back while being cancelled."""
        dropped = self.expired().filter(Q(cancel_requested=True) | Q(attempt__gte=F("max_attempts")))
        return dropped | self.filter(state=State.QUEUED, cancel_requested=True)

    def held_by(self, command: str) -> Self:
        """Return the rows that processes of one worker command hold, whose names begin with `command`."""
        return self.filter(state=State.RUNNING, worker__startswith=command)

    def release(self) -> int:
        """Hand running rows back whose worker stops on purpose: that was no attempt."""
        return self.filter(state=State.RUNNING).update(**released())

    def expire(self) -> int:
        """End the lease of running rows whose worker is known to be dead."""
        return self.filter(state=State.RUNNING).update(lease_until=Now() - timedelta(seconds=1))

    def request_cancel(self, pk: object) -> bool:
        """Cancel a waiting row at once and a running one at its next beat; False when it has ended."""
        if self.filter(pk=pk, state=State.QUEUED).update(**ended(State.CANCELLED), cancel_requested=True):
            return True
        return bool(self.filter(pk=pk, state=State.RUNNING).update(cancel_requested=True))

    def retry(self, pks: Iterable[object]) -> int:
        """Put ended rows back into the queue with all their attempts; return how many."""
        return self.filter(pk__in=list(pks), state__in=ENDED).update(
            **requeued(),
            attempt=0,
            cancel_requested=False,
            progress=0,
            stage="",
            message="",
            error_code="",
            error_text="",
            finished_at=None,
            not_before=None,
        )


def job_models() -> list[type["Leased"]]:
    """Return every kind of job, whichever app it belongs to."""
    return [model for model in apps.get_models() if issubclass(model, Leased)]


def lease_expired() -> Q:
    """Return the condition that a lease has run out, or is too far off: the clock was set back."""
    return Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + LONGEST_LEASE)


def is_due() -> Q:
    """Return the condition that a row may be started; a last start to come means a clock set back."""
    return Q(not_before=None) | Q(not_before__lte=Now()) | Q(started_at__gt=Now())


def ended(state: State) -> dict[str, Any]:
    """Return the columns of a row that nobody works on any more."""
    return {
        "state": state,
        "token": None,
        "lease_until": None,
        "finished_at": Now(),
        "eta_s": None,
        "worker": "",
    }


def requeued() -> dict[str, Any]:
    """Return the columns of a row that goes back to the queue."""
    return {
        "state": State.QUEUED,
        "token": None,
        "lease_until": None,
        "worker": "",
        "eta_s": None,
    }


def released() -> dict[str, Any]:
    """Return the columns of a row that a stopping worker gives back: that was no attempt."""
    return {**requeued(), "attempt": Greatest(F("attempt") - 1, 0)}


def backoff() -> Case:
    """Return when a row that failed may be tried again, by the attempts it has had."""
    first, later = (Now() + timedelta(seconds=seconds) for seconds in BACKOFF_S)
    return Case(When(attempt__lte=1, then=first), default=later, output_field=models.DateTimeField())


class Leased(models.Model):
    """A job of any kind, as rows of one shape."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    queue = models.CharField(max_length=10)
    priority = models.SmallIntegerField(default=0)  # lower comes first
    not_before = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)  # raised at claim: a job that kills its worker ends
    max_attempts = models.PositiveSmallIntegerField(default=MAX_ATTEMPTS)
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    cancel_requested = models.BooleanField(default=False)
    stage = models.CharField(max_length=20, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)  # thousandths
    eta_s = models.PositiveIntegerField(null=True, blank=True)
    message = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_text = models.TextField(blank=True)  # a sentence for the owner; the traceback is in the log
    dedupe_key = models.CharField(max_length=100, default=uuid.uuid4)  # one open row of each
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(
                fields=("dedupe_key",), condition=Q(state__in=OPEN), name="%(class)s_one_open_per_key"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="%(class)s_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=State.RUNNING, token__isnull=False, lease_until__isnull=False)
                | (~Q(state=State.RUNNING) & Q(token=None, lease_until=None)),
                name="%(class)s_only_running_rows_are_held",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ENDED, finished_at__isnull=False) | Q(state__in=OPEN, finished_at=None),
                name="%(class)s_ended_rows_have_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.FAILED) | ~Q(error_text=""), name="%(class)s_failure_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(progress__lte=PROGRESS_FULL), name="%(class)s_progress_is_thousandths"
            ),
        )
        indexes = (
            models.Index(fields=("queue", "state", "priority"), name="%(class)s_queue"),
            models.Index(fields=("owner", "-started_at"), name="%(class)s_served"),
        )

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def percent(self) -> int:
        return self.progress * 100 // PROGRESS_FULL
