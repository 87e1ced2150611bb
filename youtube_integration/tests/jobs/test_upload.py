"""Every interruption of an upload ends in exactly one video with the same bytes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from mixes.leases import State
from youtube_integration.google import client
from youtube_integration.jobs import publication_job, upload, work
from youtube_integration.models import HELD, SessionStart, YouTubeCredential, YouTubePublication
from youtube_integration.services import quotas, video_files
from youtube_integration.tests.publications import (
    BLOCK,
    connect,
    drive,
    make_publication,
    run_once,
    set_active,
    uploaded_bytes,
)

pytestmark = pytest.mark.django_db
Phase = YouTubePublication.Phase
CHUNK = 2 * BLOCK
SIZE = 5 * CHUNK + 77  # six chunks


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch):
    monkeypatch.setattr(upload, "CHUNK_BYTES", CHUNK)
    monkeypatch.setattr(work, "MAX_PAUSE_S", 0.0)
    monkeypatch.setattr(client, "SOCKET_TIMEOUT_S", 0.5)


@pytest.fixture
def publication(google, alice):
    return make_publication(connect(google, alice), size=SIZE)


def opened(google):
    return [asked for asked in google.asked("POST", "/upload/youtube/v3/videos") if asked.outcome == 200]


def assert_published_once(google, publication, *, sessions=1, starts=1):
    assert (publication.state, publication.phase) == (State.DONE, Phase.PUBLISHED), publication.error_text
    assert len(google.videos) == 1
    video = google.videos[publication.video_id]
    assert video["sha256"] == publication.sha256
    assert publication.offset == publication.size == SIZE
    assert len(opened(google)) == sessions
    assert SessionStart.objects.count() == max(starts, sessions)


def test_an_upload_sends_each_byte_once(google, publication):
    drive(publication)
    assert_published_once(google, publication)
    assert uploaded_bytes(google) == SIZE
    status = google.videos[publication.video_id]["status"]
    assert status["privacyStatus"] == "private"
    assert (status["selfDeclaredMadeForKids"], status["containsSyntheticMedia"]) == (False, False)
    assert publication.privacy_actual == "private" and publication.notes == []
    assert publication.sealed_session == ""
    assert not video_files.path_of(publication).parent.exists() or publication.state == State.DONE


def test_a_publish_time_in_the_past_is_dropped(google, publication):
    """YouTube would make the video public at once."""
    YouTubePublication.objects.update(publish_at=timezone.now() - timedelta(minutes=1))
    drive(publication)
    assert "publishAt" not in google.videos[publication.video_id]["status"]
    assert publication.publish_at is None and publication.privacy_actual == "private"
    assert any("stays private" in note for note in publication.notes)


def test_one_user_cannot_use_up_everybodys_uploads(google, publication, bob, settings):
    settings.LIMITS = replace(settings.LIMITS, uploads_per_day=2)
    SessionStart.objects.bulk_create([SessionStart(owner=publication.owner) for _ in range(2)])
    run_once(publication)
    assert (publication.state, publication.phase) == (State.QUEUED, Phase.WAITING)
    assert publication.not_before == quotas.next_midnight() and "your share" in publication.message
    assert opened(google) == [] and SessionStart.objects.count() == 2, "Google was not asked"
    other = make_publication(connect(google, bob), size=SIZE)
    run_once(other)
    assert len(opened(google)) == 1 and SessionStart.objects.filter(owner=bob).count() == 1
    yesterday = quotas.last_midnight() - timedelta(seconds=1)
    SessionStart.objects.filter(owner=publication.owner).update(started_at=yesterday)
    YouTubePublication.objects.update(not_before=None)
    run_once(publication)
    assert len(opened(google)) == 2


CASES = {
    "503, nothing kept": [{"on": "chunk", "nth": 2, "reason": "backendError"}],
    "503, half kept": [{"on": "chunk", "nth": 2, "reason": "backendError", "keep": BLOCK}],
    "503 again and again": [
        {"on": "chunk", "nth": 2, "times": 4, "reason": "backendError"},
        {"on": "status", "times": 2, "reason": "backendError"},
    ],
    "500": [{"on": "chunk", "nth": 3, "status": 500}],
    "502": [{"on": "chunk", "nth": 3, "status": 502}],
    "504 to a question": [
        {"on": "chunk", "nth": 3, "drop": "fin"},
        {"on": "status", "status": 504},
    ],
    "reset in a chunk": [{"on": "chunk", "nth": 2, "drop": "rst", "after": 300_000}],
    "end in a chunk": [{"on": "chunk", "nth": 2, "drop": "fin", "after": 300_000}],
    "end before a chunk": [{"on": "chunk", "nth": 2, "times": 3, "drop": "fin"}],
    "end after a chunk": [{"on": "chunk", "nth": 2, "drop": "fin", "after": CHUNK, "keep": CHUNK}],
    "part kept": [{"on": "chunk", "nth": 2, "short": BLOCK}],
    "nothing kept, 308": [{"on": "chunk", "nth": 2, "short": 0}],
    "too slow to answer": [{"on": "chunk", "nth": 2, "stall_s": 1.0}],
    "too slow at the last chunk": [{"on": "chunk", "nth": 6, "stall_s": 1.0}],
    "session opened in vain": [{"on": "start", "reason": "backendError"}],
    "no answer to the opening": [{"on": "start", "drop": "fin"}],
    "busy": [{"on": "chunk", "nth": 2, "status": 429, "reason": "rateLimitExceeded"}],
    "a chunk not understood": [{"on": "chunk", "nth": 2, "status": 400, "reason": "badRequest"}],
    "a range not understood": [{"on": "chunk", "nth": 2, "status": 416, "reason": "range"}],
    "token refused": [{"on": "chunk", "nth": 2, "reason": "authError"}],
    "token server down": [
        {"on": "chunk", "nth": 2, "reason": "authError"},
        {"on": "refresh", "reason": "internal_failure", "status": 503},
    ],
    "last chunk refused": [{"on": "chunk", "nth": 6, "reason": "backendError"}],
    "last answer lost": [{"on": "chunk", "nth": 6, "is_answer_lost": True}],
    "last chunk cut": [{"on": "chunk", "nth": 6, "drop": "rst", "after": 20}],
    "a page instead of an answer": [{"on": "chunk", "nth": 2, "content": "<html>"}],
    "an empty object instead of an answer": [{"on": "chunk", "nth": 3, "content": "{}"}],
    "a list instead of a video": [{"on": "chunk", "nth": 6, "content": "[]"}],
    "an empty object instead of a video": [{"on": "chunk", "nth": 6, "content": "{}"}],
    "nothing instead of a video": [{"on": "chunk", "nth": 6, "content": ""}],
    "a page instead of an offset": [
        {"on": "chunk", "nth": 2, "drop": "fin"},
        {"on": "status", "times": 2, "content": "<html>"},
    ],
    "a page instead of a token": [
        {"on": "chunk", "nth": 2, "times": 4, "reason": "authError"},
        {"on": "refresh", "content": "<html>"},
        {"on": "refresh", "content": "[]"},
        {"on": "refresh", "content": "{}"},
        {"on": "refresh", "content": "<html>", "status": 403},
    ],
    "all at once": [
        {"on": "start", "reason": "backendError"},
        {"on": "chunk", "nth": 2, "drop": "rst", "after": 300_000},
        {"on": "status", "reason": "backendError"},
        {"on": "chunk", "nth": 4, "short": BLOCK},
        {"on": "chunk", "nth": 5, "is_answer_lost": True},
        {"on": "videos", "reason": "backendError"},
    ],
}
OPENED_TWICE = ("session opened in vain", "no answer to the opening", "all at once")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("manner", [{}, {"is_strict_when_done": True}, {"rotates_refresh": True}])
def test_there_is_one_video_after(google, publication, case, manner):
    for name, value in manner.items():
        setattr(google.manner, name, value)
    for fault in CASES[case]:
        google.fail(**fault)
    drive(publication)
    assert_published_once(google, publication, starts=1 + (case in OPENED_TWICE))
    interruptions = sum(fault.get("times", 1) for fault in CASES[case])
    assert uploaded_bytes(google) <= SIZE + interruptions * CHUNK
    assert all(fault.times == 0 for fault in google.faults)


@pytest.mark.parametrize("content", ["<html>", "{}", "[]", "null", '{"id": 7}', ""])
@pytest.mark.parametrize("nth", [1, 6])
def test_a_success_without_a_video_counts_as_no_answer(google, publication, caplog, content, nth):
    google.fail("chunk", nth=nth, content=content)
    run_once(publication)
    assert (publication.state, publication.attempt) == (State.QUEUED, 0)
    assert publication.error_code == "interrupted" and "Traceback" not in caplog.text
    drive(publication)
    assert_published_once(google, publication)


def test_a_success_without_a_session_is_retried(google, publication):
    google.fail("start", content="<html>")
    run_once(publication)
    assert (publication.state, publication.error_code) == (State.QUEUED, "interrupted")
    drive(publication)
    assert (publication.state, len(google.videos)) == (State.DONE, 1)


def test_a_deactivated_user_uploads_no_further_chunk(google, publication, monkeypatch):
    send = upload.UploadSlice.send

    def deactivate(self, offset):
        state = send(self, offset)
        if state.offset == 2 * CHUNK:
            set_active(publication.owner, False)
        return state

    monkeypatch.setattr(upload.UploadSlice, "send", deactivate)
    run_once(publication)
    assert uploaded_bytes(google) == publication.offset == 2 * CHUNK
    assert (publication.state, publication.not_before, publication.attempt) == (State.QUEUED, HELD, 0)
    publication_job.clean_up()
    publication.refresh_from_db()
    assert publication.not_before == HELD and "deactivated" in publication.message
    set_active(publication.owner, True)
    publication_job.clean_up()
    drive(publication)
    assert_published_once(google, publication)


def test_at_least_sixty_cases_end_in_one_video():
    assert len(CASES) * 3 >= 60


@pytest.mark.parametrize("lost_at", [1, 2, 5])
def test_a_session_lost_before_its_last_chunk_is_restarted(google, publication, lost_at):
    google.fail("chunk", nth=lost_at, loses_session=True)
    drive(publication)
    assert_published_once(google, publication, sessions=2)
    assert publication.restarts == 1


def test_repeatedly_lost_sessions_fail_the_publication(google, publication):
    google.fail("chunk", nth=2, times=99, loses_session=True)
    drive(publication)
    assert (publication.state, publication.error_code) == (State.FAILED, "session_lost")
    assert "Nothing was published" in publication.error_text
    assert len(opened(google)) == 3
    assert google.videos == {}
    google.faults.clear()
    rows = YouTubePublication.objects
    assert rows.retry([publication.pk]) == 1
    drive(publication)
    assert (publication.state, len(google.videos)) == (State.DONE, 1)


@pytest.mark.parametrize("shows_names", [True, False])
def test_a_session_lost_after_its_last_chunk_searches_the_channel(google, publication, shows_names):
    google.manner.shows_file_names = shows_names
    google.fail("chunk", nth=6, is_answer_lost=True)
    google.fail("status", loses_session=True)
    drive(publication)
    assert_published_once(google, publication)


def test_a_video_listed_late_is_found_by_the_next_search(google, publication):
    google.manner.lists_uploads = False
    google.fail("chunk", nth=6, is_answer_lost=True)
    google.fail("status", loses_session=True)
    while publication.looks == 0:
        run_once(publication)
        YouTubePublication.objects.filter(pk=publication.pk).update(not_before=None)
    assert publication.error_code == "looking"
    google.manner.lists_uploads = True
    drive(publication)
    assert_published_once(google, publication)


def test_a_lost_video_that_is_not_found_asks_the_owner(google, publication):
    google.fail("chunk", nth=6, loses_session=True)
    waits = drive(publication)
    assert [wait for wait in waits if wait[0] == "looking"] == [
        ("looking", Phase.WAITING, 600),
        ("looking", Phase.WAITING, 3000),
    ]
    assert (publication.state, publication.phase) == (State.QUEUED, Phase.NEEDS_REVIEW)
    assert publication.not_before == HELD
    assert publication.message == ("YouTube may already have this video. Look at your channel, then choose.")
    assert google.videos == {} and len(opened(google)) == 1


def test_a_video_of_another_upload_is_not_mistaken_for_this_one(google, alice, publication):
    other = make_publication(connect(google, alice), size=SIZE, title=publication.title)
    drive(other)
    google.fail("chunk", nth=6, loses_session=True)
    google.manner.shows_file_names = False
    drive(publication)
    assert publication.phase == Phase.NEEDS_REVIEW
    assert list(google.videos) == [other.video_id]


def test_an_upload_resumes_at_the_offset_of_another_worker(google, publication):
    google.fail("chunk", nth=4, drop="rst", after=10)
    run_once(publication)
    assert (publication.offset, publication.phase) == (3 * CHUNK, Phase.WAITING)
    assert publication.percent == 1000 * 3 * CHUNK // SIZE // 10
    drive(publication)
    assert_published_once(google, publication)
    assert uploaded_bytes(google) == SIZE + 10


def test_a_slice_ends_after_two_minutes_and_the_next_continues(google, publication, monkeypatch):
    monkeypatch.setattr(upload, "SLICE_S", -1.0)
    for chunks in range(1, 6):
        run_once(publication)
        assert (publication.state, publication.phase) == (State.QUEUED, Phase.UPLOADING)
        assert (publication.offset, publication.attempt) == (max(0, chunks - 1) * CHUNK, 0)
    drive(publication)
    assert_published_once(google, publication)


def test_tokens_that_were_refreshed_are_kept(google, alice, publication):
    before = YouTubeCredential.objects.get().sealed_tokens
    google.manner.rotates_refresh = True
    google.fail("chunk", nth=2, reason="authError")
    google.fail("chunk", nth=4, drop="fin")
    run_once(publication)
    assert YouTubeCredential.objects.get().sealed_tokens != before
    drive(publication)
    assert_published_once(google, publication)
    assert YouTubeCredential.objects.get().state == YouTubeCredential.State.ACTIVE


def test_a_revoked_grant_holds_the_upload_and_reconnecting_resumes_its_session(google, alice, publication):
    google.fail("chunk", nth=3, drop="fin")
    run_once(publication)
    YouTubePublication.objects.update(not_before=None)
    google.end_grants()
    run_once(publication)
    assert (publication.phase, publication.not_before) == (Phase.NEEDS_RECONNECT, HELD)
    assert publication.message == (
        "Please reconnect your YouTube account; the upload then continues at 39 %."
    )
    assert YouTubeCredential.objects.get().state == YouTubeCredential.State.RECONNECT
    publication_job.clean_up()
    publication.refresh_from_db()
    assert publication.not_before == HELD  # not yet
    connect(google, alice)
    publication_job.clean_up()
    drive(publication)
    assert_published_once(google, publication)


def test_a_file_that_changed_between_slices_is_not_sent(google, publication):
    google.fail("chunk", nth=3, drop="fin")
    run_once(publication)
    YouTubePublication.objects.update(not_before=None)
    path = video_files.path_of(publication)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    run_once(publication)
    assert (publication.phase, publication.error_code) == (Phase.NEEDS_REVIEW, "file_changed")
    assert google.videos == {}


def test_a_file_with_only_a_new_mtime_is_sent(google, publication):
    path = video_files.path_of(publication)
    path.write_bytes(path.read_bytes())
    drive(publication)
    assert_published_once(google, publication)


def test_a_file_that_is_gone_is_not_sent(google, publication):
    video_files.remove(publication)
    run_once(publication)
    assert (publication.phase, publication.error_code) == (Phase.NEEDS_REVIEW, "file_changed")


def test_a_cancelled_upload_leaves_no_video_and_no_file(
    google, publication, django_capture_on_commit_callbacks
):
    google.fail("chunk", nth=3, drop="fin")
    run_once(publication)
    with django_capture_on_commit_callbacks(execute=True):
        assert YouTubePublication.objects.request_cancel(publication.pk)
        publication_job.on_failure(publication, State.CANCELLED, "")
    publication.refresh_from_db()
    assert (publication.state, publication.sealed_session) == (State.CANCELLED, "")
    assert google.videos == {} and not video_files.path_of(publication).exists()


def test_a_cancel_during_the_last_chunk_stops_it_or_is_too_late(google, publication, monkeypatch):
    send = upload.UploadSlice.send

    def cancel_before_the_last(self, offset):
        if offset + CHUNK > SIZE:
            YouTubePublication.objects.filter(final_sent_at=None).request_cancel(publication.pk)
        return send(self, offset)

    monkeypatch.setattr(upload.UploadSlice, "send", cancel_before_the_last)
    run_once(publication)
    assert (publication.state, publication.final_sent_at) == (State.CANCELLED, None)
    assert google.videos == {}


def test_a_worker_that_lost_its_lease_writes_and_sends_nothing(google, publication, monkeypatch):
    send = upload.UploadSlice.send

    def lose(self, offset):
        if offset == 2 * CHUNK:
            YouTubePublication.objects.filter(pk=publication.pk).update(token="0" * 32)
        return send(self, offset)

    monkeypatch.setattr(upload.UploadSlice, "send", lose)
    run_once(publication)
    assert (publication.state, publication.offset) == (State.RUNNING, 2 * CHUNK)
    assert google.videos == {} and uploaded_bytes(google) == 3 * CHUNK


def test_a_session_that_no_key_opens_is_restarted(google, publication):
    google.fail("chunk", nth=3, drop="fin")
    run_once(publication)
    YouTubePublication.objects.update(not_before=None, sealed_session="gibberish")
    drive(publication)
    assert_published_once(google, publication, sessions=2)


def test_an_outage_of_ten_minutes_is_waited_out(google, publication):
    """The delays are in the row: none exceeds 5 minutes; the test does not sleep."""
    google.fail("chunk", nth=2, times=99, drop="rst")
    google.fail("status", times=99, drop="rst")
    waited_s, waits = 0, []
    while waited_s < 600:
        run_once(publication)
        assert publication.phase == Phase.WAITING
        wait_s = (publication.not_before - timezone.now()).total_seconds()
        waits.append(wait_s)
        waited_s += wait_s
        YouTubePublication.objects.update(not_before=None)
    assert publication.error_code == "interrupted" and publication.failures == len(waits) <= 14
    assert max(waits) <= 300
    assert publication.message == ("The connection to YouTube was interrupted; the upload continues at 19 %.")
    google.faults.clear()
    drive(publication)
    assert_published_once(google, publication)
    assert (publication.failures, publication.message) == (0, "")


def test_a_day_without_a_response_fails_the_publication(google, publication):
    google.fail("start", times=99, drop="rst")
    run_once(publication)
    long_ago = timezone.now() - timedelta(hours=24, minutes=1)
    YouTubePublication.objects.update(not_before=None, failing_since=long_ago)
    run_once(publication)
    assert (publication.state, publication.error_code) == (State.FAILED, "interrupted")
    assert "press Resume" in publication.error_text
