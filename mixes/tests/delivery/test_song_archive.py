"""Songs of a finished mix as files of their own: together they are the mix, each with its names."""

import io
import zipfile

import numpy as np
import pytest
from django.urls import reverse
from mutagen.id3 import ID3

from mixes.engine.tests.signals import decode_file
from mixes.engine.tracklist.chapters import Chapter
from mixes.jobs import mix_job
from mixes.jobs.runner import JobKind, run_claimed
from mixes.leases import State
from mixes.models import Artifact, MixJob
from mixes.services import storage
from mixes.services.delivery.song_archive import parts_of
from mixes.services.rendering import mix_requests
from mixes.tests.factories import make_job_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(mix_of_sounds, django_capture_on_commit_callbacks):
    mix_of_sounds.artist = "Ada"
    mix_of_sounds.save()
    job = mix_requests.request_mix(mix_of_sounds)
    kind = JobKind(MixJob, mix_job.handle, mix_job.on_failure)
    with django_capture_on_commit_callbacks(execute=True):
        run_claimed(kind, job.pk, MixJob.objects.claim(job.pk, "test"), beats=False)
    return MixJob.objects.get(pk=job.pk)


def songs_of(client, job):
    answer = client.get(reverse("mixes:job_songs", args=[job.pk]))
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == 'attachment; filename="weather-songs.zip"'
    return zipfile.ZipFile(io.BytesIO(b"".join(answer)))


def test_the_songs_are_the_mix_in_order_with_their_names(made, as_alice, tmp_path):
    archive = songs_of(as_alice, made)
    assert archive.testzip() is None
    names = ["weather/01-band-rain.mp3", "weather/02-band-wind.mp3"]
    assert archive.namelist() == [*names, "weather/weather.m3u8"]
    archive.extractall(tmp_path)

    mp3 = storage.path_of(Artifact.objects.get(job=made, kind="mp3").file)
    rate = made.snapshot["timeline"]["rate"]
    heard = np.concatenate([decode_file(tmp_path / name, rate) for name in names])
    assert np.array_equal(heard, decode_file(mp3, rate))

    tags = [ID3(tmp_path / name) for name in names]
    fields = ("TIT2", "TALB", "TPE2", "TRCK")
    assert [[str(tag[field]) for field in fields] for tag in tags] == [
        ["Rain", "Weather", "Ada", "1/2"],
        ["Wind", "Weather", "Ada", "2/2"],
    ]
    assert tags[0].getall("APIC")[0].data == ID3(mp3).getall("APIC")[0].data
    assert not tags[0].getall("CHAP")
    playlist = archive.read("weather/weather.m3u8").decode().splitlines()
    listed = [f"weather/{line}" for line in playlist if not line.startswith("#")]
    assert listed == names
    assert list(storage.uploads_folder().iterdir()) == []


def test_a_damaged_mix_is_not_cut_but_explained(mix, as_alice):
    job = make_job_row(mix, State.DONE, files=("mp3",))  # a text instead of an MP3
    answer = as_alice.get(reverse("mixes:job_songs", args=[job.pk]), follow=True)
    assert answer.redirect_chain == [(reverse("mixes:job_detail", args=[job.pk]), 302)]
    assert "missing or damaged" in answer.content.decode()


def test_a_video_alone_has_no_songs_to_take(mix, as_alice):
    job = make_job_row(mix, State.DONE, files=("mp4",))
    address = reverse("mixes:job_songs", args=[job.pk])
    assert as_alice.get(address).status_code == 404
    assert address not in as_alice.get(reverse("mixes:job_detail", args=[job.pk])).content.decode()


def test_a_song_without_a_moment_of_its_own_has_no_file():
    songs = [Chapter(start, start / 100, title, "") for start, title in ((0, "A"), (500, "B"), (500, "C"))]
    parts = parts_of(songs, 900)
    assert [(part.start, part.end, part.name) for part in parts] == [
        (0, 500, "01-a.mp3"),
        (500, 900, "03-c.mp3"),
    ]


def test_every_tracklist_is_offered_in_one_place_and_sent_as_a_file(mix, as_alice):
    job = make_job_row(mix, State.DONE, files=("mp3", "cue"))
    page = as_alice.get(reverse("mixes:job_detail", args=[job.pk])).content.decode()
    for form, name in (("csv", "tracklist.csv"), ("podlove", "psc.xml"), ("mixcloud", "mixcloud.txt")):
        address = reverse("mixes:job_tracklist", args=[job.pk, form])
        assert address in page
        answer = as_alice.get(address)
        assert answer["Content-Disposition"].startswith("attachment")
        assert name in answer["Content-Disposition"]
        assert all(item.track.title in answer.content.decode() for item in mix.items.select_related("track"))
    assert as_alice.get(reverse("mixes:job_tracklist", args=[job.pk, "other"])).status_code == 404
