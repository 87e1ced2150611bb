"""Steps after an upload: thumbnail, playlist, YouTube's processing, and the owner's messages."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from mixes.leases import State
from youtube_integration.jobs import publication_job, watch, work
from youtube_integration.models import HELD, YouTubePublication
from youtube_integration.services import video_files
from youtube_integration.tests.publications import (
    ALL_SCOPES,
    BLOCK,
    connect,
    drive,
    make_publication,
    run_once,
)

pytestmark = pytest.mark.django_db
Phase = YouTubePublication.Phase


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings):
    monkeypatch.setattr(work, "MAX_PAUSE_S", 0.0)
    settings.HAS_MAIL = True
    settings.SITE_URL = "https://mixes.example.org"


@pytest.fixture
def publish(google, alice, django_capture_on_commit_callbacks):
    """Publish a small video; return its row and the waits."""

    def publish(**fields):
        publication = make_publication(connect(google, alice, ALL_SCOPES), size=BLOCK + 1, **fields)
        with django_capture_on_commit_callbacks(execute=True):
            publish.waits = drive(publication)
        return publication

    return publish


def test_a_video_that_youtube_processed_is_published_and_its_files_are_removed(google, publish):
    google.manner.polls = 7
    publication = publish(thumbnail=True)
    assert (publication.state, publication.phase) == (State.DONE, Phase.PUBLISHED)
    assert [seconds for _, _, seconds in publish.waits] == [10, 20, 40, 80, 160, 300, 300]
    assert publication.processing["status"] == "succeeded"
    assert google.videos[publication.video_id]["thumbnail"] > 0
    assert publication.thumbnail_state == "done"
    assert not video_files.path_of(publication).parent.exists()
    (sent,) = mail.outbox
    assert sent.subject == "“Evenings in the North” is on YouTube"
    assert f"https://youtu.be/{publication.video_id}" in sent.body and sent.to == ["alice@example.org"]


def test_processing_progress_is_stored_in_the_row(google, alice):
    google.manner.polls = 3
    publication = run_once(make_publication(connect(google, alice), size=BLOCK))
    assert (publication.phase, publication.stage, publication.progress) == (
        Phase.PROCESSING,
        "processing",
        300,
    )
    assert (publication.processing["parts_done"], publication.processing["parts_total"]) == (3, 10)


@pytest.mark.parametrize("why", watch.REJECTIONS)
def test_a_rejection_is_reported_with_its_reason(google, publish, why):
    google.manner.processing, google.manner.why = "rejected", why
    publication = publish()
    assert (publication.state, publication.error_code) == (State.FAILED, "rejected")
    assert publication.error_text == str(watch.REJECTIONS[why])
    assert (publication.google_reason, publication.video_id in google.videos) == (why, True)
    assert mail.outbox[0].subject == "“Evenings in the North” could not be published"
    assert publication.error_text in mail.outbox[0].body


def test_a_video_that_is_too_long_leads_to_verification(google, publish):
    google.manner.processing, google.manner.why = "rejected", "length"
    assert "youtube.com/verify" in publish().error_text


@pytest.mark.parametrize("why", [*watch.FAILURES, "unheardOf"])
def test_failed_processing_is_reported_with_its_reason(google, publish, why):
    google.manner.processing, google.manner.why = "failed", why
    publication = publish()
    assert (publication.state, publication.error_code) == (State.FAILED, "processing")
    assert publication.error_text == str(watch.FAILURES.get(why, watch.FAILED))


def test_processing_longer_than_a_day_ends_the_publication_with_a_note(google, alice):
    google.manner.processing = "never"
    publication = run_once(make_publication(connect(google, alice), size=BLOCK))
    since = timezone.now() - timedelta(hours=24, seconds=1)
    processing = {**publication.processing, "since": since.isoformat()}
    YouTubePublication.objects.update(processing=processing)
    drive(publication)
    assert publication.state == State.DONE
    assert publication.notes == [
        "YouTube is still working on the video after a day. Details are in YouTube Studio."
    ]


def test_a_privacy_that_youtube_changed_is_noted_and_mailed(google, publish):
    google.manner.forced_privacy = "private"
    publication = publish(privacy="public")
    assert (publication.state, publication.privacy_actual) == (State.DONE, "private")
    assert publication.notes == [
        "YouTube made the video private, not public. You can change that in YouTube Studio."
    ]
    assert publication.notes[0] in mail.outbox[0].body


def test_a_scheduled_publication_adds_no_privacy_note(google, alice):
    google.manner.polls = 3
    later = timezone.now() + timedelta(hours=1)
    publication = run_once(make_publication(connect(google, alice), size=BLOCK, publish_at=later))
    google.videos[publication.video_id]["status"]["privacyStatus"] = "public"  # the scheduled time has come
    YouTubePublication.objects.update(publish_at=timezone.now() - timedelta(minutes=1))
    drive(publication)
    assert (publication.privacy_actual, publication.notes) == ("public", [])


def test_a_scheduled_time_reaches_youtube(google, publish):
    later = timezone.now() + timedelta(days=3)
    publication = publish(privacy="private", publish_at=later)
    status = google.videos[publication.video_id]["status"]
    assert status["publishAt"] == later.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert publication.notes == []


def test_blocked_countries_are_named(google, publish):
    google.manner.blocked_countries = ("DE", "FR")
    publication = publish()
    assert publication.notes == ["YouTube blocks the video in 2 countries: DE, FR."]
    assert publication.notes[0] in mail.outbox[0].body


def test_a_refused_thumbnail_is_a_note_and_the_video_is_published(google, publish):
    google.manner.allows_thumbnails = False
    publication = publish(thumbnail=True)
    assert (publication.state, publication.thumbnail_state) == (State.DONE, "refused")
    assert "youtube.com/verify" in publication.notes[0]


def test_a_rate_limited_thumbnail_is_sent_later(google, publish):
    google.fail("thumbnail", reason="uploadRateLimitExceeded")
    publication = publish(thumbnail=True)
    assert (publication.thumbnail_state, publication.notes) == ("done", [])


def test_a_thumbnail_rate_limited_to_the_end_is_a_note(google, publish):
    google.fail("thumbnail", reason="uploadRateLimitExceeded", times=99)
    publication = publish(thumbnail=True)
    assert (publication.state, publication.thumbnail_state) == (State.DONE, "refused")


def test_a_missing_thumbnail_file_is_a_note(google, alice):
    publication = make_publication(connect(google, alice), size=BLOCK, thumbnail=True)
    (video_files.path_of(publication).parent / "thumbnail.jpg").unlink()
    drive(publication)
    assert (publication.state, publication.thumbnail_state) == (State.DONE, "refused")


WANTED = {"playlist": "PLmixes", "playlist_state": "wanted"}


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"is_answer_lost": True},
        {"drop": "fin"},
        {"drop": "rst"},
        {"reason": "backendError"},
        {"reason": "authError"},
        {"reason": "quotaExceeded"},
    ],
)
def test_a_video_is_added_to_its_playlist_once_despite_lost_responses(google, publish, fault):
    if fault:
        google.fail("playlist_insert", **fault)
    publication = publish(**WANTED)
    assert publication.playlist_state == "done"
    assert [item["resourceId"]["videoId"] for item in google.items] == [publication.video_id]


def test_a_playlist_without_permission_is_a_note(google, alice):
    publication = make_publication(connect(google, alice), size=BLOCK, **WANTED)
    drive(publication)
    assert (publication.state, publication.playlist_state) == (State.DONE, "refused")
    assert "may not change playlists" in publication.notes[0]


def test_a_deleted_playlist_is_a_note(google, publish):
    google.playlists.clear()
    publication = publish(**WANTED)
    assert (publication.state, publication.playlist_state) == (State.DONE, "refused")
    assert publication.notes == ["The playlist is no longer there, so the video is in none."]


@pytest.mark.parametrize("fault", [{"reason": "backendError"}, {"drop": "rst"}, {"reason": "quotaExceeded"}])
def test_a_failed_poll_is_retried(google, publish, fault):
    google.fail("videos", **fault)
    publication = publish()
    assert publication.state == State.DONE
    assert all(phase == Phase.PROCESSING for _, phase, _ in publish.waits)


def test_a_grant_lost_during_processing_waits_for_a_new_one(google, alice):
    google.manner.polls = 3
    publication = run_once(make_publication(connect(google, alice), size=BLOCK))
    google.end_grants()
    drive(publication)
    assert (publication.phase, publication.not_before) == (Phase.NEEDS_RECONNECT, HELD)
    assert "Your video is on YouTube" in publication.message
    assert [sent.subject for sent in mail.outbox] == ["“Evenings in the North” waits for you"]
    connect(google, alice)
    publication_job.clean_up()
    drive(publication)
    assert (publication.state, len(google.videos)) == (State.DONE, 1)


def test_polling_ends_for_a_video_its_owner_deleted(google, alice):
    google.manner.polls = 9
    publication = run_once(make_publication(connect(google, alice), size=BLOCK))
    google.videos.clear()
    drive(publication)
    assert publication.state == State.DONE
    assert publication.notes == ["The video is no longer on YouTube: it was deleted there."]


def test_without_a_mail_server_no_mail_is_sent(google, publish, settings):
    settings.HAS_MAIL = False
    publish()
    assert mail.outbox == []
