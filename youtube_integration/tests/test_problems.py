"""Google's errors: effect on the row, retry time, and message for the owner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from mixes.leases import State
from youtube_integration import problems
from youtube_integration.google.types import GrantLost, Refused, Unreachable
from youtube_integration.jobs import upload, work
from youtube_integration.models import HELD, SessionStart, YouTubeCredential, YouTubePublication
from youtube_integration.problems import Retry, Step
from youtube_integration.services import quotas
from youtube_integration.tests.publications import BLOCK, connect, drive, make_publication, run_once

Phase = YouTubePublication.Phase
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FAILED = {  # reason at the start of a session: code, part of the sentence
    "youtubeSignupRequired": ("no_channel", "This Google account has no YouTube channel."),
    "invalidTitle": ("invalid_title", "this title"),
    "invalidDescription": ("invalid_description", "this description"),
    "invalidTags": ("invalid_tags", "these tags"),
    "invalidCategoryId": ("invalid_category", "this category"),
    "invalidPublishAt": ("invalid_publish_at", "this time of publishing"),
    "invalidVideoMetadata": ("invalid_video", "what is said about the video"),
    "invalidFilename": ("invalid_video", "the name of the file"),
    "mediaBodyRequired": ("invalid_video", "there was no video"),
    "forbiddenPrivacySetting": ("invalid_privacy", "does not allow this channel to publish so"),
    "forbiddenLicenseSetting": ("invalid_video", "licence"),
    "accountSuspended": ("suspended", "suspended"),
    "authenticatedUserAccountSuspended": ("suspended", "suspended"),
    "authenticatedUserAccountClosed": ("closed", "closed"),
    "accessNotConfigured": ("unavailable", "Publishing is unavailable at the moment."),
    "SERVICE_DISABLED": ("unavailable", "Publishing is unavailable at the moment."),
    "somethingNew": ("refused", "YouTube refused: somethingNew (reference "),
}
WAITING = {  # reason: status, code, least and most seconds until the retry
    "backendError": (503, "interrupted", 0, 1),
    "userRateLimitExceeded": (403, "busy", 59, 91),
    "uploadLimitExceeded": (400, "channel_limit", 86_390, 86_401),
}
HELD_REASONS = {
    "authError": (
        401,
        "reconnect",
        "Please reconnect your YouTube account; the upload then continues at 0 %.",
    ),
    "insufficientPermissions": (
        403,
        "permission",
        "Mixtape lacks the permission to upload. Reconnect your YouTube account and leave all boxes ticked.",
    ),
}


@pytest.fixture
def publication(google, alice, monkeypatch):
    monkeypatch.setattr(upload, "CHUNK_BYTES", BLOCK)
    monkeypatch.setattr(work, "MAX_PAUSE_S", 0.0)
    return make_publication(connect(google, alice), size=3 * BLOCK)


@pytest.mark.parametrize("reason", FAILED)
def test_a_permanent_error_fails_with_a_sentence(google, publication, reason):
    code, words = FAILED[reason]
    google.fail("start", reason=reason, times=9)
    run_once(publication)
    assert (publication.state, publication.error_code) == (State.FAILED, code)
    assert words in publication.error_text
    assert publication.google_reason == reason
    assert google.sessions == {} and SessionStart.objects.count() == 1


@pytest.mark.parametrize("reason", WAITING)
def test_a_temporary_error_is_retried(google, publication, reason):
    status, code, least_s, most_s = WAITING[reason]
    google.fail("start", reason=reason, status=status)
    run_once(publication)
    assert (publication.state, publication.phase) == (State.QUEUED, Phase.WAITING)
    assert (publication.error_code, publication.google_reason) in ((code, reason), (code, ""))
    seconds = (publication.not_before - timezone.now()).total_seconds()
    assert least_s <= seconds <= most_s or (code == "interrupted" and seconds <= 1)
    assert publication.message
    drive(publication)
    assert publication.state == State.DONE


@pytest.mark.parametrize("reason", ["quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded"])
def test_used_up_quota_waits_and_is_logged_for_the_operator(google, publication, reason, caplog):
    google.fail("start", reason=reason)
    run_once(publication)
    assert (publication.phase, publication.error_code) == (Phase.WAITING, "quota")
    assert publication.not_before == quotas.next_midnight()
    assert "daily YouTube allowance is used up. Your upload starts automatically " in publication.message
    assert any(record.levelname == "ERROR" and reason in record.message for record in caplog.records)


LIMITS = {  # a refused session start: the fault, the code, least and most seconds until the retry
    "429 with Retry-After": ({"reason": "rateLimitExceeded", "retry_after": "30"}, "busy", 29, 30),
    "429 alone with Retry-After": ({"status": 429, "retry_after": "30"}, "busy", 29, 30),
    "429 for this minute": (
        {"reason": "rateLimitExceeded", "limit": "Video Uploads per minute per user"},
        "busy",
        59,
        91,
    ),
    "403 for this minute": ({"reason": "RATE_LIMIT_EXCEEDED"}, "busy", 59, 91),
    "403 for this minute, by its name": (
        {"reason": "RATE_LIMIT_EXCEEDED", "limit": "defaultPerMinutePerProject", "has_details_only": True},
        "busy",
        59,
        91,
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_of_a_minute_is_a_pause(google, publication, limit):
    fault, code, least_s, most_s = LIMITS[limit]
    google.fail("start", **fault)
    run_once(publication)
    assert (publication.phase, publication.error_code) == (Phase.WAITING, code)
    assert least_s <= (publication.not_before - timezone.now()).total_seconds() <= most_s
    assert "YouTube asks for a pause" in publication.message
    drive(publication)
    assert publication.state == State.DONE


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("name", ["Queries per day", "defaultPerDayPerProject"])
def test_a_limit_of_a_day_waits_for_midnight_at_every_step(step, name):
    error = Refused(429, "RATE_LIMIT_EXCEEDED", limit=name)
    assert problems.classify(error, step).retry == Retry.MIDNIGHT


def test_a_reason_is_found_among_the_details_of_an_error(google, publication):
    google.fail("start", reason="SERVICE_DISABLED", has_details_only=True)
    run_once(publication)
    assert (publication.error_code, publication.google_reason) == ("unavailable", "SERVICE_DISABLED")


def test_a_redirect_counts_as_no_answer():
    assert problems.classify(Refused(302, "")) == replace(problems.INTERRUPTED_PROBLEM)


@pytest.mark.parametrize("reason", HELD_REASONS)
def test_an_error_only_its_owner_can_fix_holds_the_row(google, publication, reason):
    status, code, sentence = HELD_REASONS[reason]
    google.fail("start", reason=reason, status=status, times=3)
    run_once(publication)
    assert (publication.phase, publication.not_before) == (Phase.NEEDS_RECONNECT, HELD)
    assert (publication.error_code, publication.message) == (code, sentence)
    assert YouTubeCredential.objects.get().state == YouTubeCredential.State.RECONNECT


def test_keys_unknown_to_google_are_logged_for_the_operator(google, publication, settings, caplog):
    settings.GOOGLE_CLIENT_SECRET = "wrong"
    google.expire_tokens()
    run_once(publication)
    assert (publication.state, publication.error_code) == (State.FAILED, "unavailable")
    assert publication.google_reason == "invalid_client"
    assert any(record.levelname == "ERROR" for record in caplog.records)
    assert YouTubeCredential.objects.get().state == YouTubeCredential.State.ACTIVE


def test_the_channels_daily_limit_is_retried_on_three_days(google, publication):
    google.fail("start", reason="uploadLimitExceeded", times=9)
    waits = drive(publication)
    assert [code for code, _, _ in waits] == ["channel_limit"] * 3
    assert (publication.state, publication.error_code) == (State.FAILED, "channel_limit")
    assert "on three days" in publication.error_text


def test_a_retry_after_is_honoured_whatever_the_backoff_says(google, publication):
    google.fail("chunk", reason="backendError", retry_after="77")
    run_once(publication)
    assert 76 <= (publication.not_before - timezone.now()).total_seconds() <= 77


def test_a_retry_after_may_be_a_date(google, publication):
    moment = timezone.now() + timedelta(seconds=200)
    google.fail("chunk", reason="backendError", retry_after=moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    run_once(publication)
    assert 197 <= (publication.not_before - timezone.now()).total_seconds() <= 200


def test_a_short_retry_after_is_slept_in_the_worker(google, publication, monkeypatch):
    monkeypatch.setattr(work, "MAX_PAUSE_S", 4.0)
    google.fail("chunk", reason="backendError", retry_after="1")
    run_once(publication)
    assert google.videos and publication.failures == 0


def test_a_chunk_that_is_refused_twice_ends_the_upload(google, publication):
    google.fail("chunk", status=400, reason="badRequest", times=2)
    run_once(publication)
    assert (publication.state, publication.error_code) == (State.FAILED, "refused")
    assert len([asked for asked in google.log if asked.content_range.startswith("bytes */")]) == 1


def test_googles_message_is_stripped_of_html():
    error = Refused(418, "teapot", 'You are <b>100 %</b> <a href="x">wrong</a>')
    problem = problems.classify(error, Step.START, reference="abc")
    assert problems.sentence_of(problem) == "YouTube refused: You are 100 % wrong (reference abc)"


def test_a_reason_means_the_daily_quota_only_at_the_start_of_an_upload():
    error = Refused(429, "rateLimitExceeded")
    assert problems.classify(error, Step.START).retry == Retry.MIDNIGHT
    assert problems.classify(error, Step.SEND).retry == Retry.BUSY
    assert problems.classify(error, Step.WATCH).retry == Retry.BUSY


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (7, 64), (8, 128), (9, 256), (10, 300), (99, 300)],
)
def test_delays_double_up_to_five_minutes(failures, seconds):
    assert problems.backoff_s(failures) == seconds
    waits = [problems.delay_s(problems.INTERRUPTED_PROBLEM, failures) for _ in range(50)]
    assert all(seconds / 2 <= wait <= seconds for wait in waits)
    assert len(set(waits)) > 1


def test_an_outage_of_ten_minutes_takes_eleven_tries_at_the_least_and_fourteen_at_most():
    whole = [problems.backoff_s(n) for n in range(1, 15)]
    assert sum(whole[:9]) < 600 <= sum(whole[:10])
    assert sum(whole[:11]) / 2 < 600 <= sum(whole) / 2 + 300


def test_a_lost_grant_keeps_googles_reason_code():
    problem = problems.classify(GrantLost("invalid_grant"))
    assert (problem.retry, problem.reason, problem.phase) == (
        Retry.HELD,
        "invalid_grant",
        Phase.NEEDS_RECONNECT,
    )


def test_a_day_without_a_response_is_hopeless():
    problem = problems.classify(Unreachable("x"))
    assert not problems.is_hopeless(problem, 99, NOON, NOON + timedelta(hours=24))
    assert problems.is_hopeless(problem, 1, NOON, NOON + timedelta(hours=24, seconds=1))


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 11, 22, 7, 59, tzinfo=UTC), datetime(2026, 11, 22, 8, tzinfo=UTC)),
        (datetime(2026, 11, 22, 8, 0, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), datetime(2026, 7, 2, 7, tzinfo=UTC)),
        (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)),
        (datetime(2026, 11, 1, 12, 0, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)),  # 25 hours
    ],
)
def test_googles_day_begins_at_midnight_in_california(now, midnight):
    assert quotas.next_midnight(now) == midnight
    assert quotas.last_midnight(midnight) == midnight


@pytest.mark.django_db
def test_each_start_counts_for_one_day(alice):
    for _ in range(3):
        quotas.count_start(alice)
    assert (quotas.starts_today(), quotas.starts_left()) == (3, 97)
    SessionStart.objects.update(started_at=quotas.last_midnight() - timedelta(seconds=1))
    assert (quotas.starts_today(), quotas.starts_left()) == (0, 100)
    SessionStart.objects.update(started_at=timezone.now() - timedelta(days=8))
    quotas.delete_old_starts()
    assert SessionStart.objects.count() == 0


def test_a_time_is_written_as_in_a_sentence(settings):
    settings.TIME_ZONE = "UTC"
    now = timezone.now().replace(hour=9, minute=5)
    with timezone.override(UTC):
        assert problems.time_words(now) == "at 09:05"
        assert problems.time_words(now + timedelta(days=1)) == "tomorrow at 09:05"
        assert problems.time_words(datetime(2031, 5, 1, 9, 5, tzinfo=UTC)) == "on 1 May at 09:05"
