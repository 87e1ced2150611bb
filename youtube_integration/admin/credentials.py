"""Admin pages for connected channels and pending revocations; no page shows a token."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from mixes.admin.reading import ReadOnlyAdmin
from youtube_integration.models import PendingRevocation, YouTubeCredential
from youtube_integration.services import channels


@admin.register(YouTubeCredential)
class YouTubeCredentialAdmin(ReadOnlyAdmin):
    """Read-only rows; deleting one disconnects its channel, at Google too."""

    list_display = ("channel_title", "user", "state", "granted_at", "last_ok_at", "channel_read_at")
    list_filter = ("state", "long_uploads", "granted_at")
    list_select_related = ("user",)
    search_fields = ("channel_title", "channel_id", "user__email")
    fields = readonly_fields = (
        "user",
        "state",
        "channel_id",
        "channel_title",
        "channel_picture",
        "uploads_playlist",
        "long_uploads",
        "scopes",
        "connected_at",
        "granted_at",
        "channel_read_at",
        "last_ok_at",
        "lost_at",
    )
    long_columns = ("sealed_tokens",)

    def delete_model(self, request: HttpRequest, obj: YouTubeCredential) -> None:
        channels.disconnect(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[YouTubeCredential]) -> None:
        for credential in queryset:
            channels.disconnect(credential)


@admin.register(PendingRevocation)
class PendingRevocationAdmin(ReadOnlyAdmin):
    """Grants whose revocation Google has not confirmed yet."""

    list_display = ("created_at", "owner_key", "tries", "not_before")
    fields = readonly_fields = ("owner_key", "tries", "not_before", "created_at")
    long_columns = ("sealed_tokens",)
