"""Files of plain forms: each becomes a track or a sentence, and is received on the media disk."""

from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mixes.models import AnalysisJob, Mix, Track
from mixes.services import storage
from mixes.services.library.form_uploads import MediaDiskHandler

SONG = b"not really music " * 1_000


def songs(*names, data=SONG):
    return [SimpleUploadedFile(name, data) for name in names]


def sentences(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_each_file_becomes_a_track_at_the_end_of_the_mix(as_alice, alice):
    mix = Mix.objects.create(owner=alice, title="Night")
    response = as_alice.post("/uploads/form/", {"files": songs("a.mp3", "b.mp3"), "mix": mix.pk})
    assert response.headers["Location"] == f"/mixes/{mix.pk}/"
    tracks = [item.track for item in mix.items.select_related("track")]
    assert [track.name for track in tracks] == ["a.mp3", "b.mp3"]
    assert all(storage.path_of(track.file).read_bytes() == SONG for track in tracks)
    assert AnalysisJob.objects.filter(state="queued").count() == 2
    assert sentences(response) == ["Files added: 2. They are being listened to."]


def test_a_bad_file_does_not_stop_the_others(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(file_bytes=20_000)
    files = [*songs("empty.mp3", data=b""), *songs("good.mp3"), *songs("large.mp3", data=b"x" * 50_000)]
    response = as_alice.post("/uploads/form/", {"files": files})
    assert [track.name for track in Track.objects.all()] == ["good.mp3"]
    reported = sentences(response)
    assert reported[0].startswith("empty.mp3: This file is empty.")
    assert "large.mp3: it is larger than a file may be: 19.5\xa0KB." in reported
    assert response.headers["Location"] == "/tracks/"


def test_a_form_leaves_no_temporary_files(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(file_bytes=20_000)
    as_alice.post("/uploads/form/", {"files": [*songs("b.mp3", data=b"x" * 50_000), *songs("a.mp3")]})
    assert list(storage.uploads_folder().iterdir()) == []


def test_a_form_accepts_at_most_twenty_files(as_alice):
    response = as_alice.post("/uploads/form/", {"files": songs(*(f"{k}.mp3" for k in range(22)))})
    assert Track.objects.count() == 20
    assert sum("at most 20 files at once" in sentence for sentence in sentences(response)) == 2


def test_a_full_disk_is_reported_for_each_file(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(free_disk_bytes=1 << 60)
    response = as_alice.post("/uploads/form/", {"files": songs("a.mp3", "b.mp3")})
    assert sentences(response) == [f"{name}.mp3: the site's disk is almost full." for name in "ab"]
    assert list(storage.uploads_folder().iterdir()) == []


def test_an_empty_file_form_is_reported(as_alice):
    assert sentences(as_alice.post("/uploads/form/")) == ["Choose one or more files first."]


def test_files_of_signed_out_visitors_are_not_written(db, monkeypatch):
    written = []
    monkeypatch.setattr(MediaDiskHandler, "file_complete", lambda self, size: written.append(size))
    visitor, token = Client(enforce_csrf_checks=True), "a" * 32  # checking the CSRF token reads the form
    visitor.cookies["csrftoken"] = token
    response = visitor.post("/uploads/form/", {"files": songs("a.mp3"), "csrfmiddlewaretoken": token})
    assert response.status_code == 302
    assert "/accounts/login/" in response.headers["Location"]
    assert written == []


def test_a_file_is_received_on_the_media_disk(as_alice, monkeypatch):
    folders = []
    complete = MediaDiskHandler.file_complete

    def watched(self, size):
        file = complete(self, size)
        folders.append(Path(file.path).parent)
        return file

    monkeypatch.setattr(MediaDiskHandler, "file_complete", watched)
    as_alice.post("/uploads/form/", {"files": songs("a.mp3")})
    assert folders == [storage.uploads_folder()]


@pytest.mark.parametrize(("method", "status"), [("get", 405), ("put", 405)])
def test_the_form_requires_post(as_alice, method, status):
    assert getattr(as_alice, method)("/uploads/form/").status_code == status


def test_the_form_requires_a_csrf_token(alice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post("/uploads/form/", {"files": songs("a.mp3")}).status_code == 403
    assert not Track.objects.exists()


def test_another_users_mix_does_not_exist(as_bob, alice):
    mix = Mix.objects.create(owner=alice, title="Night")
    assert as_bob.post("/uploads/form/", {"files": songs("a.mp3"), "mix": mix.pk}).status_code == 404
    assert not Track.objects.exists()


def test_a_form_that_wants_no_files_takes_none(as_alice, monkeypatch):
    written = []
    receive = MediaDiskHandler.receive_data_chunk
    monkeypatch.setattr(MediaDiskHandler, "receive_data_chunk", lambda *sent: written.append(receive(*sent)))
    answer = as_alice.post("/mixes/new/", {"title": "Night", "files": songs("a.mp3", "b.mp3")})
    assert answer.status_code == 302 and Mix.objects.count() == 1
    assert written == [] and list(storage.uploads_folder().iterdir()) == []


def test_a_form_takes_no_more_than_its_owner_may_keep(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(storage_bytes=40_000)
    response = as_alice.post("/uploads/form/", {"files": songs("a.mp3", "b.mp3", "c.mp3")})
    assert Track.objects.count() == 2
    [reported] = [sentence for sentence in sentences(response) if sentence.startswith("c.mp3")]
    assert "there is no room for it: 5.9\xa0KB of your 39.1\xa0KB are free. Delete tracks" in reported
    assert list(storage.uploads_folder().iterdir()) == []


def test_a_picture_form_takes_one_picture(as_alice, alice, settings):
    mix = Mix.objects.create(owner=alice, title="Night")
    settings.LIMITS = type(settings.LIMITS)(picture_bytes=10_000)
    place = f"/mixes/{mix.pk}/artwork/"
    [too_large] = sentences(as_alice.post(place, {"picture": songs("a.png")}))
    assert too_large == "a.png: a picture may have 9.8\xa0KB at most."
    assert list(storage.uploads_folder().iterdir()) == []
