"""Admin page for publications: their state, its reason, and actions to resume or end them."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from mixes.admin.reading import LeasedAdmin, apply_to_each
from youtube_integration.models import YouTubePublication
from youtube_integration.pages.publication_page import PublicationPage
from youtube_integration.services import publications


@admin.action(description="Resume", permissions=["manage"])
def resume(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[Model]) -> None:
    apply_to_each(model_admin, request, rows, publications.resume, "%d resumed.")


@admin.action(description="Give up", permissions=["manage"])
def give_up(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[Model]) -> None:
    apply_to_each(model_admin, request, rows, publications.give_up, "%d given up.")


@admin.action(description="Reconcile: search the channel for the video again", permissions=["manage"])
def reconcile(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[Model]) -> None:
    apply_to_each(
        model_admin, request, rows, publications.reconcile, "%d will be searched for on its channel."
    )


@admin.register(YouTubePublication)
class YouTubePublicationAdmin(LeasedAdmin):
    list_display = (
        "title",
        "shown_state",
        "phase",
        "reason",
        "owner",
        "channel_title",
        "sent",
        "attempt",
        "not_before",
        "created_at",
    )
    list_filter = ("state", "phase", "error_code", "privacy", "created_at")
    list_select_related = ("owner",)
    search_fields = ("title", "owner__email", "video_id", "channel_id", "error_text", "google_reason", "id")
    date_hierarchy = "created_at"
    long_columns = ("description", "tags", "notes", "processing", "pace", "sealed_session")
    actions = (resume, give_up, reconcile)
    fieldsets = (
        (None, {"fields": ("title", "owner", "page", "video", "shown_state", "phase", "sent")}),
        ("Reason", {"fields": ("error_code", "google_reason", "error_text", "message", "shown_notes")}),
        (
            "Video",
            {
                "fields": (
                    ("channel_title", "channel_id"),
                    ("privacy", "privacy_actual", "publish_at"),
                    ("category", "made_for_kids", "altered_content", "notify_subscribers"),
                    ("thumbnail_state", "playlist", "playlist_state"),
                    "description",
                    "tags",
                )
            },
        ),
        (
            "Transfer",
            {
                "fields": (
                    ("size", "offset", "sha256"),
                    ("session_opened_at", "final_sent_at", "restarts"),
                    ("failures", "failing_since", "looks"),
                    "processing",
                )
            },
        ),
        (
            "Queue",
            {
                "fields": (
                    ("queue", "priority", "cancel_requested"),
                    ("attempt", "max_attempts", "worker"),
                    ("not_before", "lease_until"),
                    ("created_at", "started_at", "finished_at", "duration"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).select_related("owner")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Allow deletion only of closed rows: an open one has files and may have a worker."""
        is_open = isinstance(obj, YouTubePublication) and obj.is_open
        return super().has_delete_permission(request, obj) and not is_open

    @admin.display(description="reason", ordering="error_code")
    def reason(self, row: YouTubePublication) -> str:
        return ", ".join(filter(None, (row.error_code, row.google_reason))) or "-"

    @admin.display(description="sent", ordering="offset")
    def sent(self, row: YouTubePublication) -> str:
        if not row.size:
            return "-"
        percent = PublicationPage(row).percent
        return format_html('<progress max="100" value="{}"></progress> {} %', percent, percent)

    @admin.display(description="page")
    def page(self, row: YouTubePublication) -> str:
        url = reverse("youtube:publication", args=[row.pk])
        return format_html('<a href="{}">{}</a> (for its owner)', url, url)

    @admin.display(description="video")
    def video(self, row: YouTubePublication) -> str:
        url = PublicationPage(row).video_url
        return format_html('<a href="{}" rel="noreferrer">{}</a>', url, url) if url else "-"

    @admin.display(description="notes")
    def shown_notes(self, row: YouTubePublication) -> str:
        return format_html_join("", "<p>{}</p>", ((note,) for note in row.notes)) or "-"
