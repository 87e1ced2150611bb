"""Publications that wait for a mix, abandoned folders, and secrets in logs."""

import logging
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from mixes.leases import State
from mixes.models import MixJob
from mixes.queues import PUBLISH
from mixes.services import storage
from mixes.tasks import KINDS
from mixes.tests.factories import make_artifact_row, make_job_row, make_mix_row
from youtube_integration.jobs import publication_job, queue, upload, work
from youtube_integration.models import HELD, YouTubeCredential, YouTubePublication
from youtube_integration.security.sealing import owner_key, seal, unseal
from youtube_integration.services import video_files
from youtube_integration.services.credentials import tokens_of
from youtube_integration.tests.publications import BLOCK, connect, drive, make_publication, run_once

pytestmark = pytest.mark.django_db
Phase = YouTubePublication.Phase


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch):
    monkeypatch.setattr(upload, "CHUNK_BYTES", BLOCK)
    monkeypatch.setattr(work, "MAX_PAUSE_S", 0.0)


@pytest.fixture
def clean_up(django_capture_on_commit_callbacks):
    def clean_up():
        with django_capture_on_commit_callbacks(execute=True):
            publication_job.clean_up()

    return clean_up


def wait_for(job, credential, **fields):
    """A publication requested before its mix is made."""
    return YouTubePublication.objects.create(
        owner=job.owner,
        queue=PUBLISH,
        credential=credential,
        channel_id=credential.channel_id,
        channel_title=credential.channel_title,
        job=job,
        mix=job.mix,
        title=job.title,
        description="as it was",
        phase=Phase.WAITING_FOR_MIX,
        not_before=HELD,
        **fields,
    )


def finish(job, *, files):
    done = make_job_row(job.mix, State.DONE, files=files)  # a row with the files of a finished job
    columns = {"state": State.DONE, "check_sheet": done.check_sheet, "finished_at": timezone.now()}
    MixJob.objects.filter(pk=job.pk).update(**columns)
    done.artifacts.update(job=job)
    job.refresh_from_db()


def test_the_queue_of_publications_is_served():
    assert queue.KIND in KINDS[PUBLISH]


def test_a_waiting_publication_starts_when_its_mix_is_made(google, alice, clean_up):
    job = make_job_row(make_mix_row(alice))
    publication = wait_for(job, connect(google, alice))
    clean_up()
    publication.refresh_from_db()
    assert (publication.phase, publication.not_before) == (Phase.WAITING_FOR_MIX, HELD)
    finish(job, files=("mp4",))
    clean_up()
    drive(publication)
    artifact = job.artifacts.get(kind="mp4")
    assert (publication.state, publication.description) == (State.DONE, "as it was")
    assert google.videos[publication.video_id]["sha256"] == artifact.sha256


def test_a_description_that_follows_the_mix_is_the_one_that_was_made(google, alice, clean_up):
    job = make_job_row(make_mix_row(alice))
    publication = wait_for(job, connect(google, alice), description_follows=True)
    finish(job, files=("mp4", "description"))
    clean_up()
    publication.refresh_from_db()
    assert publication.phase == Phase.UPLOADING
    assert publication.description.strip() == f"description of {job.title}, 0:00 first song"


@pytest.mark.parametrize("files", [(), ("mp3",)])
def test_a_mix_without_a_video_fails_the_waiting_publication(google, alice, clean_up, files):
    job = make_job_row(make_mix_row(alice))
    publication = wait_for(job, connect(google, alice))
    finish(job, files=files)
    clean_up()
    publication.refresh_from_db()
    assert (publication.state, publication.error_code) == (State.FAILED, "no_mix")
    assert "without a video" in publication.error_text


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_mix_that_is_not_made_fails_the_waiting_publication(google, alice, clean_up, settings, state):
    settings.HAS_MAIL = True
    job = make_job_row(make_mix_row(alice), state)
    publication = wait_for(job, connect(google, alice))
    clean_up()
    clean_up()
    publication.refresh_from_db()
    assert publication.state == State.FAILED and "The mix was not made" in publication.error_text
    assert len(mail.outbox) == 1


def test_a_deleted_mix_fails_the_waiting_publication(google, alice, clean_up):
    job = make_job_row(make_mix_row(alice))
    publication = wait_for(job, connect(google, alice))
    job.mix.delete()
    clean_up()
    publication.refresh_from_db()
    assert publication.state == State.FAILED and "deleted" in publication.error_text


def test_deleting_a_mix_keeps_the_video_of_an_open_publication(google, alice):
    job = make_job_row(make_mix_row(alice), State.DONE)
    artifact = make_artifact_row(job, "mp4")
    publication = wait_for(job, connect(google, alice))
    video_files.store(publication, artifact)
    publication.phase, publication.not_before = Phase.UPLOADING, None
    publication.save()
    job.mix.delete()
    storage.remove(artifact.file)
    publication.refresh_from_db()
    drive(publication)
    assert publication.state == State.DONE
    assert google.videos[publication.video_id]["sha256"] == artifact.sha256


