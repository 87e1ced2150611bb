"""Steps after an upload: thumbnail, playlist, YouTube's processing, and the owner's messages."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from mixes.leases import State
from youtube_integration import problems
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
    set_active,
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


@pytest.mark.parametrize("why", [*watch.FAILURES, "other"])
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
    waits = drive(publication)
    assert (publication.state, publication.error_code) == (State.FAILED, "deleted")
    assert publication.error_text == "The video was deleted on YouTube."
    assert len(waits) == watch.MAX_MISSING_LOOKS


def test_a_deleted_video_fails_at_once(google, publish):
    google.manner.polls, google.manner.processing = 0, "deleted"
    publication = publish()
    assert (publication.state, publication.error_code, publish.waits) == (State.FAILED, "deleted", [])
    assert publication.error_text == "The video was deleted on YouTube."
    assert publication.error_text in mail.outbox[0].body


def test_a_video_that_is_not_listed_for_a_while_is_published(google, alice):
    google.manner.polls = 9
    publication = run_once(make_publication(connect(google, alice), size=BLOCK))
    videos = dict(google.videos)
    for _ in range(2):
        google.videos.clear()
        for _ in range(watch.MAX_MISSING_LOOKS):
            YouTubePublication.objects.update(not_before=None)
            run_once(publication)
        google.videos.update(videos)
        YouTubePublication.objects.update(not_before=None)
        run_once(publication)
    drive(publication)
    assert (publication.state, publication.notes) == (State.DONE, [])


@pytest.mark.parametrize("status", ["terminated", "failed", "succeeded", "processing"])
def test_the_processing_status_decides_nothing(google, publish, status):
    """YouTube answers `terminated` when it no longer knows how the processing went."""
    google.manner.processing_status, google.manner.polls = status, 3
    publication = publish()
    assert (publication.state, publication.phase) == (State.DONE, Phase.PUBLISHED)
    assert (len(publish.waits), publication.processing["status"]) == (3, status)
    assert publication.notes == []


def test_a_rejected_video_stays_rejected_when_its_processing_succeeded(google, publish):
    google.manner.processing = "rejected"
    publication = publish()
    assert (publication.error_code, publication.processing["status"]) == ("rejected", "succeeded")
    assert google.videos[publication.video_id]["status"]["uploadStatus"] == "rejected"


@pytest.mark.parametrize("content", ["<html>", "{}", "[]", "null", ""])
def test_a_poll_without_an_answer_is_repeated(google, publish, content, caplog):
    google.fail("videos", content=content)
    publication = publish()
    assert (publication.state, publication.attempt) == (State.DONE, 0)
    assert [code for code, _, _ in publish.waits] == ["interrupted"]
    assert "A job failed." not in caplog.text


@pytest.mark.parametrize(
    ("countries", "note"),
    [
        (("AT", "DE"), "YouTube shows the video in 2 countries only, not in any other: AT, DE."),
        (("DE",), "YouTube shows the video in 1 country only, not in any other: DE."),
        ((), "YouTube blocks the video in all countries."),
    ],
)
def test_a_video_that_is_blocked_elsewhere_is_noted(google, publish, countries, note):
    google.manner.allowed_countries = countries
    publication = publish()
    assert (publication.state, publication.notes) == (State.DONE, [note])
    assert note in mail.outbox[0].body


def test_a_new_video_gets_its_thumbnail_and_playlist_once_youtube_knows_it(google, publish):
    google.manner.polls, google.manner.settles_after = 0, 2
    publication = publish(thumbnail=True, **WANTED)
    assert (publication.state, publication.notes) == (State.DONE, [])
    assert (publication.thumbnail_state, publication.playlist_state) == ("done", "done")
    assert [seconds for _, _, seconds in publish.waits] == [10, 20]
    assert len(google.items) == 1


def test_a_video_that_youtube_never_knows_gets_no_advice_about_verification(google, publish):
    google.manner.settles_after = 99
    publication = publish(thumbnail=True, **WANTED)
    assert (publication.state, len(publish.waits)) == (State.DONE, watch.MAX_EXTRA_LOOKS)
    assert publication.notes == [str(problems.THUMBNAIL_NOT_TAKEN), str(problems.NOT_LISTED)]


def test_a_picture_that_youtube_does_not_take_is_noted_without_advice(google, publish):
    google.fail("thumbnail", reason="invalidImage")
    publication = publish(thumbnail=True)
    assert (publication.state, publication.thumbnail_state) == (State.DONE, "refused")
    assert publication.notes == [str(problems.THUMBNAIL_NOT_TAKEN)]
    assert "verify" not in publication.notes[0]
    assert len(google.asked("POST", "thumbnails/set")) == 1


@pytest.mark.parametrize("reason", ["videoNotFound", "videoAlreadyInPlaylist"])
@pytest.mark.parametrize("is_added", [True, False])
def test_an_unclear_refusal_of_a_playlist_item_is_looked_up(google, publish, reason, is_added):
    google.fail("playlist_insert", reason=reason, is_answer_lost=is_added)
    publication = publish(**WANTED)
    assert (publication.playlist_state, publication.notes) == ("done", [])
    assert len(google.items) == 1
    assert len(google.asked("POST", "playlistItems")) == 1 + (not is_added)


@pytest.mark.parametrize(
    ("reason", "note"),
    [
        ("playlistItemsNotAccessible", problems.NOT_YOUR_PLAYLIST),
        ("playlistContainsMaximumNumberOfVideos", problems.PLAYLIST_FULL),
    ],
)
def test_a_playlist_that_refuses_the_video_asks_for_no_reconnection(google, publish, reason, note):
    google.fail("playlist_insert", reason=reason)
    publication = publish(**WANTED)
    assert (publication.state, publication.playlist_state) == (State.DONE, "refused")
    assert publication.notes == [str(note)] and "econnect" not in publication.notes[0]
    assert publication.credential.state == "active"


def test_a_limit_per_minute_delays_a_playlist_item(google, publish):
    google.fail("playlist_insert", reason="RATE_LIMIT_EXCEEDED", has_details_only=True)
    publication = publish(**WANTED)
    assert (publication.playlist_state, publication.notes) == ("done", [])


def test_a_deactivated_users_video_is_not_polled(google, alice):
    google.manner.polls = 3
    publication = run_once(make_publication(connect(google, alice), size=BLOCK))
    set_active(alice, False)
    asked = len(google.log)
    drive(publication)
    assert (publication.phase, publication.not_before) == (Phase.PROCESSING, HELD)
    assert len(google.log) == asked
    publication_job.clean_up()
    publication.refresh_from_db()
    assert publication.not_before == HELD
    set_active(alice, True)
    publication_job.clean_up()
    drive(publication)
    assert (publication.state, publication.message) == (State.DONE, "")


def test_without_a_mail_server_no_mail_is_sent(google, publish, settings):
    settings.HAS_MAIL = False
    publish()
    assert mail.outbox == []
