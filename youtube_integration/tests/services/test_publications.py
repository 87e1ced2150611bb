"""Actions of an owner on publications: request, edit, cancel, resume, review."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from mixes.leases import State
from mixes.models import MixJob, Track
from mixes.services import storage
from mixes.services.limits import LimitReached
from mixes.services.rendering import mix_requests
from mixes.tests.factories import make_artifact_row, make_job_row, make_mix_row, make_track_row
from youtube_integration.google.types import VideoDetails
from youtube_integration.jobs import publication_job
from youtube_integration.models import HELD, YouTubeCredential, YouTubePublication
from youtube_integration.services import publications, reviews
from youtube_integration.services.drafts import draft_of
from youtube_integration.services.thumbnails import MAX_BYTES
from youtube_integration.tests.publications import connect, drive
from youtube_integration.tests.results import VIDEO, as_pixels, make_result, video_of

pytestmark = pytest.mark.django_db
Phase = YouTubePublication.Phase
WORDS = VideoDetails("Evenings", "0:00 A\n1:00 B\n2:00 C", ("mix",))


@pytest.fixture
def publication(credential, job):
    return publications.request_publication(job.owner, job, WORDS)


def fresh(publication):
    publication.refresh_from_db()
    return publication


def change(publication, **columns):
    YouTubePublication.objects.filter(pk=publication.pk).update(**columns)
    return fresh(publication)


def failed(publication, **columns):
    """Leave the row as a worker does when YouTube refused the video."""
    change(publication, state=State.FAILED, finished_at=timezone.now(), error_text="No.", **columns)
    storage.remove_folder(storage.scratch_path("publish", publication.pk))
    return fresh(publication)


def test_a_request_creates_a_row_with_the_video_and_a_picture(publication, job):
    video = storage.path_of(publication.file)
    assert video.read_bytes() == VIDEO
    assert video.samefile(storage.path_of(video_of(job).file)), "not a second copy on the disk"
    assert (publication.size, publication.sha256) == (10_240, video_of(job).sha256)
    thumbnail = storage.path_of(publication.thumbnail).read_bytes()
    assert len(thumbnail) < MAX_BYTES and as_pixels(thumbnail).size == (1280, 720)
    assert publication.thumbnail_state == "wanted" and publication.playlist_state == ""
    assert (publication.phase, publication.state) == (Phase.UPLOADING, State.QUEUED)


def test_the_video_outlives_its_deleted_mix(google, publication, job):
    mix_requests.delete_job(job)
    job.mix.delete()
    drive(fresh(publication))
    assert publication.state == State.DONE and len(google.videos) == 1


def test_pressing_twice_makes_one_row(publication, job):
    again = publications.request_publication(job.owner, job, VideoDetails("Another title"))
    assert again.pk == publication.pk and again.title == "Evenings"
    assert YouTubePublication.objects.count() == 1


def test_two_presses_at_the_same_moment_make_one_row(monkeypatch, publication, job):
    monkeypatch.setattr(publications, "open_publication", lambda owner, job: None)
    again = publications.request_publication(job.owner, job, WORDS)
    assert again.pk == publication.pk
    folders = list(storage.path_of("scratch").glob("publish-*"))
    assert [folder.name for folder in folders] == [f"publish-{publication.pk.hex}"]


def test_a_published_mix_can_be_published_again(google, publication, job):
    drive(publication)
    again = publications.request_publication(job.owner, job, WORDS)
    drive(again)
    assert again.pk != publication.pk and len(google.videos) == 2


def test_a_refused_request_raises_a_sentence(google, alice, job):
    with pytest.raises(LimitReached, match="Connect your YouTube channel"):
        publications.request_publication(alice, job, WORDS)
    connect(google, alice)
    with pytest.raises(LimitReached, match="at most 100 characters"):
        publications.request_publication(alice, job, VideoDetails("x" * 101))
    silent = make_job_row(make_mix_row(alice), State.DONE, files=("mp3",))
    with pytest.raises(LimitReached, match="without a video"):
        publications.request_publication(alice, silent, WORDS)
    storage.path_of(video_of(job).file).unlink()
    with pytest.raises(LimitReached, match="was deleted"):
        publications.request_publication(alice, job, WORDS)
    assert not YouTubePublication.objects.exists()
    assert not list(storage.path_of("scratch").glob("publish-*"))


# While the mix is being made


@pytest.fixture
def open_job(alice):
    return make_job_row(make_mix_row(alice, make_mp4=True), State.RUNNING)


def finish(job, description="0:00 As it was rendered\n"):
    MixJob.objects.filter(pk=job.pk).update(
        state=State.DONE, token=None, lease_until=None, finished_at=timezone.now(), check_sheet={}
    )
    make_artifact_row(job, "mp4", b"moving pictures")
    make_artifact_row(job, "description", description.encode())


def test_a_mix_that_is_being_made_is_published_when_it_is_done(google, credential, open_job):
    row = publications.request_publication(
        open_job.owner, open_job, draft_of(open_job), description_follows=True
    )
    assert (row.phase, row.not_before, row.file) == (Phase.WAITING_FOR_MIX, HELD, "")
    publication_job.clean_up()
    assert fresh(row).phase == Phase.WAITING_FOR_MIX
    finish(open_job)
    publication_job.clean_up()
    assert fresh(row).description == "0:00 As it was rendered\n"
    drive(row)
    assert row.state == State.DONE
    video = google.videos[row.video_id]
    assert video["snippet"]["description"] == row.description


def test_an_edited_description_is_not_rewritten(credential, open_job):
    row = publications.request_publication(open_job.owner, open_job, WORDS)
    finish(open_job)
    publication_job.clean_up()
    assert (fresh(row).description, row.phase) == (WORDS.description, Phase.UPLOADING)


def test_a_mix_made_without_a_video_cannot_be_requested(credential, alice):
    silent = make_job_row(make_mix_row(alice), State.RUNNING)
    with pytest.raises(LimitReached, match="without a video"):
        publications.request_publication(alice, silent, WORDS)


def test_a_mix_can_be_made_again_with_a_video(alice):
    mix = make_mix_row(alice)
    job = publications.make_with_video(mix)
    mix.refresh_from_db()
    assert mix.make_mp4 and "mp4" in job.snapshot["formats"]
    assert publications.make_with_video(mix).pk == job.pk


def test_a_mix_that_cannot_be_made_is_not_changed(alice):
    tracks = [make_track_row(alice), make_track_row(alice, state=Track.State.REFUSED)]
    mix = make_mix_row(alice, tracks=tracks)
    with pytest.raises(LimitReached, match="without it"):
        publications.make_with_video(mix)
    mix.refresh_from_db()
    assert not mix.make_mp4
    assert publications.make_with_video(mix, accepted_missing=1).state == State.QUEUED


# Edit, cancel, resume


def test_refused_details_are_edited_and_sent(google, publication):
    google.fail("start", reason="invalidTitle")
    drive(publication)
    assert (publication.state, publication.google_reason) == (State.FAILED, "invalidTitle")
    publications.edit_and_retry(publication, VideoDetails("A better title"))
    assert not fresh(publication).error_text
    drive(publication)
    assert google.videos[publication.video_id]["snippet"]["title"] == "A better title"


def test_details_can_be_edited_until_youtube_has_them(publication):
    publications.edit_and_retry(
        publication, VideoDetails("Later", privacy="unlisted"), thumbnail=b"\xff\xd8 mine"
    )
    assert (fresh(publication).title, publication.privacy) == ("Later", "unlisted")
    assert storage.path_of(publication.thumbnail).read_bytes() == b"\xff\xd8 mine"
    change(publication, session_opened_at=timezone.now())
    assert not publications.can_edit(publication)
    with pytest.raises(LimitReached, match="already started"):
        publications.edit_and_retry(publication, VideoDetails("Too late"))
    assert fresh(publication).title == "Later"


def test_a_failed_upload_resumes_its_session_if_the_file_is_unchanged(google, publication):
    session = {"sealed_session": "sealed", "session_opened_at": timezone.now(), "offset": 5}
    failed(publication, **session)
    publications.resume(publication)
    assert fresh(publication).sealed_session == "sealed" and publication.offset == 5
    assert storage.path_of(publication.file).is_file()
    failed(publication, sha256="of another video")
    publications.resume(publication)
    assert fresh(publication).sealed_session == "" and publication.offset == 0


def test_an_upload_does_not_resume_with_another_file(publication, job):
    """`reprocess` made the mix again after the last bytes of the first video had been sent."""
    failed(publication, session_opened_at=timezone.now(), final_sent_at=timezone.now(), offset=9000)
    video_of(job).delete()
    make_artifact_row(job, "mp4", VIDEO[::-1])
    with pytest.raises(LimitReached, match="made again, and"):
        publications.resume(publication)
    assert (fresh(publication).state, publication.offset) == (State.FAILED, 9000)


def test_open_publications_are_limited(settings, publication, job, alice):
    """Each keeps a video on the disk that no longer counts against any user once its mix is deleted."""
    settings.LIMITS = replace(settings.LIMITS, publications_open=1)
    other = make_result(alice)
    with pytest.raises(LimitReached, match="Enough videos are being published"):
        publications.request_publication(alice, other, WORDS)
    failed(publication)
    second = publications.request_publication(alice, other, WORDS)
    with pytest.raises(LimitReached, match="Enough videos are being published"):
        publications.resume(publication)
    assert fresh(publication).state == State.FAILED
    publications.cancel(second)
    publications.resume(publication)
    assert fresh(publication).is_open


def test_resuming_without_need_raises_a_sentence(publication, job):
    with pytest.raises(LimitReached, match="nothing to resume"):
        publications.resume(publication)
    failed(publication)
    job.artifacts.all().delete()
    with pytest.raises(LimitReached, match="was deleted"):
        publications.resume(publication)
    make_artifact_row(job, "mp4")
    other = publications.request_publication(job.owner, job, WORDS)
    with pytest.raises(LimitReached, match="being published already"):
        publications.resume(publication)
    assert other.pk != publication.pk and fresh(publication).state == State.FAILED


def test_resuming_ends_a_wait(publication):
    change(publication, phase=Phase.WAITING, not_before=timezone.now() + timedelta(hours=9), failures=3)
    publications.resume(publication)
    assert (fresh(publication).phase, publication.not_before, publication.failures) == ("uploading", None, 0)


def test_a_publication_with_a_lost_grant_resumes_only_with_a_new_one(google, publication, credential):
    change(publication, phase=Phase.NEEDS_RECONNECT, not_before=HELD)
    YouTubeCredential.objects.update(state=YouTubeCredential.State.RECONNECT)
    with pytest.raises(LimitReached):
        publications.resume(publication)
    connect(google, publication.owner)
    publications.resume(publication)
    assert fresh(publication).not_before is None


def test_cancelling_ends_a_row_and_removes_its_files(django_capture_on_commit_callbacks, publication):
    with django_capture_on_commit_callbacks(execute=True):
        assert publications.cancel(publication)
    assert fresh(publication).state == State.CANCELLED
    assert not storage.scratch_path("publish", publication.pk).exists()


@pytest.mark.parametrize("stop", [publications.cancel, publications.give_up])
def test_stopping_a_waiting_publication_deletes_its_session(
    django_capture_on_commit_callbacks, publication, stop
):
    change(publication, sealed_session="sealed", phase=Phase.WAITING)
    with django_capture_on_commit_callbacks(execute=True):
        stop(publication)
    assert (fresh(publication).state, publication.sealed_session) == (State.CANCELLED, "")


def test_nothing_is_cancelled_once_a_video_may_exist(publication):
    change(publication, final_sent_at=timezone.now())
    assert not publications.can_cancel(publication) and not publications.cancel(publication)
    assert fresh(publication).is_open


# Review: is the video there?


@pytest.fixture
def asked(publication):
    return change(
        publication,
        phase=Phase.NEEDS_REVIEW,
        not_before=HELD,
        session_opened_at=timezone.now(),
        final_sent_at=timezone.now(),
        offset=10_240,
    )


def put_on_channel(google, publication):
    """Create the video on YouTube without a record here; return its id."""
    drive(publication)
    video_id = publication.video_id
    change(publication, state=State.QUEUED, finished_at=None, video_id=None, phase=Phase.NEEDS_REVIEW)
    return video_id


def test_review_accepts_the_video_on_the_channel(google, publication):
    video_id = put_on_channel(google, publication)
    change(publication, phase=Phase.NEEDS_REVIEW, not_before=HELD)
    reviews.accept_video(publication, f"https://www.youtube.com/watch?v={video_id}&t=10s")
    drive(fresh(publication))
    assert (publication.state, publication.video_id) == (State.DONE, video_id)
    assert len(google.videos) == 1


def test_review_uploads_again_without_a_video(google, asked):
    reviews.upload_again(asked)
    drive(fresh(asked))
    assert asked.state == State.DONE and len(google.videos) == 1


def test_review_refuses_a_wrong_link(google, asked):
    strange = ("[abc", "https://youtube.com\u2100/dQw4w9WgXcQ")  # invalid URLs for urlsplit
    for link in ("https://example.org/watch?v=dQw4w9WgXcQ", "no link", "", *strange):
        with pytest.raises(LimitReached, match="not a link to a video"):
            reviews.accept_video(asked, link)
    with pytest.raises(LimitReached, match="no such video"):
        reviews.accept_video(asked, "https://youtu.be/dQw4w9WgXcQ")
    google.fail("videos", status=503, times=9)
    with pytest.raises(LimitReached, match="did not answer"):
        reviews.accept_video(asked, "https://youtu.be/dQw4w9WgXcQ")
    assert fresh(asked).phase == Phase.NEEDS_REVIEW


@pytest.mark.parametrize(
    "link",
    [
        "dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ?si=abc",
        "youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ",
        "https://studio.youtube.com/video/dQw4w9WgXcQ/edit",
        "https://m.youtube.com/shorts/dQw4w9WgXcQ",
        " https://music.youtube.com/watch?v=dQw4w9WgXcQ ",
    ],
)
def test_every_form_of_youtube_link_is_parsed(link):
    assert reviews.read_video_id(link) == "dQw4w9WgXcQ"


def test_review_can_be_given_up_or_searched_again(asked):
    publications.reconcile(asked)
    assert (fresh(asked).phase, asked.not_before, asked.looks) == (Phase.UPLOADING, None, 0)
    assert asked.final_sent_at is not None, "or it would be sent a second time"
    with pytest.raises(LimitReached):
        publications.reconcile(asked)
    publications.give_up(asked)
    assert fresh(asked).state == State.CANCELLED
