"""URLs of publishing to YouTube."""

from django.urls import path

from youtube_integration.views import connect, kit, publications, publish

app_name = "youtube"
urlpatterns = [
    path("", connect.channel, name="channel"),
    path("connect/", connect.connect, name="connect"),
    path("callback/", connect.callback, name="callback"),
    path("disconnect/", connect.disconnect, name="disconnect"),
    path("setup/", connect.setup, name="setup"),
    path("playlists/", publish.playlists, name="playlists"),
    path("mixes/<uuid:mix_pk>/make/", publish.make, name="make"),
    path("jobs/<uuid:job_pk>/", publish.publish, name="publish"),
    path("jobs/<uuid:job_pk>/chapters/", publish.chapters, name="chapters"),
    path("jobs/<uuid:job_pk>/look-again/", publish.recheck, name="look_again"),
    path("jobs/<uuid:job_pk>/thumbnail/", publish.thumbnail, name="thumbnail"),
    path("jobs/<uuid:job_pk>/kit/", kit.kit, name="kit"),
    path("jobs/<uuid:job_pk>/kit.zip", kit.kit_zip, name="kit_zip"),
    path("publications/<uuid:publication_pk>/", publications.publication, name="publication"),
    path("publications/<uuid:publication_pk>/status/", publications.status, name="status"),
    path("publications/<uuid:publication_pk>/cancel/", publications.cancel, name="cancel"),
    path("publications/<uuid:publication_pk>/resume/", publications.resume, name="resume"),
    path("publications/<uuid:publication_pk>/review/", publications.review, name="review"),
    path("publications/<uuid:publication_pk>/edit/", publish.edit, name="edit"),
    path(
        "publications/<uuid:publication_pk>/thumbnail/",
        publications.publication_thumbnail,
        name="publication_thumbnail",
    ),
]
