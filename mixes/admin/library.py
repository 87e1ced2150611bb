"""Admin of tracks and their analyses, uploads, mixes and previews."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mixes.admin.reading import LeasedAdmin, ReadOnlyAdmin, apply_to_each
from mixes.models import AnalysisJob, Mix, MixTrack, Preview, Track, Upload
from mixes.services.analyses import request_analysis
from mixes.services.editing import edits
from mixes.services.library import tracks
from mixes.services.wording import clock, loudness

DETAILS = (  # keys of an analysis shown to operators
    "rate",
    "frames",
    "codec",
    "channels",
    "integrated_lufs",
    "range_lu",
    "true_peak_dbtp",
    "damaged_places",
    "repaired_samples",
    "cues",
    "tags",
)


@admin.action(description="Listen again", permissions=["manage"])
def reanalyse(model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[Track]) -> None:
    uploaded = rows.exclude(state=Track.State.UPLOADING)
    apply_to_each(model_admin, request, uploaded, request_analysis, "%d will be analysed again.")


class AnalysisInline(admin.TabularInline):
    model = AnalysisJob
    extra = 0
    can_delete = False
    fields = readonly_fields = ("version", "state", "attempt", "error_text", "started_at", "finished_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).defer("result", "detail")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Track)
class TrackAdmin(ReadOnlyAdmin):
    list_display = ("label", "owner", "state", "length", "shown_loudness", "shown_size", "created_at")
    list_filter = ("state", "tags_edited", ("deleted_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("owner",)
    search_fields = ("title", "artist", "album", "name", "owner__email", "sha256", "id")
    date_hierarchy = "created_at"
    long_columns = ("waveform", "notes")
    actions = (reanalyse,)
    inlines = (AnalysisInline,)
    fieldsets = (
        (None, {"fields": ("owner", "state", "problem", "name", "shown_size", "sha256", "file")}),
        (
            "Names",
            {
                "fields": (
                    "title",
                    "artist",
                    "album",
                    "album_artist",
                    "disc_number",
                    "track_number",
                    "tags_edited",
                )
            },
        ),
        ("Measured", {"fields": ("length", "shown_loudness", "picture", "shown_notes", "analysis")}),
        ("Dates", {"fields": ("created_at", "deleted_at")}),
    )

    def delete_model(self, request: HttpRequest, obj: Track) -> None:
        tracks.purge_track(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Track]) -> None:
        apply_to_each(self, request, queryset, tracks.purge_track, "%d deleted with their files.")

    @admin.display(description="track", ordering="title")
    def label(self, track: Track) -> str:
        return track.label

    @admin.display(description="length", ordering="duration_s")
    def length(self, track: Track) -> str:
        return clock(track.duration_s)

    @admin.display(description="loudness", ordering="integrated_lufs")
    def shown_loudness(self, track: Track) -> str:
        return "-" if track.integrated_lufs is None else loudness(track.integrated_lufs)

    @admin.display(description="size", ordering="size")
    def shown_size(self, track: Track) -> str:
        return filesizeformat(track.size)

    @admin.display(description="waveform")
    def picture(self, track: Track) -> str:
        if not track.waveform:
            return "-"
        return format_html(
            '<svg viewBox="0 0 400 100" width="400" height="60" preserveAspectRatio="none">'
            '<path d="{}" fill="#9cc"/><path d="{}" fill="#1d6a6a"/></svg>',
            track.waveform["peaks"],
            track.waveform["body"],
        )

    @admin.display(description="notes")
    def shown_notes(self, track: Track) -> str:
        return format_html_join("", "<p>{}</p>", ((note,) for note in track.notes)) or "-"

    @admin.display(description="analysis")
    def analysis(self, track: Track) -> SafeString | str:
        known = AnalysisJob.objects.filter(track=track, result__isnull=False).defer("detail")
        newest = known.order_by("-version").first()
        if newest is None or newest.result is None:
            return "-"
        facts = ((name, newest.result.get(name)) for name in DETAILS)
        return format_html_join("", "<p><b>{}</b> {}</p>", facts)


@admin.register(AnalysisJob)
class AnalysisJobAdmin(LeasedAdmin):
    list_display = (
        "track",
        "shown_state",
        "owner",
        "version",
        "shown_progress",
        "attempt",
        "duration",
        "queue",
    )
    list_filter = ("state", "version", "created_at")
    search_fields = ("track__title", "track__name", "owner__email", "error_text", "id")
    date_hierarchy = "created_at"
    exclude = ("result", "detail")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows = super().get_queryset(request).select_related("owner", "track")
        return rows.defer("result", "detail", "track__waveform")


@admin.register(Preview)
class PreviewAdmin(LeasedAdmin):
    list_display = ("kind", "shown_state", "owner", "shown_size", "attempt", "duration", "used_at")
    list_filter = ("state", "kind", "created_at")
    list_select_related = ("owner",)
    search_fields = ("owner__email", "error_text", "id")
    long_columns = ("recipe",)

    @admin.display(description="size", ordering="size")
    def shown_size(self, preview: Preview) -> str:
        return filesizeformat(preview.size)


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("track", "owner", "arrived", "created_at", "finished_at", "expires_at")
    list_filter = (("finished_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("track__name", "owner__email", "id")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).select_related("owner", "track").defer("track__waveform")

    @admin.display(description="arrived")
    def arrived(self, upload: Upload) -> str:
        percent = upload.offset * 100 // max(1, upload.size)
        return f"{percent} % of {filesizeformat(upload.size)}"


class MixTrackInline(admin.TabularInline):
    model = MixTrack
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "position",
        "track",
        "join_style",
        "join_s",
        "join_auto",
        "play_to_end",
        "join_into",
        "cue_in_s",
        "cue_out_s",
        "gain_db",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).select_related("track").defer("track__waveform")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Mix)
class MixAdmin(ReadOnlyAdmin):
    list_display = ("title", "owner", "songs", "length", "version", "updated_at", "deleted_at")
    list_filter = (("deleted_at", admin.EmptyFieldListFilter), "make_mp4", "style", "updated_at")
    list_select_related = ("owner",)
    search_fields = ("title", "artist", "owner__email", "id")
    date_hierarchy = "created_at"
    inlines = (MixTrackInline,)
    exclude = ("plan", "plan_key", "bars")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        songs = MixTrack.objects.filter(mix=OuterRef("pk")).order_by().values("mix")
        counted = Subquery(songs.annotate(count=Count("pk")).values("count"))
        mixes = super().get_queryset(request).defer("plan", "bars")
        listed: QuerySet[Model] = mixes.annotate(song_count=Coalesce(counted, 0))
        return listed

    def delete_model(self, request: HttpRequest, obj: Mix) -> None:
        edits.purge_mix(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Mix]) -> None:
        apply_to_each(self, request, queryset, edits.purge_mix, "%d deleted with their files.")

    @admin.display(description="songs", ordering="song_count")
    def songs(self, mix: Any) -> int:
        count: int = mix.song_count
        return count

    @admin.display(description="length", ordering="duration_s")
    def length(self, mix: Mix) -> str:
        return clock(mix.duration_s)
