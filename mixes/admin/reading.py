"""Base classes of the admin: rows can be viewed and acted on, not edited."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from mixes.leases import Leased
from mixes.services.limits import LimitReached


class ReadOnlyAdmin(admin.ModelAdmin):
    """Admin of rows that only the site itself writes."""

    show_full_result_count = False
    list_per_page = 50
    long_columns: tuple[str, ...] = ()  # JSON columns that lists do not load

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        in_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.defer(*self.long_columns) if in_list else rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def is_own_page(self, request: HttpRequest) -> bool:
        """Return whether the request is for this model's own pages, not for another model's cascade."""
        meta, match = self.model._meta, request.resolver_match
        return match is not None and str(match.url_name).startswith(f"{meta.app_label}_{meta.model_name}_")

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Return whether the user's role may change such rows, and so run actions on them."""
        meta = self.model._meta
        return request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}")


class LeasedAdmin(ReadOnlyAdmin):
    """Admin of job rows."""

    @admin.display(description="state", ordering="state")
    def shown_state(self, job: Leased) -> str:
        stopping = " (stopping)" if job.cancel_requested and job.is_open else ""
        return f"{job.get_state_display()}{stopping}"

    @admin.display(description="progress", ordering="progress")
    def shown_progress(self, job: Leased) -> str:
        if not job.is_open:
            return "-"
        return format_html('<progress max="1000" value="{}"></progress> {} %', job.progress, job.percent)

    @admin.display(description="duration")
    def duration(self, job: Leased) -> str:
        if job.started_at is None:
            return "-"
        return in_words((job.finished_at or timezone.now()) - job.started_at)


def in_words(length: timedelta) -> str:
    """Return a duration as H:MM:SS, without microseconds.

    A negative duration counts as zero: the clock was set back meanwhile.
    """
    return str(timedelta(seconds=max(0, round(length.total_seconds()))))


def apply_to_each(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    rows: Iterable[Any],
    act: Callable[[Any], object],
    done: str,
) -> None:
    """Apply an action to each chosen row, and report the rows it failed for."""
    count = 0
    for row in rows:
        try:
            act(row)
            count += 1
        except LimitReached as error:
            model_admin.message_user(request, f"{row}: {error}", messages.WARNING)
    if count:
        model_admin.message_user(request, done % count, messages.SUCCESS)
