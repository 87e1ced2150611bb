"""Preflight checks, and the command that stops at the same problems."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from youtube_integration.google.types import VideoDetails
from youtube_integration.models import SessionStart, YouTubeCredential, YouTubePublication
from youtube_integration.services import preflight, publications, quotas
from youtube_integration.tests.publications import connect, drive, run_once

pytestmark = pytest.mark.django_db


def verdicts(owner, job):
    return {check.text: check.verdict for check in preflight.run_preflight(owner, job)}


def wrong(owner, job):
    return [text for text, verdict in verdicts(owner, job).items() if verdict == "wrong"]


def test_a_short_mix_on_a_connected_channel_passes_all_checks(credential, job):
    assert wrong(job.owner, job) == []


def test_a_channel_must_be_connected(alice, job, google):
    assert wrong(alice, job) == ["No YouTube channel is connected."]
    connect(google, alice)
    YouTubeCredential.objects.update(state=YouTubeCredential.State.RECONNECT)
    assert wrong(alice, job) == ["YouTube does not let Mixtape in any more."]


@pytest.mark.parametrize(
    ("long_uploads", "seconds", "verdict"),
    [
        ("eligible", 900.0, "ok"),
        ("eligible", 901.0, "wrong"),
        ("disallowed", 901.0, "wrong"),
        ("", 901.0, "note"),
        ("allowed", 901.0, "ok"),
        ("allowed", 43_170.0, "ok"),
        ("allowed", 43_171.0, "wrong"),
    ],
)
def test_long_videos_are_for_verified_channels(long_uploads, seconds, verdict):
    credential = YouTubeCredential(long_uploads=long_uploads)
    assert preflight.check_length(credential, seconds).verdict == verdict


def test_verification_is_offered_only_where_it_helps():
    channels = (YouTubeCredential(long_uploads=status) for status in ("eligible", "disallowed"))
    assert [preflight.check_length(one, 901.0).link for one in channels] == [preflight.VERIFY_URL, ""]


def test_used_up_quota_and_earlier_publications_are_reported(monkeypatch, credential, job):
    publication = publications.request_publication(job.owner, job, VideoDetails("Evenings"))
    assert "This mix is being published already." in wrong(job.owner, job)
    drive(publication)
    assert wrong(job.owner, job) == []
    assert verdicts(job.owner, job)["This mix is on your channel already, as “Evenings”."] == "note"
    monkeypatch.setattr(quotas, "starts_left", lambda: 0)
    assert any("starts automatically" in text for text in verdicts(job.owner, job))


@pytest.mark.parametrize("processing", ["rejected", "failed", "deleted"])
def test_a_video_counts_as_published_whatever_became_of_it(google, credential, job, processing):
    """YouTube may still show it, so that publishing again would make a second one."""
    google.manner.processing = processing
    drive(publications.request_publication(job.owner, job, VideoDetails("Evenings")))
    assert YouTubePublication.objects.get().state == "failed"
    assert verdicts(job.owner, job)["This mix is on your channel already, as “Evenings”."] == "note"
    assert [check.is_repetition for check in preflight.run_preflight(job.owner, job)].count(True) == 1


def test_a_video_counts_as_published_while_youtube_processes_it(google, credential, job):
    google.manner.processing = "never"
    run_once(publications.request_publication(job.owner, job, VideoDetails("Evenings")))
    assert verdicts(job.owner, job)["This mix is on your channel already, as “Evenings”."] == "note"
    YouTubePublication.objects.update(state="cancelled", finished_at=timezone.now())
    assert verdicts(job.owner, job)["This mix is on your channel already, as “Evenings”."] == "note"


def test_a_used_up_share_is_reported_to_its_owner_only(credential, job, bob, settings):
    settings.LIMITS = replace(settings.LIMITS, uploads_per_day=1)
    SessionStart.objects.create(owner=bob)
    assert verdicts(job.owner, job)["1 upload is left to you today."] == "ok"
    SessionStart.objects.create(owner=job.owner)
    assert any("Your uploads of today" in text for text in verdicts(job.owner, job))
    assert wrong(job.owner, job) == []


def test_a_grant_that_may_end_soon_is_reported(credential, job):
    YouTubeCredential.objects.update(granted_at=timezone.now() - timedelta(days=6))
    assert any("test mode" in text for text in verdicts(job.owner, job))
    YouTubeCredential.objects.update(granted_at=timezone.now() - timedelta(days=8))
    assert not any("test mode" in text for text in verdicts(job.owner, job))


def test_the_command_publishes_for_its_owner(google, credential, job, capsys):
    call_command("publish", str(job.pk), "--no-made-for-kids", "--title", "By command")
    row = YouTubePublication.objects.get()
    assert (row.title, row.owner, row.privacy, row.made_for_kids) == (
        "By command",
        job.owner,
        "private",
        False,
    )
    assert str(row.pk) in capsys.readouterr().out
    with pytest.raises(CommandError, match="being published already"):
        call_command("publish", str(job.pk), "--no-made-for-kids")
    drive(row)
    with pytest.raises(CommandError, match="on your channel already"):
        call_command("publish", str(job.pk), "--no-made-for-kids")
    call_command("publish", str(job.pk), "--made-for-kids", "--again", "--at", "2199-01-31T20:00")
    assert YouTubePublication.objects.filter(made_for_kids=True, publish_at__year=2199).count() == 1


def test_the_command_requires_the_made_for_kids_option(credential, job):
    with pytest.raises(CommandError, match="made-for-kids"):
        call_command("publish", str(job.pk))
