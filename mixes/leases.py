"""Job leases: workers claim rows, renew the lease while they work, and finish each row exactly once.

The database row is the source of truth; the queue message is only a wake-up. A claim is one conditional
UPDATE that sets a fresh token on the row. Every later write is conditional on that token (a fencing token),
so a worker that lost its lease changes nothing. All times come from the database clock, so clock differences
between machines do not matter.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest, Now

LEASE = timedelta(seconds=60)  # a worker silent for this long counts as dead
LONGEST_LEASE = timedelta(seconds=120)  # a lease further ahead means that the clock was set back
FAIRNESS_WINDOW = timedelta(hours=1)  # the owner with the fewest starts in it comes first
FAIR_ORDER = ("is_background", "served", "priority", "created_at")
BACKOFF_S = (5, 60)  # delay before the second and the third attempt
MAX_ATTEMPTS = 3
LOOK_AGAIN = timedelta(seconds=15)  # after which a row that waits for something is tried again
PROGRESS_FULL = 1000


class State(models.TextChoices):
    """State of a job of any kind; publications record their phase separately."""

    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


OPEN = (State.QUEUED, State.RUNNING)
ENDED = (State.DONE, State.FAILED, State.CANCELLED)


LeasedRow = TypeVar("LeasedRow", bound="Leased", covariant=True)


class LeasedQuerySet(models.QuerySet[LeasedRow]):
    """Queries and conditional updates that workers run on job rows."""

    def expired(self) -> Self:
        """Return running rows whose lease has expired, or whose clock was set back."""
        return self.filter(lease_expired(), state=State.RUNNING)

    def waiting(self, queue: str) -> Self:
        """Return rows of `queue` that may be started now."""
        return self.filter(
            is_due(), queue=queue, state=State.QUEUED, attempt__lt=F("max_attempts"), cancel_requested=False
        )

    def in_fair_order(
        self, models: Iterable[type["Leased"]] = (), window: timedelta = FAIRNESS_WINDOW
    ) -> Self:
        """Sort by the owner with the fewest starts within `window`, then by priority, then by age.

        `models` are the kinds whose starts count, by default only this one. Background work (a priority
        above 0) comes after all other work, except for an owner who was not served at all.
        """
        served = sum((starts_of_owner(model, window) for model in models or (self.model,)), Value(0))
        is_background = Case(When(priority__gt=0, served__gt=0, then=Value(1)), default=Value(0))
        return self.annotate(served=served).annotate(is_background=is_background).order_by(*FAIR_ORDER, "pk")

    def claim(self, pk: object, worker: str) -> uuid.UUID | None:
        """Claim a waiting row for `worker`; return its token, or None if another worker claimed it first."""
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

    def held(self, pk: object, token: uuid.UUID | None) -> Self:
        """Return the row while `token` still holds it: the condition of every write by a worker."""
        return self.filter(pk=pk, token=token, state=State.RUNNING)

    def requeue_expired(self) -> int:
        """Requeue expired rows that have attempts left; return how many."""
        return (
            self.expired().filter(cancel_requested=False, attempt__lt=F("max_attempts")).update(**requeued())
        )

    def unrecoverable(self) -> Self:
        """Return rows that must be ended: expired without attempts left, or cancelled while unclaimed."""
        dropped = self.expired().filter(Q(cancel_requested=True) | Q(attempt__gte=F("max_attempts")))
        return dropped | self.filter(state=State.QUEUED, cancel_requested=True)

    def held_by(self, command: str) -> Self:
        """Return the running rows of a worker command: those whose worker name starts with `command`."""
        return self.filter(state=State.RUNNING, worker__startswith=command)

    def release(self) -> int:
        """Requeue running rows of a worker that shuts down; this does not count as an attempt."""
        return self.filter(state=State.RUNNING).update(**released())

    def expire(self) -> int:
        """Expire the lease of running rows whose worker is known to be dead."""
        return self.filter(state=State.RUNNING).update(lease_until=Now() - timedelta(seconds=1))

    def request_cancel(self, pk: object) -> bool:
        """Cancel a waiting row at once, a running one at its next heartbeat; return False if it has ended."""
        if self.filter(pk=pk, state=State.QUEUED).update(**ended(State.CANCELLED), cancel_requested=True):
            return True
        return bool(self.filter(pk=pk, state=State.RUNNING).update(cancel_requested=True))

    def retry(self, pks: Iterable[object]) -> int:
        """Requeue ended rows with all attempts restored; return how many."""
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


def starts_of_owner(model: type["Leased"], window: timedelta) -> Coalesce:
    """Return the number of jobs of a row's owner that run or were started within `window`."""
    starts = (
        model._default_manager.filter(
            Q(started_at__gt=Now() - window) | Q(state=State.RUNNING), owner=OuterRef("owner")
        )
        .order_by()
        .values("owner")
        .annotate(times=Count("pk"))
        .values("times")
    )
    return Coalesce(Subquery(starts), 0)


