"""Files of plain forms: each one a track or a sentence, on the media's own disk all the while."""

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
    told = sentences(response)
    assert told[0].startswith("empty.mp3: This file is empty.")
    assert "large.mp3: it is larger than a file may be." in told
    assert response.headers["Location"] == "/tracks/"


def test_nothing_of_a_form_stays_among_the_files_on_their_way(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(file_bytes=20_000)
    as_alice.post("/uploads/form/", {"files": [*songs("b.mp3", data=b"x" * 50_000), *songs("a.mp3")]})
    assert list(storage.uploads_folder().iterdir()) == []


def test_twenty_files_at_once_are_the_most(as_alice):
    response = as_alice.post("/uploads/form/", {"files": songs(*(f"{k}.mp3" for k in range(22)))})
    assert Track.objects.count() == 20
    assert sum("20 files at once are the most" in sentence for sentence in sentences(response)) == 2


def test_a_full_disk_is_told_for_each_file(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(free_disk_bytes=1 << 60)
    response = as_alice.post("/uploads/form/", {"files": songs("a.mp3", "b.mp3")})
    assert sentences(response) == [f"{name}.mp3: the site's disk is almost full." for name in "ab"]
    assert list(storage.uploads_folder().iterdir()) == []


def test_without_a_file_the_form_says_so(as_alice):
    assert sentences(as_alice.post("/uploads/form/")) == ["Choose one or more files first."]


def test_files_of_visitors_are_not_even_written(db, monkeypatch):
    written = []
    monkeypatch.setattr(MediaDiskHandler, "file_complete", lambda self, size: written.append(size))
    visitor, token = Client(enforce_csrf_checks=True), "a" * 32  # to look for the token, the form is read
    visitor.cookies["csrftoken"] = token
    response = visitor.post("/uploads/form/", {"files": songs("a.mp3"), "csrfmiddlewaretoken": token})
    assert response.status_code == 302
    assert "/accounts/login/" in response.headers["Location"]
    assert written == []


def test_while_it_comes_a_file_lies_on_the_disk_it_will_stay_on(as_alice, monkeypatch):
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
def test_the_form_is_posted(as_alice, method, status):
    assert getattr(as_alice, method)("/uploads/form/").status_code == status


def test_the_form_needs_its_token(alice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post("/uploads/form/", {"files": songs("a.mp3")}).status_code == 403
    assert not Track.objects.exists()


def test_somebody_elses_mix_does_not_exist(as_bob, alice):
    mix = Mix.objects.create(owner=alice, title="Night")
    assert as_bob.post("/uploads/form/", {"files": songs("a.mp3"), "mix": mix.pk}).status_code == 404
    assert not Track.objects.exists()
