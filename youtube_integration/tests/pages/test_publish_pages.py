"""The pages before, during and after publishing a video; and the publish kit, which needs no Google."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from mixes.leases import State
from mixes.services import storage
from mixes.tests.factories import make_job_row, make_mix_row
from youtube_integration.google.types import PLAYLIST_SCOPE
from youtube_integration.models import HELD, YouTubePublication
from youtube_integration.tests.journeys import begin
from youtube_integration.tests.publications import SCOPES, connect, drive, make_publication
from youtube_integration.tests.results import picture

pytestmark = pytest.mark.django_db
Phase = YouTubePublication.Phase
HTMX = {"HX-Request": "true"}
NOT_FOR_KIDS = re.compile(r'name="made_for_kids"\s+value="no"\s+required\s+checked')


@pytest.fixture
def publication(credential):
    return make_publication(credential)


def filled(**changes):
    return {
        "title": "Evenings",
        "description": "Nörth\r\n\r\n0:00 A\r\n1:00 B\r\n2:00 C\r\n",
        "tags": "deep house, mix",
        "category": "10",
        "privacy": "private",
        "made_for_kids": "no",
        "notify_subscribers": "on",
        "zone": "Europe/Berlin",
        **changes,
    }


def url(name, row, **query):
    return reverse(f"youtube:{name}", args=[row.pk], query=query or None)


def text_of(answer):
    return answer.content.decode()


def test_the_form_is_filled_in_from_the_mix(as_alice, credential, job):
    page = text_of(as_alice.get(url("publish", job)))
    assert 'value="Evenings in the Nörth"' in page
    assert "\nNörth\n\n0:00 A\n1:00 B\n2:00 C\n</textarea>" in page
    assert "Evenings in the Nörth, mix, mixtape, music, Band" in page
    assert 'value="private" checked' in page and 'value="10" selected' in page
    assert page.count('name="made_for_kids"') == 2
    assert not NOT_FOR_KIDS.search(page), "that is its owner's to say"
    assert "YouTube Terms of Service" in page and "you certify that the content you are uploading" in page
    assert "disabled" not in page.partition("data-upload")[2].partition(">")[0]


def test_the_form_sets_the_details_of_the_video(google, as_alice, credential, job):
    answer = as_alice.post(url("publish", job), filled(publish_at="2199-07-01T20:00", altered_content="on"))
    row = YouTubePublication.objects.get()
    assert answer.url == url("publication", row)
    assert row.description == "Nörth\n\n0:00 A\n1:00 B\n2:00 C\n", "as it was, byte by byte"
    assert row.publish_at == datetime(2199, 7, 1, 18, tzinfo=UTC), "eight in the evening in Berlin"
    drive(row)
    video = google.videos[row.video_id]
    assert video["snippet"]["tags"] == ["deep house", "mix"]
    assert video["status"]["publishAt"].startswith("2199-07-01T18:00:00")
    assert video["status"]["containsSyntheticMedia"] and not video["status"]["selfDeclaredMadeForKids"]


def test_pressing_twice_goes_to_the_same_page(as_alice, credential, job):
    answers = [as_alice.post(url("publish", job), filled()) for _ in range(2)]
    assert answers[0].url == answers[1].url
    assert YouTubePublication.objects.count() == 1


def test_invalid_input_keeps_what_was_typed(as_alice, credential, job):
    form = filled(title="x" * 101, description="<b>", tags="y" * 501, made_for_kids="", privacy="public")
    answer = as_alice.post(url("publish", job), form | {"publish_at": "2199-07-01T20:00"})
    page = text_of(answer)
    assert answer.status_code == 422 and not YouTubePublication.objects.exists()
    assert "x" * 101 in page and "&lt;b&gt;</textarea>" in page and "y" * 501 in page
    assert 'value="public" checked' in page and 'value="2199-07-01T20:00"' in page
    assert 'name="zone" value="Europe/Berlin"' in page
    for sentence in (
        "at most 100 characters; this has 101.",
        "accept &lt; or &gt;",
        "these have 501.",
        "choose Yes or No",
    ):
        assert sentence in page, sentence
    assert "Only a private video can become public at a set time." in page
    assert page.count('aria-invalid="true"') >= 5


def test_a_time_out_of_range_is_refused_with_a_sentence(as_alice, credential, job):
    form = filled(publish_at="9999-12-31T23:59", zone="America/New_York")
    answer = as_alice.post(url("publish", job), form)
    assert answer.status_code == 422 and "This time is too far in the future." in text_of(answer)


def test_an_own_picture_is_sent_or_refused_with_a_sentence(as_alice, credential, job):
    wrong = SimpleUploadedFile("mine.txt", b"no picture")
    answer = as_alice.post(url("publish", job), filled(thumbnail=wrong))
    assert answer.status_code == 422 and "mine.txt" in text_of(answer)
    as_alice.post(url("publish", job), filled(thumbnail=SimpleUploadedFile("mine.png", picture())))
    row = YouTubePublication.objects.get()
    shown = as_alice.get(url("publication_thumbnail", row))
    assert b"".join(shown) == storage.path_of(row.thumbnail).read_bytes() != b""
    assert b"".join(shown) != as_alice.get(url("thumbnail", job)).content


def test_without_a_channel_nothing_is_sent(google, as_alice, job):
    page = text_of(as_alice.get(url("publish", job)))
    assert "No YouTube channel is connected." in page
    assert "disabled" in page.partition("data-upload")[2].partition(">")[0]
    assert as_alice.post(url("publish", job), filled()).status_code == 422
    assert not YouTubePublication.objects.exists()


def test_connecting_from_the_form_returns_to_it(google, as_alice, job):
    as_alice.get(url("publish", job))
    assert as_alice.get(begin(as_alice)).url == url("publish", job)
    assert as_alice.get(begin(as_alice)).url == reverse("youtube:channel"), "and that once"


def test_publishing_the_same_mix_again_needs_confirmation(as_alice, credential, job):
    as_alice.post(url("publish", job), filled())
    drive(YouTubePublication.objects.get())
    page = text_of(as_alice.get(url("publish", job)))
    assert "It is on YouTube already as “Evenings”." in page
    answer = as_alice.post(url("publish", job), filled())
    assert answer.status_code == 422 and "Tick this to publish it once more." in text_of(answer)
    as_alice.post(url("publish", job), filled(again="on"))
    assert YouTubePublication.objects.count() == 2


def test_without_google_the_form_redirects_to_the_kit(as_alice, job):
    assert as_alice.get(url("publish", job)).url == url("kit", job)


def test_chapters_are_checked_while_typing(as_alice, job):
    good = as_alice.post(url("chapters", job), {"description": "0:00 A\r\n1:00 B\r\n2:00 C"}, headers=HTMX)
    assert text_of(good).count("#check") == 4
    bad = text_of(as_alice.post(url("chapters", job), {"description": "0:05 A"}, headers=HTMX))
    assert "it begins at 0:05" in bad and "there is 1" in bad


def test_rechecking_reads_the_channel(google, as_alice, credential, job):
    google.manner.long_uploads = "allowed"
    google.manner.channel_title = "Renamed"
    assert "“Renamed”" in text_of(as_alice.post(url("look_again", job), headers=HTMX))
    google.fail("channels", status=503)
    answer = as_alice.post(url("look_again", job), headers=HTMX)
    assert "YouTube did not answer" in answer.headers["HX-Trigger"]
    google.end_grants()
    assert "Connect it again" in text_of(as_alice.post(url("look_again", job), headers=HTMX))


def test_playlists_are_offered_with_their_permission(google, as_alice, alice, job):
    connect(google, alice)
    assert 'name="playlist"' not in text_of(as_alice.get(url("publish", job)))
    connect(google, alice, (*SCOPES, PLAYLIST_SCOPE))
    assert 'name="playlist"' in text_of(as_alice.get(url("publish", job)))
    listed = text_of(as_alice.get(reverse("youtube:playlists"), {"playlist": "PLmixes"}, headers=HTMX))
    assert '<option value="PLmixes" selected>Mixes</option>' in listed
    google.fail("playlists", status=503)
    assert "did not send your playlists" in text_of(as_alice.get(reverse("youtube:playlists"), headers=HTMX))


def test_pages_that_call_google_are_rate_limited(google, as_alice, alice, publication):
    """All users share 10,000 units a day; each of these pages costs one or more."""
    connect(google, alice, (*SCOPES, PLAYLIST_SCOPE))
    for _ in range(12):
        page = text_of(as_alice.get(reverse("youtube:playlists"), headers=HTMX))
    assert "Wait a minute" in page
    YouTubePublication.objects.update(phase=Phase.NEEDS_REVIEW, not_before=HELD)
    for _ in range(12):
        as_alice.post(url("review", publication), {"link": "https://youtu.be/dQw4w9WgXcQ"})
    assert len(google.asked("GET", "/youtube/v3/playlists")) < 12
    assert len(google.asked("GET", "/youtube/v3/videos")) < 12


def test_the_form_warns_of_an_upload_that_may_exist(as_alice, credential, job):
    as_alice.post(url("publish", job), filled())
    ended = {"state": State.FAILED, "error_text": "No answer.", "finished_at": timezone.now()}
    YouTubePublication.objects.update(**ended, final_sent_at=timezone.now())
    assert "may be on your channel already" in text_of(as_alice.get(url("publish", job)))
    assert as_alice.post(url("publish", job), filled()).status_code == 422
    as_alice.post(url("publish", job), filled(again="on"))
    assert YouTubePublication.objects.count() == 2


def test_a_mix_made_without_a_video_is_offered_with_one(as_alice, alice, credential):
    job = make_job_row(make_mix_row(alice), State.DONE, files=("mp3",))
    for name in ("mixes:job_detail", "youtube:kit"):
        page = text_of(as_alice.get(reverse(name, args=[job.pk])))
        assert reverse("youtube:make", args=[job.mix_id]) in page, name
    answer = as_alice.post(reverse("youtube:make", args=[job.mix_id]))
    made = job.mix.jobs.exclude(pk=job.pk).get()
    assert answer.url == url("publish", made)
    page = text_of(as_alice.get(answer.url))
    assert "Upload it when it is done" in page and "is being made" in page
    as_alice.post(answer.url, filled())
    assert YouTubePublication.objects.get().phase == Phase.WAITING_FOR_MIX


# The page of a publication


def shown(client, publication, **columns):
    YouTubePublication.objects.filter(pk=publication.pk).update(**columns)
    return text_of(client.get(url("publication", publication)))


def running(**columns):
    return {
        "state": State.RUNNING,
        "token": "0" * 32,
        "lease_until": timezone.now() + timedelta(minutes=1),
        **columns,
    }


def polled(page):
    return page.partition('hx-trigger="every ')[2].partition('"')[0]


def test_an_upload_shows_percent_speed_and_remaining_time(as_alice, publication):
    now_s = timezone.now().timestamp()
    columns = {"size": 100_000_000, "offset": 40_000_000, "session_opened_at": timezone.now()}
    pace = [[now_s - 20, 20_000_000], [now_s, 40_000_000]]
    page = shown(as_alice, publication, pace=pace, progress=400, **running(**columns))
    assert "40 %" in page and "about 60 s left" in page and "976.6\xa0KB a second" in page
    assert 'value="40000000"' in page and polled(page) == "2s"
    assert "http-equiv" in page, "and without scripts it reloads itself"


def test_waiting_shows_the_time_of_the_next_try(as_alice, publication):
    tomorrow = timezone.now() + timedelta(days=1)
    page = shown(
        as_alice, publication, phase=Phase.WAITING, not_before=tomorrow, message="Used up.", offset=7
    )
    assert "Used up." in page and tomorrow.isoformat(timespec="seconds")[:19] in page
    assert "Try now" in page and "Cancel" in page and polled(page) == "10s"


def test_a_lost_grant_shows_the_reconnect_button(as_alice, publication):
    page = shown(as_alice, publication, phase=Phase.NEEDS_RECONNECT, not_before=HELD, message="Reconnect.")
    assert "Reconnect." in page and "Connect again" in page and reverse("youtube:channel") in page
    assert polled(page) == ""


def test_a_review_offers_two_answers(as_alice, publication):
    page = shown(
        as_alice,
        publication,
        phase=Phase.NEEDS_REVIEW,
        not_before=HELD,
        final_sent_at=timezone.now(),
        message="YouTube may already have this video.",
    )
    assert "YouTube may already have this video." in page
    assert 'name="link"' in page and 'name="again"' in page and polled(page) == ""
    as_alice.post(url("review", publication), {"link": "nonsense"})
    publication.refresh_from_db()
    assert publication.phase == Phase.NEEDS_REVIEW
    as_alice.post(url("review", publication), {"again": "1"})
    publication.refresh_from_db()
    assert (publication.phase, publication.final_sent_at, publication.offset) == (Phase.UPLOADING, None, 0)


def test_a_refusal_points_to_the_field(google, as_alice, alice, credential, job):
    as_alice.post(url("publish", job), filled())
    row = YouTubePublication.objects.get()
    google.fail("start", reason="invalidTitle")
    drive(row)
    page = shown(as_alice, row)
    assert "YouTube does not take this title." in page and f"{url('edit', row)}#id_title" in page
    form = text_of(as_alice.get(url("edit", row)))
    assert 'value="Evenings"' in form and NOT_FOR_KIDS.search(form)
    assert as_alice.post(url("edit", row), filled(title="")).status_code == 422
    assert as_alice.post(url("edit", row), filled(title="Better")).url == url("publication", row)
    drive(row)
    assert google.videos[row.video_id]["snippet"]["title"] == "Better"


def test_a_published_video_has_its_links_and_notes(google, as_alice, publication):
    google.manner.forced_privacy = "private"
    YouTubePublication.objects.filter(pk=publication.pk).update(privacy="public")
    drive(publication)
    page = shown(as_alice, publication)
    assert f"https://youtu.be/{publication.video_id}" in page
    assert f"https://studio.youtube.com/video/{publication.video_id}/edit" in page
    assert "YouTube made the video private, not public." in page
    assert "only you can see it" in page and polled(page) == "" and "http-equiv" not in page


def test_a_poll_returns_fragments_until_the_state_changes(as_alice, publication):
    ask = as_alice.get(url("status", publication, seen="queued"), headers=HTMX)
    assert "publication-status" in text_of(ask) and "<html" not in text_of(ask)
    drive(publication)
    ask = as_alice.get(url("status", publication, seen="queued"), headers=HTMX)
    assert ask.headers["HX-Refresh"] == "true"


def test_cancelling_is_offered_until_it_is_too_late(as_alice, publication):
    assert url("cancel", publication) in shown(as_alice, publication)
    assert url("cancel", publication) not in shown(
        as_alice, publication, final_sent_at=timezone.now(), **running()
    )
    YouTubePublication.objects.update(
        final_sent_at=None, state=State.QUEUED, token=None, lease_until=None, not_before=None
    )
    as_alice.post(url("cancel", publication))
    assert "You stopped it" in shown(as_alice, publication)


def test_the_page_of_a_result_shows_the_state_of_publishing(as_alice, credential, job):
    page = reverse("mixes:job_detail", args=[job.pk])
    assert "Publish to YouTube" in text_of(as_alice.get(page))
    as_alice.post(url("publish", job), filled())
    assert "It is on its way." in text_of(as_alice.get(page))
    drive(YouTubePublication.objects.get())
    assert "Publishing it again makes another video." in text_of(as_alice.get(page))


def test_the_panel_makes_a_constant_number_of_queries(
    as_alice, credential, job, django_assert_max_num_queries
):
    for _ in range(4):
        make_publication(credential, mix=job.mix, job=job)
    with django_assert_max_num_queries(30):
        as_alice.get(reverse("mixes:job_detail", args=[job.pk]))


def test_no_page_contains_a_session_url(as_alice, alice, publication):
    YouTubePublication.objects.update(sealed_session="CANARY-session")
    alice.is_staff = alice.is_superuser = True
    alice.save()
    admin = reverse("admin:youtube_integration_youtubepublication_changelist")
    for address in (
        url("publication", publication),
        url("edit", publication),
        admin,
        reverse("admin:youtube_integration_youtubepublication_change", args=[publication.pk]),
    ):
        assert "CANARY" not in text_of(as_alice.get(address, follow=True)), address


# An operator


@pytest.fixture
def operator(db):
    client = Client()
    client.force_login(User.objects.create_superuser("operator@example.org", "turns the knobs"))
    return client


def do(client, action, row):
    changelist = reverse("admin:youtube_integration_youtubepublication_changelist")
    answer = client.post(changelist, {"action": action, "_selected_action": [str(row.pk)]}, follow=True)
    row.refresh_from_db()
    return text_of(answer)


def test_operator_actions_resume_search_and_end_a_publication(operator, publication):
    assert "There is nothing to resume" in do(operator, "resume", publication)
    YouTubePublication.objects.update(phase=Phase.WAITING, not_before=timezone.now() + timedelta(hours=9))
    assert "1 resumed." in do(operator, "resume", publication)
    assert publication.not_before is None
    YouTubePublication.objects.update(
        phase=Phase.NEEDS_REVIEW, not_before=HELD, final_sent_at=timezone.now(), looks=3
    )
    assert "1 will be searched for" in do(operator, "reconcile", publication)
    assert (publication.looks, publication.phase) == (0, Phase.UPLOADING)
    assert "1 given up." in do(operator, "give_up", publication)
    assert publication.state == State.CANCELLED