def test_a_video_is_stored_as_a_hard_link(google, alice):
    artifact = make_artifact_row(make_job_row(make_mix_row(alice), State.DONE), "mp4")
    publication = YouTubePublication(owner=alice)
    for _ in range(2):  # a retry repeats it
        video_files.store(publication, artifact)
    path = video_files.path_of(publication)
    assert path.samefile(storage.path_of(artifact.file))
    assert publication.file == f"scratch/publish-{publication.pk.hex}/video.mp4"
    assert (publication.size, publication.sha256) == (artifact.size, artifact.sha256)
    assert video_files.is_unchanged(publication)
    video_files.remove(publication)
    video_files.remove(publication)
    assert not path.parent.exists() and storage.path_of(artifact.file).exists()


def test_old_folders_of_ended_publications_are_removed(google, alice, clean_up, monkeypatch):
    going = make_publication(connect(google, alice))
    ended = make_publication(connect(google, alice))
    YouTubePublication.objects.filter(pk=ended.pk).update(state=State.CANCELLED, finished_at=timezone.now())
    clean_up()
    assert video_files.path_of(ended).exists()  # it may belong to a row being written
    monkeypatch.setattr(publication_job, "ABANDONED_AFTER_S", -1.0)
    clean_up()
    assert [video_files.path_of(publication).exists() for publication in (going, ended)] == [True, False]


def test_a_disconnected_channel_holds_the_publication(google, alice, clean_up):
    credential = connect(google, alice)
    publication = make_publication(credential, size=BLOCK)
    YouTubeCredential.objects.all().delete()
    publication = run_once(YouTubePublication.objects.get())
    assert publication.phase == Phase.NEEDS_RECONNECT
    google.manner.channel_id = "UCanother"
    connect(google, alice)
    clean_up()
    publication.refresh_from_db()
    assert publication.not_before == HELD  # the video is not for that channel
    google.manner.channel_id = "UCstandin"
    connect(google, alice)
    clean_up()
    drive(publication)
    assert publication.state == State.DONE


def test_only_a_working_grant_resumes_publications(google, alice, clean_up):
    credential = connect(google, alice)
    publication = make_publication(credential, phase=Phase.NEEDS_RECONNECT, not_before=HELD)
    YouTubeCredential.objects.update(state=YouTubeCredential.State.RECONNECT)
    clean_up()
    publication.refresh_from_db()
    assert publication.not_before == HELD


def test_no_secret_is_logged(google, alice, caplog, capsys):
    """A canary in every secret, through refusals, refreshes, lost grants and a crash, at the lowest level."""
    caplog.set_level(logging.DEBUG)
    credential = connect(google, alice)
    publication = make_publication(credential, thumbnail=True)
    secrets = {tokens_of(credential).access, tokens_of(credential).refresh}
    google.fail("start", reason="backendError")
    google.fail("chunk", nth=2, reason="authError")
    google.fail("chunk", nth=4, drop="rst")
    google.fail("status", reason="backendError")
    google.fail("thumbnail", reason="forbidden")
    run_once(publication)
    YouTubePublication.objects.update(not_before=None)
    run_once(publication)
    addresses = [unseal(owner_key(alice.pk), YouTubePublication.objects.get().sealed_session)["address"]]
    drive(publication)
    crashed = make_publication(credential, size=BLOCK, sealed_session=seal(owner_key(alice.pk), {}))
    run_once(crashed)
    google.end_grants()
    run_once(make_publication(credential, size=BLOCK))
    secrets |= {
        *addresses,
        *google.access,
        *google.refresh,
        tokens_of(YouTubeCredential.objects.get()).access,
    }
    secrets |= {address.rpartition("upload_id=")[2] for address in addresses}
    said = caplog.text + "".join(capsys.readouterr()) + "".join(map(str, caplog.records))
    assert "A job failed." in said and publication.state == State.DONE
    assert not [secret for secret in secrets if secret in said]
    assert not [word for word in ("ya29.", "1//0", "upload_id", "Bearer ", "GOCSPX") if word in said]


def test_a_publication_names_no_secret_in_its_row(google, alice):
    google.fail("chunk", nth=2, drop="fin")
    publication = run_once(make_publication(connect(google, alice)))
    row_text = " ".join(str(value) for value in YouTubePublication.objects.values_list().get())
    assert "upload_id" not in row_text and google.base not in row_text
    assert publication.sealed_session and publication.not_before - timezone.now() < timedelta(seconds=2)
