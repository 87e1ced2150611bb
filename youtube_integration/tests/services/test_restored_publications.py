"""After a restore every publication without a video waits for its owner: it may have been uploaded since."""

import pytest
from django.urls import reverse
from django.utils import timezone

from mixes.leases import State
from mixes.services.maintenance.restore import database_restored
from mixes.tests.factories import make_job_row, make_mix_row
from youtube_integration.jobs import publication_job
from youtube_integration.models import HELD, YouTubePublication
from youtube_integration.services import reviews
from youtube_integration.tests.publications import connect, make_publication, run_once

Phase = YouTubePublication.Phase
pytestmark = pytest.mark.django_db


@pytest.fixture
def credential(google, alice):
    return connect(google, alice)


def restored(publication):
    database_restored.send(sender=None)
    publication.refresh_from_db()
    return publication


def waits_for_its_owner(publication):
    rows = YouTubePublication.objects.waiting("publish")
    return publication.phase == Phase.NEEDS_REVIEW and not rows.filter(pk=publication.pk).exists()


def test_a_queued_publication_is_held(credential, google, as_alice):
    publication = restored(make_publication(credential))
    assert waits_for_its_owner(publication) and publication.not_before == HELD
    publication_job.clean_up()
    publication.refresh_from_db()
    assert waits_for_its_owner(publication)
    page = as_alice.get(reverse("youtube:publication", args=[publication.pk])).content.decode()
    assert "restored from a backup" in page and "It is there" in page and "It is not" in page


def test_a_running_publication_is_held(credential):
    publication = make_publication(credential)
    assert YouTubePublication.objects.claim(publication.pk, "w:1")
    publication = restored(publication)
    assert publication.state == State.QUEUED and waits_for_its_owner(publication)


def test_the_owner_says_that_it_is_not_there(credential, google):
    publication = restored(make_publication(credential))
    reviews.upload_again(publication)
    for _ in range(20):
        publication = run_once(publication)
        if publication.state != State.QUEUED or publication.video_id:
            break
    assert publication.video_id and len(google.videos) == 1


def test_a_publication_that_waits_for_its_mix_is_held_and_waits_again(credential, alice):
    job = make_job_row(make_mix_row(alice), State.RUNNING)
    publication = make_publication(credential, job=job, phase=Phase.WAITING_FOR_MIX, not_before=HELD)
    publication = restored(publication)
    assert waits_for_its_owner(publication)
    reviews.upload_again(publication)
    publication.refresh_from_db()
    assert publication.phase == Phase.WAITING_FOR_MIX and publication.final_sent_at is None


def test_what_has_a_video_goes_on(credential):
    publication = make_publication(credential, video_id="dQw4w9WgXcQ", phase=Phase.PROCESSING)
    assert restored(publication).phase == Phase.PROCESSING


def test_what_has_ended_stays_as_it_is(credential):
    publication = make_publication(credential, state=State.CANCELLED, finished_at=timezone.now())
    assert restored(publication).phase == Phase.UPLOADING
