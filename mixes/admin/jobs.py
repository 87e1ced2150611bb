"""Admin of jobs, their files, and workers."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from mixes.admin.reading import LeasedAdmin, ReadOnlyAdmin, apply_to_each, in_words
from mixes.leases import State
from mixes.models import Artifact, MixJob, WorkerNode
from mixes.pages import job_page
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.rendering import mix_requests
from mixes.services.rendering.artifacts import CONTENT_TYPES
from mixes.services.workers import ALIVE_WITHIN

Action = Callable[[admin.ModelAdmin, HttpRequest, QuerySet[MixJob]], None]


@admin.action(description="Retry", permissions=["manage"])
def retry_jobs(model_admin: admin.ModelAdmin, request: HttpRequest, jobs: QuerySet[MixJob]) -> None:
    def again(job: MixJob) -> None:
        mix_requests.remake(job, job.from_stage)

    apply_to_each(model_admin, request, jobs, again, "%d put back into the queue.")


@admin.action(description="Cancel", permissions=["manage"])
def cancel_jobs(model_admin: admin.ModelAdmin, request: HttpRequest, jobs: QuerySet[MixJob]) -> None:
    apply_to_each(model_admin, request, jobs, mix_requests.cancel, "%d cancelled, or ended before.")


def make_again_from(stage: str) -> Action:
    """Return the admin action that makes jobs again from a stage on."""

    @admin.action(description=f"Make again from: {stage}", permissions=["manage"])
    def make_again(model_admin: admin.ModelAdmin, request: HttpRequest, jobs: QuerySet[MixJob]) -> None:
        remake = partial(mix_requests.remake, from_stage=stage)
        apply_to_each(model_admin, request, jobs, remake, f"%d will be made again from {stage} on.")

    make_again.__name__ = f"make_again_from_{stage}"
    return make_again


class ArtifactInline(admin.TabularInline):
    model = Artifact
    extra = 0
    can_delete = False
    fields = readonly_fields = ("kind", "download", "size", "sha256")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="file")
    def download(self, artifact: Artifact) -> str:
        url = reverse("admin:mixes_artifact_file", args=[artifact.pk])
        return format_html('<a href="{}">{}</a>', url, artifact.name)


@admin.register(MixJob)
class MixJobAdmin(LeasedAdmin):
    list_display = (
        "title",
        "shown_state",
        "owner",
        "shown_stage",
        "shown_progress",
        "attempt",
        "duration",
        "queue",
        "created_at",
    )
    list_filter = ("state", "stage", "queue", "from_stage", "created_at")
    list_select_related = ("owner",)
    search_fields = ("title", "owner__email", "error_text", "id")
    date_hierarchy = "created_at"
    long_columns = ("snapshot", "outline", "check_sheet", "notes", "timings_s")
    actions = (retry_jobs, cancel_jobs, *map(make_again_from, filter(None, job_page.STAGE_WORDS)))
    inlines = (ArtifactInline,)
    fieldsets = (
        (None, {"fields": ("title", "owner", "mix", "page", "shown_state", "shown_stage", "shown_progress")}),
        ("Result", {"fields": ("picture", "checked", "shown_notes", "seconds")}),
        ("Errors", {"fields": ("error_code", "error_text", "message")}),
        (
            "Queue",
            {
                "fields": (
                    ("queue", "priority", "place"),
                    ("attempt", "max_attempts", "worker"),
                    ("from_stage", "mail_when_done", "cancel_requested"),
                    ("not_before", "lease_until"),
                    ("created_at", "started_at", "finished_at", "duration"),
                )
            },
        ),
        ("Made from", {"classes": ("collapse",), "fields": ("settings_of_snapshot", "tracks_of_snapshot")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).select_related("owner", "mix").defer("mix__plan")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_open = isinstance(obj, MixJob) and obj.is_open and self.is_own_page(request)
        return super().has_delete_permission(request, obj) and not is_open

    def delete_model(self, request: HttpRequest, obj: MixJob) -> None:
        mix_requests.delete_job(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MixJob]) -> None:
        apply_to_each(self, request, queryset, mix_requests.delete_job, "%d deleted with their files.")

    @admin.display(description="stage", ordering="stage")
    def shown_stage(self, job: MixJob) -> str:
        """Return the stage where the job is, or stopped."""
        if not job.stage or job.state == State.DONE:
            return "-"
        return str(job_page.STAGE_WORDS.get(job.stage, job.stage))

    @admin.display(description="page")
    def page(self, job: MixJob) -> str:
        url = reverse("mixes:job_detail", args=[job.pk])
        return format_html('<a href="{}">{}</a> (for its owner)', url, url)

    @admin.display(description="place in the queue")
    def place(self, job: MixJob) -> str:
        return str(mix_requests.place_in_queue(job) or "-")

    @admin.display(description="timeline")
    def picture(self, job: MixJob) -> str:
        return render_to_string("admin/mixes/mixjob/_timeline.html", {"sheet": job_page.JobPage(job, {})})

    @admin.display(description="check sheet")
    def checked(self, job: MixJob) -> str:
        words = job_page.JobPage(job, {}).checked
        return format_html_join("", "<p>{}: {}</p>", ((word.verdict, word.text) for word, *_ in words)) or "-"

    @admin.display(description="notes")
    def shown_notes(self, job: MixJob) -> str:
        return format_html_join("", "<p>{}</p>", ((note,) for note in job.notes)) or "-"

    @admin.display(description="seconds")
    def seconds(self, job: MixJob) -> str:
        return ", ".join(f"{stage} {took_s:.1f}" for stage, took_s in job.timings_s.items()) or "-"

    @admin.display(description="settings")
    def settings_of_snapshot(self, job: MixJob) -> str:
        left_out = ("timeline", "tracks", "joins")
        facts = ((name, value) for name, value in job.snapshot.items() if name not in left_out)
        return format_html_join("", "<p><b>{}</b> {}</p>", facts)

    @admin.display(description="tracks")
    def tracks_of_snapshot(self, job: MixJob) -> str:
        links = (
            (reverse("admin:mixes_track_change", args=[track["id"]]), track["title"] or track["name"])
            for track in job.snapshot["tracks"]
        )
        return format_html_join("", '<p><a href="{}">{}</a></p>', links)


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "size", "owner", "job", "created_at")
    list_filter = ("kind", "created_at")
    search_fields = ("name", "job__owner__email", "sha256")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows = super().get_queryset(request).select_related("job__owner")
        return rows.defer(*(f"job__{column}" for column in MixJobAdmin.long_columns))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Forbid deleting a single result: results are deleted with their job."""
        return super().has_delete_permission(request, obj) and not self.is_own_page(request)

    def get_urls(self) -> list[URLPattern]:
        sent = self.admin_site.admin_view(self.send_file)
        return [path("<uuid:pk>/file/", sent, name="mixes_artifact_file"), *super().get_urls()]

    def send_file(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
        """Send a result's file to an operator."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        artifact = get_object_or_404(Artifact, pk=pk)
        return ranged_response(
            request,
            storage.path_of(artifact.file),
            content_type=CONTENT_TYPES[artifact.kind],
            filename=artifact.name,
            as_attachment=True,
            etag=artifact.sha256,
        )

    @admin.display(description="owner", ordering="job__owner__email")
    def owner(self, artifact: Artifact) -> Any:
        return artifact.job.owner


@admin.register(WorkerNode)
class WorkerNodeAdmin(ReadOnlyAdmin):
    list_display = ("queue", "host", "pid", "is_alive", "heartbeat", "job", "started_at")
    list_filter = ("queue",)

    @admin.display(description="alive", boolean=True)
    def is_alive(self, node: WorkerNode) -> bool:
        return abs(timezone.now() - node.heartbeat_at) < ALIVE_WITHIN

    @admin.display(description="last heartbeat", ordering="heartbeat_at")
    def heartbeat(self, node: WorkerNode) -> str:
        return f"{in_words(timezone.now() - node.heartbeat_at)} ago"