def job_models() -> list[type["Leased"]]:
    """Return the models of all job kinds, of every app."""
    return [model for model in apps.get_models() if issubclass(model, Leased)]


def lease_expired() -> Q:
    """Return the condition for an expired lease; one too far ahead counts too, as the clock was set back."""
    return Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + LONGEST_LEASE)


def is_due() -> Q:
    """Return the condition for a row that may start; a start in the future means the clock was set back."""
    return Q(not_before=None) | Q(not_before__lte=Now()) | Q(started_at__gt=Now())


def ended(state: State) -> dict[str, Any]:
    """Return the column values of a row that has ended."""
    return {
        "state": state,
        "token": None,
        "lease_until": None,
        "finished_at": Now(),
        "eta_s": None,
        "worker": "",
        "waits_since": None,
    }


def requeued() -> dict[str, Any]:
    """Return the column values of a row that goes back to the queue."""
    return {
        "state": State.QUEUED,
        "token": None,
        "lease_until": None,
        "worker": "",
        "eta_s": None,
        "waits_since": None,
    }


def released() -> dict[str, Any]:
    """Return the column values of a row released at shutdown, with the attempt not counted."""
    return {**requeued(), "attempt": Greatest(F("attempt") - 1, 0)}


def waiting_for(sentence: str) -> dict[str, Any]:
    """Return the column values of a row that waits for what `sentence` names; the attempt is not counted."""
    since = Coalesce(F("waits_since"), Now())
    return {**released(), "waits_since": since, "not_before": Now() + LOOK_AGAIN, "message": sentence}


def backoff() -> Case:
    """Return the time of the next attempt, by the number of attempts so far."""
    first, later = (Now() + timedelta(seconds=seconds) for seconds in BACKOFF_S)
    return Case(When(attempt__lte=1, then=first), default=later, output_field=models.DateTimeField())


class Leased(models.Model):
    """Abstract base of all job kinds: state, lease, attempts and progress."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    queue = models.CharField(max_length=10)
    priority = models.SmallIntegerField(default=0)  # lower comes first
    not_before = models.DateTimeField(null=True, blank=True)
    # counted at claim, so that a job that kills its worker runs out of attempts
    attempt = models.PositiveSmallIntegerField(default=0)
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
    dedupe_key = models.CharField(max_length=100, default=uuid.uuid4)  # at most one open row per key
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    waits_since = models.DateTimeField(null=True, blank=True)  # for something that is not ready; else null

    objects = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints: ClassVar[tuple[models.BaseConstraint, ...]] = (
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
        indexes: ClassVar[tuple[models.Index, ...]] = (
            models.Index(fields=("queue", "state", "priority"), name="%(class)s_queue"),
            models.Index(fields=("owner", "-started_at"), name="%(class)s_served"),
        )

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def percent(self) -> int:
        return self.progress * 100 // PROGRESS_FULL
