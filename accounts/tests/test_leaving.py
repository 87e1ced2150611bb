"""Export and deletion of an account."""

import io
import json
import uuid
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from mixes.jobs.runner import JobKind, run_claimed
from mixes.leases import State
from mixes.models import Artifact, Artwork, Mix, MixJob, Preview, Track, Upload
from mixes.services import storage
from mixes.tests.factories import make_mix_row, make_track_row

pytestmark = pytest.mark.django_db
User = get_user_model()


def put_file(name, content=b"sound"):
    path = storage.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def fill(owner):
    """Create every kind of row a user can have, each with its file; return those files."""
    mix = make_mix_row(owner, tracks=2)
    files = [put_file(track.file, b"song of " + owner.email.encode()) for track in owner.tracks.all()]
    picture = Artwork.objects.create(
        owner=owner,
        name="cover.png",
        file=f"pictures/aa/{uuid.uuid4().hex}",
        shown_file=f"pictures/aa/{uuid.uuid4().hex}",
        size=9,
    )
    files += [put_file(picture.file), put_file(picture.shown_file)]
    job = MixJob.objects.create(
        owner=owner,
        mix=mix,
        title="Mix",
        snapshot={},
        queue="long",
        state=State.DONE,
        check_sheet={},
        finished_at=timezone.now(),
    )
    result = Artifact.objects.create(
        job=job,
        kind="mp3",
        file=f"artifacts/aa/{uuid.uuid4().hex}",
        name="evenings.mp3",
        size=5,
        sha256="0" * 64,
    )
    files.append(put_file(result.file, b"the mix"))
    preview = Preview.objects.create(
        owner=owner,
        kind="track",
        key=uuid.uuid4().hex,
        recipe={"tracks": []},
        queue="short",
        state=State.DONE,
        file=f"previews/aa/{uuid.uuid4().hex}",
        finished_at=timezone.now(),
    )
    files.append(put_file(preview.file))
    arriving = make_track_row(owner, state=Track.State.UPLOADING)
    upload = Upload.objects.create(
        owner=owner, track=arriving, size=10, expires_at=timezone.now() + timedelta(days=7)
    )
    storage.upload_path(upload.pk).write_bytes(b"half")
    scratch = storage.scratch_path("mix", job.pk)
    scratch.mkdir(parents=True)
    (scratch / "mix.wav").write_bytes(b"work")
    return [*files, storage.upload_path(upload.pk), scratch]


def read_export(client, **data):
    answer = client.post(reverse("accounts:export"), data)
    assert answer["Content-Type"] == "application/zip" and "attachment" in answer["Content-Disposition"]
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def test_the_export_has_all_rows_of_the_user_and_no_others(alice, bob, as_alice):
    fill(alice)
    fill(bob)
    archive = read_export(as_alice)
    assert archive.testzip() is None
    tables = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}
    assert tables["account.json"][0]["email"] == "alice@example.org"
    assert len(tables["tracks.json"]) == 3 and len(tables["mix_tracks.json"]) == 2
    assert {row["title"] for row in tables["mixes.json"]} == {"Evenings in the North"}
    assert tables["results.json"][0]["name"] == "evenings.mp3"
    assert "bob" not in "".join(archive.read(name).decode() for name in archive.namelist())
    assert not [name for name in archive.namelist() if name.startswith("tracks/")]


def test_the_export_has_files_on_request(alice, as_alice):
    fill(alice)
    archive = read_export(as_alice, files="on")
    songs = [name for name in archive.namelist() if name.startswith("tracks/")]
    assert len(songs) == 2 and archive.read(songs[0]) == b"song of alice@example.org"
    (result,) = [name for name in archive.namelist() if name.startswith("results/")]
    assert result.endswith("/evenings.mp3") and archive.read(result) == b"the mix"


def test_file_names_in_the_export_cannot_escape_its_folder(alice, as_alice):
    track = make_track_row(alice, name="../../etc/passwd.mp3")
    put_file(track.file)
    (name,) = [name for name in read_export(as_alice, files="on").namelist() if name.startswith("tracks/")]
    assert ".." not in Path(name).parts and name.count("/") == 1


def test_the_export_is_streamed(alice, as_alice):
    track = make_track_row(alice)
    put_file(track.file, bytes(10_000_000))
    answer = as_alice.post(reverse("accounts:export"), {"files": "on"})
    assert max(map(len, answer.streaming_content)) < 1_200_000


def test_deleting_an_account_removes_its_data_and_no_others(alice, bob, as_alice, as_bob):
    mine, theirs = fill(alice), fill(bob)
    assert all(path.exists() for path in mine)
    elsewhere = Client()
    elsewhere.force_login(alice)
    elsewhere.get(reverse("accounts:profile"))
    answer = as_alice.post(reverse("accounts:delete"), {"confirmation": "alice likes records"})
    assert answer.url == reverse("home")
    assert [path for path in mine if path.exists()] == []
    assert [path for path in theirs if not path.exists()] == []
    assert set(User.objects.all()) == {bob}
    assert {mix.owner for mix in Mix.objects.all()} == {bob} and Track.objects.exclude(owner=bob).count() == 0
    assert as_alice.get(reverse("accounts:profile")).status_code == 302
    assert not Session.objects.filter(session_key=elsewhere.session.session_key).exists()
    assert as_bob.get(reverse("accounts:profile")).status_code == 200


def test_a_wrong_password_deletes_nothing(alice, as_alice):
    files = fill(alice)
    answer = as_alice.post(reverse("accounts:delete"), {"confirmation": "guess"})
    assert answer.status_code == 422
    assert all(path.exists() for path in files) and User.objects.filter(pk=alice.pk).exists()


def test_password_guesses_here_are_rate_limited(alice, as_alice):
    guesses = [as_alice.post(reverse("accounts:delete"), {"confirmation": "guess"}) for _ in range(11)]
    assert [guess.status_code for guess in guesses[:10]] == [422] * 10
    assert guesses[10].status_code == 429
    right = as_alice.post(reverse("accounts:delete"), {"confirmation": "alice likes records"})
    assert right.status_code == 429 and User.objects.filter(pk=alice.pk).exists()


def test_a_user_without_a_password_confirms_with_the_address(alice, as_alice):
    alice.set_unusable_password()
    alice.save()
    as_alice.force_login(alice)
    assert as_alice.post(reverse("accounts:delete"), {"confirmation": "yes"}).status_code == 422
    assert (
        as_alice.post(reverse("accounts:delete"), {"confirmation": " Alice@Example.org"}).status_code == 302
    )
    assert not User.objects.exists()


def test_the_last_operator_cannot_be_deleted(alice, bob, as_alice):
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    confirmation = {"confirmation": "alice likes records"}
    answer = as_alice.post(reverse("accounts:delete"), confirmation)
    assert answer.status_code == 422 and "only operator" in answer.content.decode()
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    assert as_alice.post(reverse("accounts:delete"), confirmation).status_code == 302


def test_a_running_worker_does_not_recreate_deleted_data(alice):
    mix = make_mix_row(alice, tracks=1)
    job = MixJob.objects.create(owner=alice, mix=mix, title="Mix", snapshot={}, queue="long")
    token = MixJob.objects.claim(job.pk, "worker")

    def run(run):
        services.delete_account(alice)
        run.beat()
        assert run.stop_reason == "lost"
        return lambda: pytest.fail("a result was written for a deleted user")

    assert run_claimed(JobKind(MixJob, run, pytest.fail), job.pk, token, beats=False) is None
    assert not MixJob.objects.exists() and not Artifact.objects.exists() and not Mix.objects.exists()
