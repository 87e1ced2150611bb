"""URLs of tracks, mixes, jobs and their files."""

from django.urls import URLPattern, path

from mixes.views import (
    artifacts,
    bin,
    jobs,
    joins,
    mixes,
    pictures,
    previews,
    track_detail,
    tracks,
    uploads,
)

app_name = "mixes"
urlpatterns: list[URLPattern] = [
    # mixes, their joins and the bin
    path("mixes/", mixes.mix_list, name="mix_list"),
    path("mixes/new/", mixes.mix_create, name="mix_create"),
    path("mixes/demo/", mixes.mix_demo, name="mix_demo"),
    path("mixes/<uuid:mix_pk>/", mixes.mix_detail, name="mix_detail"),
    path("mixes/<uuid:mix_pk>/state/", mixes.mix_state, name="mix_state"),
    path("mixes/<uuid:mix_pk>/edit/", mixes.mix_edit, name="mix_edit"),
    path("mixes/<uuid:mix_pk>/settings/", mixes.mix_settings, name="mix_settings"),
    path("mixes/<uuid:mix_pk>/look/", mixes.mix_look, name="mix_look"),
    path("mixes/<uuid:mix_pk>/add/", mixes.mix_add, name="mix_add"),
    path("mixes/<uuid:mix_pk>/duplicate/", mixes.mix_duplicate, name="mix_duplicate"),
    path("mixes/<uuid:mix_pk>/delete/", mixes.mix_delete, name="mix_delete"),
    path("mixes/<uuid:mix_pk>/restore/", mixes.mix_restore, name="mix_restore"),
    path("mixes/<uuid:mix_pk>/joins/<uuid:item_pk>/", joins.join, name="join"),
    path("mixes/<uuid:mix_pk>/joins/<uuid:item_pk>/preview/", joins.join_preview, name="join_preview"),
    path("bin/", bin.bin_page, name="bin"),
    # tracks, uploads, previews and pictures
    path("tracks/", tracks.track_list, name="track_list"),
    path("tracks/states/", tracks.track_states, name="track_states"),
    path("tracks/<uuid:track_pk>/", tracks.track_edit, name="track_edit"),
    path("tracks/<uuid:track_pk>/row/", tracks.track_row, name="track_row"),
    path("tracks/<uuid:track_pk>/delete/", tracks.track_delete, name="track_delete"),
    path("tracks/<uuid:track_pk>/restore/", tracks.track_restore, name="track_restore"),
    path("tracks/<uuid:track_pk>/retry/", tracks.track_retry, name="track_retry"),
    path("tracks/<uuid:track_pk>/original/", tracks.track_original, name="track_original"),
    path("tracks/<uuid:track_pk>/detail/", track_detail.track_detail, name="track_detail"),
    path("tracks/<uuid:track_pk>/preview/", previews.track_preview, name="track_preview"),
    path("uploads/", uploads.upload_create, name="upload_create"),
    path("uploads/form/", uploads.upload_form, name="upload_form"),
    path("uploads/<uuid:upload_pk>/", uploads.upload, name="upload"),
    path("uploads/<uuid:upload_pk>/remove/", tracks.upload_remove, name="upload_remove"),
    path("previews/<uuid:preview_pk>/", previews.preview_status, name="preview_status"),
    path("previews/<uuid:preview_pk>/sound/", previews.preview_file, name="preview_file"),
    path("mixes/<uuid:mix_pk>/artwork/", pictures.artwork, name="artwork"),
    path("artworks/<uuid:artwork_pk>/", pictures.artwork_image, name="artwork_image"),
    # jobs and their results
    path("mixes/<uuid:mix_pk>/make/", jobs.mix_make, name="mix_make"),
    path("jobs/<uuid:job_pk>/", jobs.job_detail, name="job_detail"),
    path("jobs/<uuid:job_pk>/status/", jobs.job_status, name="job_status"),
    path("jobs/<uuid:job_pk>/cancel/", jobs.job_cancel, name="job_cancel"),
    path("jobs/<uuid:job_pk>/retry/", jobs.job_retry, name="job_retry"),
    path("jobs/<uuid:job_pk>/delete/", jobs.job_delete, name="job_delete"),
    path("jobs/<uuid:job_pk>/mail/", jobs.job_mail, name="job_mail"),
    path("jobs/<uuid:job_pk>/timeline/", jobs.job_timeline, name="job_timeline"),
    path("artifacts/<uuid:artifact_pk>/", artifacts.artifact, name="artifact"),
    path("artifacts/<uuid:artifact_pk>/download/", artifacts.artifact_download, name="artifact_download"),
]
