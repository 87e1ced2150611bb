"""One job per mix, limits as sentences, and actions on jobs."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from mixes.engine.mixing.settings import Use
from mixes.leases import State
from mixes.models import AnalysisJob, Artifact, Mix, MixJob, MixTrack, Track
from mixes.models.snapshot_format import upgraded
from mixes.pages import look_page
from mixes.services import storage
from mixes.services.limits import LimitReached
from mixes.services.rendering import mix_requests, snapshots
from mixes.tests.factories import make_artifact_row, make_job_row, make_mix_row, make_track_row
from mixtape_site.configuration.limits import Limits

pytestmark = pytest.mark.django_db


def test_repeated_presses_make_one_job(mix):
    first = mix_requests.request_mix(mix)
    assert mix_requests.request_mix(mix).pk == first.pk
    assert (MixJob.objects.count(), first.state, first.queue) == (1, State.QUEUED, "long")


def test_of_two_presses_at_once_the_second_gets_the_first_ones_job(mix, monkeypatch):
    first = mix_requests.request_mix(mix)
    monkeypatch.setattr(mix_requests, "open_job", lambda mix: None)  # it looked before the first job existed
    assert mix_requests.request_mix(mix).pk == first.pk


def test_a_snapshot_contains_all_inputs_of_the_job(mix):
    job = mix_requests.request_mix(mix, mail=True)
    assert job.mail_when_done
    assert job.snapshot["title"] == job.title == "Evenings in the North"
    assert [track["sha256"] for track in job.snapshot["tracks"]] == [
        item.track.sha256 for item in mix.items.select_related("track")
    ]
    assert len(job.snapshot["timeline"]["clips"]) == 3
    assert len(job.outline["clips"]) == 3


def test_a_job_is_planned_with_the_uses_of_its_snapshot(mix, monkeypatch):
    MixTrack.objects.filter(position=1).update(cue_in_s=3.5, gain_db=-2.0)
    snapshot = mix_requests.request_mix(mix).snapshot
    monkeypatch.setattr(snapshots, "sources_of", lambda snapshot: ())
    assert snapshots.to_request(snapshot).uses == (Use(), Use(3.5, None, -2.0), Use())
    older = {name: value for name, value in snapshot.items() if name not in ("format", "uses")}
    assert snapshots.to_request(upgraded(older)).uses == ()


@pytest.mark.parametrize("state", [Track.State.UPLOADING, Track.State.ANALYSING])
def test_songs_being_uploaded_are_named_and_block_the_mix(alice, state):
    tracks = [make_track_row(alice, title, state=state) for title in ("Aria", "Bolero", "Canon")]
    mix = make_mix_row(alice, tracks=[make_track_row(alice), *tracks])
    with pytest.raises(LimitReached, match="“Band - Aria”, “Band - Bolero” and 1 more are not ready yet"):
        mix_requests.request_mix(mix)


def test_a_refused_song_is_left_out(alice):
    mix = make_mix_row(
        alice, tracks=[make_track_row(alice), make_track_row(alice, state=Track.State.REFUSED)]
    )
    with pytest.raises(LimitReached, match=r"cannot be used\. Make the mix without it"):
        mix_requests.request_mix(mix)  # the owner did not agree
    job = mix_requests.request_mix(mix, accepted_missing=1)
    assert len(job.snapshot["tracks"]) == 1 and len(job.snapshot["left_out"]) == 1


def test_an_empty_mix_is_not_made(alice):
    with pytest.raises(LimitReached, match="no song"):
        mix_requests.request_mix(make_mix_row(alice, tracks=0))


def test_too_many_open_jobs_of_one_owner_are_refused(alice, bob, mix, settings):
    settings.LIMITS = Limits(jobs_running=1)
    make_job_row(make_mix_row(bob), State.RUNNING)
    job = make_job_row(make_mix_row(alice), State.RUNNING)
    with pytest.raises(LimitReached, match="1 mix of yours is being made already"):
        mix_requests.request_mix(mix)
    MixJob.objects.filter(pk=job.pk).delete()
    assert mix_requests.request_mix(mix)


def test_a_mix_larger_than_the_free_storage_is_refused(mix, settings):
    settings.LIMITS = Limits(storage_bytes=5_000_000)
    with pytest.raises(LimitReached, match=r"may take up to .* free"):
        mix_requests.request_mix(mix)
    settings.LIMITS = Limits(free_disk_bytes=1 << 60)
    with pytest.raises(LimitReached, match="disk is too full"):
        mix_requests.request_mix(mix)


def test_a_waiting_job_is_cancelled_at_once_and_leaves_no_folder(mix, django_capture_on_commit_callbacks):
    job = make_job_row(mix)
    folder = storage.scratch_path("mix", job.pk)
    folder.mkdir(parents=True)
    with django_capture_on_commit_callbacks(execute=True):
        assert mix_requests.cancel(job)
    job.refresh_from_db()
    assert job.state == State.CANCELLED and not folder.exists()


def test_a_running_job_is_asked_to_stop_and_keeps_its_folder_until_then(
    mix, django_capture_on_commit_callbacks
):
    job = make_job_row(mix, State.RUNNING)
    folder = storage.scratch_path("mix", job.pk)
    folder.mkdir(parents=True)
    with django_capture_on_commit_callbacks(execute=True):
        assert mix_requests.cancel(job)
    job.refresh_from_db()
    assert job.state == State.RUNNING and job.cancel_requested and folder.exists()


def test_an_ended_job_cannot_be_cancelled(mix):
    assert not mix_requests.cancel(make_job_row(mix, State.DONE))


def test_a_retried_job_has_all_its_attempts(mix):
    job = make_job_row(mix, State.FAILED, attempt=3)
    mix_requests.retry(job)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.error_text) == (State.QUEUED, 0, "")


def test_a_job_is_not_retried_while_another_is_open(mix):
    job = make_job_row(mix, State.FAILED)
    make_job_row(mix)
    with pytest.raises(LimitReached, match="being made already"):
        mix_requests.retry(job)
    job.refresh_from_db()
    assert job.state == State.FAILED


def test_a_job_made_again_from_a_stage_keeps_its_files(mix):
    job = make_job_row(mix, State.DONE, files=["mp3"])
    mix_requests.remake(job, "video")
    job.refresh_from_db()
    assert (job.state, job.from_stage, job.artifacts.count()) == (State.QUEUED, "video", 1)
    with pytest.raises(LimitReached):
        mix_requests.remake(job, "video")
    with pytest.raises(ValueError, match="no stage"):
        mix_requests.remake(job, "nonsense")


def test_deleting_a_job_removes_only_its_files(mix, django_capture_on_commit_callbacks):
    job, other = make_job_row(mix, State.DONE), make_job_row(mix, State.DONE)
    path, kept = (storage.path_of(make_artifact_row(row).file) for row in (job, other))
    with django_capture_on_commit_callbacks(execute=True):
        mix_requests.delete_job(job)
    assert not path.exists() and kept.exists()
    assert list(Artifact.objects.values_list("job", flat=True)) == [other.pk]


def test_files_stay_when_the_deletion_is_rolled_back(mix):
    job = make_job_row(mix, State.DONE)
    path = storage.path_of(make_artifact_row(job).file)
    with transaction.atomic():
        mix_requests.delete_job(job)
        transaction.set_rollback(True)
    assert path.exists()


def test_an_open_job_is_not_deleted(mix):
    job = make_job_row(mix)
    with pytest.raises(LimitReached, match="Cancel it first"):
        mix_requests.delete_job(job)
    assert MixJob.objects.exists()


def test_places_in_the_queue_follow_the_fair_order(alice, bob):
    running = make_job_row(make_mix_row(alice), State.RUNNING)
    second, first = make_job_row(make_mix_row(alice)), make_job_row(make_mix_row(bob))
    assert mix_requests.place_in_queue(first) == 1  # bob was not served within the last hour
    assert mix_requests.place_in_queue(second) == 2
    assert mix_requests.place_in_queue(running) is None


def test_a_job_waiting_for_its_next_attempt_has_no_place(mix):
    job = make_job_row(mix, not_before=timezone.now() + timedelta(minutes=1))
    assert mix_requests.place_in_queue(job) is None


@pytest.mark.parametrize(
    ("eta_s", "text"),
    [
        (None, ""),
        (0, "a few seconds left"),
        (12, "about 10 s left"),
        (89, "about 90 s left"),
        (100, "about 2 minutes left"),
        (3600, "about 60 minutes left"),
    ],
)
def test_the_remaining_time_is_shown_in_words(eta_s, text):
    assert mix_requests.remaining_text(MixJob(eta_s=eta_s)) == text


def test_songs_to_be_reanalysed_are_named_and_block_the_mix(mix):
    AnalysisJob.objects.filter(track=mix.items.get(position=1).track).update(version=0)
    with pytest.raises(LimitReached, match="is not ready yet"):
        mix_requests.request_mix(mix)


def test_the_date_of_a_description_matches_its_preview(mix):
    Mix.objects.update(description_template="{date}")
    mix.refresh_from_db()
    shown = look_page.look_page(mix).words.text.strip()
    assert mix_requests.request_mix(mix).snapshot["date"] == shown
    assert shown == f"{timezone.localdate():%-d %B %Y}"
