"""The admin: what it shows, what it does, and a constant number of queries."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mixes.leases import State
from mixes.models import Artifact, MixJob, Preview, Track, Upload, WorkerNode
from mixes.services import storage
from mixes.tests.factories import (
    make_artifact_row,
    make_artwork_row,
    make_job_row,
    make_mix_row,
    make_track_row,
)

pytestmark = pytest.mark.django_db
MODELS = (
    "mixes_mixjob",
    "mixes_artifact",
    "mixes_track",
    "mixes_mix",
    "mixes_upload",
    "mixes_preview",
    "mixes_analysisjob",
    "mixes_workernode",
    "accounts_user",
)


@pytest.fixture
def as_operator(db):
    client = Client()
    operator = get_user_model().objects.create_superuser("operator@example.org", "operates the site")
    client.force_login(operator)
    client.get(reverse("admin:index"))  # the first request notes the session
    return client


@pytest.fixture
def done(mix):
    return make_job_row(mix, State.DONE, files=["mp3"], timings_s={"render": 12.3}, notes=["A note."])


def fill(owner):
    """Create one more row of everything, for a separate user."""
    mix = make_mix_row(owner, tracks=1)
    make_job_row(mix, State.DONE, files=["mp3"])
    track = make_track_row(owner, state=Track.State.UPLOADING)
    expires_at = timezone.now() + timedelta(days=1)
    Upload.objects.create(owner=owner, track=track, size=10, offset=5, expires_at=expires_at)
    Preview.objects.create(owner=owner, kind="track", key=str(track.pk), recipe={}, queue="short")
    pid = WorkerNode.objects.count() + 1
    WorkerNode.objects.create(queue="long", host="here", pid=pid, heartbeat_at=timezone.now())


def list_of(model):
    return reverse(f"admin:{model}_changelist")


def page_of(row):
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def act(client, action, *jobs):
    data = {"action": action, "_selected_action": [job.pk for job in jobs]}
    return client.post(list_of("mixes_mixjob"), data, follow=True)


@pytest.mark.parametrize("model", MODELS)
def test_a_long_list_needs_no_more_queries_than_a_short_one(
    model, as_operator, alice, django_assert_num_queries, django_assert_max_num_queries
):
    users = get_user_model().objects
    fill(alice)
    with django_assert_max_num_queries(15) as few:
        assert as_operator.get(list_of(model)).status_code == 200
    for number in range(4):
        fill(users.create_user(f"user{number}@example.org", "password"))
    with django_assert_num_queries(len(few.captured_queries)) as many:
        as_operator.get(list_of(model))
    long_columns = (
        '"snapshot"',
        '"outline"',
        '"check_sheet"',
        '"waveform"',
        '"result"',
        '"plan"',
        '"recipe"',
    )
    assert not [
        query for query in many.captured_queries if any(name in query["sql"] for name in long_columns)
    ]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("query", ["alice", "0d9f", "%", "2d9c6f5e-6a3a-4a4f-9d2b-0a1b2c3d4e5f"])
def test_every_list_can_be_searched(model, query, as_operator, alice):
    fill(alice)
    assert as_operator.get(list_of(model), {"q": query}).status_code == 200


def test_a_job_is_shown_with_timeline_check_sheet_and_files(as_operator, done):
    page = as_operator.get(page_of(done)).content.decode()
    for words in ("<svg", "as YouTube plays it", "A note.", "render 12.3", "evenings-in-the-north.mp3"):
        assert words in page
    assert "style=" not in page.split('id="content-main"')[1]
    assert 'name="_save"' not in page


def test_an_operator_gets_the_files_of_a_result(as_operator, as_alice, done):
    url = reverse("admin:mixes_artifact_file", args=[done.artifacts.get().pk])
    response = as_operator.get(url)
    assert b"".join(response) == storage.path_of(done.artifacts.get().file).read_bytes()
    assert response["Content-Disposition"].startswith("attachment")
    assert as_alice.get(url).status_code == 302


def test_failed_jobs_are_requeued(as_operator, mix):
    job = make_job_row(mix, State.FAILED)
    assert b"1 put back into the queue." in act(as_operator, "retry_jobs", job).content
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_jobs_are_cancelled(as_operator, mix):
    job = make_job_row(mix)
    act(as_operator, "cancel_jobs", job)
    job.refresh_from_db()
    assert job.state == State.CANCELLED


@pytest.mark.parametrize("stage", ["draw", "render", "video", "write", "check"])
def test_jobs_are_made_again_from_each_stage(stage, as_operator, done):
    act(as_operator, f"make_again_from_{stage}", done)
    done.refresh_from_db()
    assert (done.state, done.from_stage) == (State.QUEUED, stage)


def test_failures_of_an_action_are_reported_and_the_rest_is_done(as_operator, alice, mix):
    open_job, failed = make_job_row(mix), make_job_row(make_mix_row(alice), State.FAILED)
    page = act(as_operator, "retry_jobs", open_job, failed).content.decode()
    assert "It is still being made." in page and "1 put back into the queue." in page


def test_view_only_users_cannot_run_actions(alice, mix):
    from django.contrib.auth.models import Permission

    alice.is_staff = True
    alice.save()
    alice.user_permissions.add(Permission.objects.get(codename="view_mixjob"))
    client = Client()
    client.force_login(alice)
    job = make_job_row(mix, State.FAILED)
    act(client, "retry_jobs", job)
    job.refresh_from_db()
    assert job.state == State.FAILED
    url = reverse("admin:mixes_artifact_file", args=[make_artifact_row(job).pk])
    assert client.get(url).status_code == 403


def test_deleting_a_job_deletes_its_files(as_operator, done, django_capture_on_commit_callbacks):
    path = storage.path_of(done.artifacts.get().file)
    with django_capture_on_commit_callbacks(execute=True):
        as_operator.post(reverse("admin:mixes_mixjob_delete", args=[done.pk]), {"post": "yes"}, follow=True)
    assert not MixJob.objects.exists() and not path.exists()


def test_deleting_several_jobs_deletes_their_files(as_operator, done, django_capture_on_commit_callbacks):
    path = storage.path_of(done.artifacts.get().file)
    with django_capture_on_commit_callbacks(execute=True):
        data = {"action": "delete_selected", "_selected_action": [done.pk], "post": "yes"}
        as_operator.post(list_of("mixes_mixjob"), data)
    assert not Artifact.objects.exists() and not path.exists()


def test_a_track_is_shown_with_its_analysis_and_its_errors(as_operator, alice):
    track = make_track_row(alice, "Rain")
    page = as_operator.get(page_of(track)).content.decode()
    assert "true_peak_dbtp" in page and "<svg" in page
    refused = make_track_row(alice, "Wind", state=Track.State.REFUSED, problem="It is silent.")
    assert "It is silent." in as_operator.get(page_of(refused)).content.decode()


def test_tracks_are_analysed_again(as_operator, alice):
    track = make_track_row(alice, "Rain")
    data = {"action": "reanalyse", "_selected_action": [track.pk]}
    as_operator.post(list_of("mixes_track"), data)
    assert track.analyses.get().state == State.QUEUED


def test_a_silent_worker_is_shown_as_dead(as_operator):
    for pid, minutes in ((1, 0), (2, 5)):
        heard = timezone.now() - timedelta(minutes=minutes)
        WorkerNode.objects.create(queue="long", host="here", pid=pid, heartbeat_at=heard)
    page = as_operator.get(list_of("mixes_workernode")).content.decode()
    assert page.count("icon-yes") == 1 and page.count("icon-no") == 1


def test_the_storage_of_each_user_is_summed_up_once(as_operator, alice, done):
    make_artwork_row(alice)  # 1,000 bytes and three tracks of a million each
    page = as_operator.get(list_of("accounts_user")).content.decode()
    assert "2.9\xa0MB" in page


def test_a_user_made_in_the_admin_can_sign_in(as_operator):
    password = "a password of some length"
    data = {
        "email": "new@example.org",
        "usable_password": "true",
        "password1": password,
        "password2": password,
    }
    as_operator.post(reverse("admin:accounts_user_add"), data)
    user = get_user_model().objects.get(email="new@example.org")
    assert user.check_password(password)
    assert user.emailaddress_set.get().verified


def test_deleting_a_user_deletes_their_files_and_the_last_operator_stays(
    as_operator, alice, done, django_capture_on_commit_callbacks
):
    path = storage.path_of(done.artifacts.get().file)
    users = get_user_model().objects
    everybody = list(users.values_list("pk", flat=True))
    with django_capture_on_commit_callbacks(execute=True):
        data = {"action": "delete_selected", "_selected_action": everybody, "post": "yes"}
        page = as_operator.post(list_of("accounts_user"), data, follow=True).content.decode()
    assert list(users.values_list("email", flat=True)) == ["operator@example.org"]
    assert not path.exists() and "The last operator stays" in page


def test_django_q2_keeps_its_own_pages(as_operator):
    for model in ("django_q_success", "django_q_failure", "django_q_ormq"):
        assert as_operator.get(list_of(model)).status_code == 200
