"""Connecting a channel: the user who asked gets a complete grant, or nothing changes and a page says why."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mixes.leases import State
from mixes.queues import PUBLISH
from youtube_integration.google import types
from youtube_integration.models import HELD, PendingRevocation, YouTubeCredential, YouTubePublication
from youtube_integration.services import channels
from youtube_integration.services.credentials import tokens_of
from youtube_integration.tests.journeys import begin, connect, connected, words_of

pytestmark = pytest.mark.django_db
CALLBACK, CHANNEL = "/youtube/callback/", "/youtube/"


def publication(owner, channel_id="UCstandin", **columns):
    columns = {"channel_title": "DJ Channel", "title": "Evening", "queue": PUBLISH} | columns
    return YouTubePublication.objects.create(owner=owner, channel_id=channel_id, **columns)


def test_consent_requests_offline_access_with_pkce(as_alice, google):
    address = as_alice.post(reverse("youtube:connect")).url
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert query["access_type"] == "offline" and query["prompt"] == "consent"
    assert query["code_challenge_method"] == "S256" and len(query["code_challenge"]) == 43
    assert query["include_granted_scopes"] == "false"
    assert set(query["scope"].split()) == set(channels.REQUIRED_SCOPES)
    assert query["redirect_uri"] == "http://127.0.0.1:8000/youtube/callback/"


def test_a_channel_is_connected_and_shown(alice, as_alice, google):
    google.manner.long_uploads = "eligible"
    assert "DJ Channel" in connect(as_alice)
    credential = YouTubeCredential.objects.get(user=alice)
    assert (credential.channel_id, credential.uploads_playlist) == ("UCstandin", "UUstandin")
    assert set(credential.scopes) == set(channels.REQUIRED_SCOPES)
    page = as_alice.get(CHANNEL).content.decode()
    assert "DJ Channel" in page and "up to 15 minutes" in page and "myaccount.google.com/connections" in page
    assert "not allowed" in page  # playlists, which were not requested


def test_a_second_consent_adds_playlists(alice, as_alice, google):
    assert not channels.may_use_playlists(connected(alice, as_alice))
    connect(as_alice, playlists="on")
    assert channels.may_use_playlists(YouTubeCredential.objects.get(user=alice))


def test_playlists_that_were_unticked_do_not_stop_publishing(alice, as_alice, google):
    google.manner.dropped_scopes = (types.PLAYLIST_SCOPE,)
    connect(as_alice, playlists="on")
    assert not channels.may_use_playlists(YouTubeCredential.objects.get(user=alice))


@pytest.mark.parametrize("scope", channels.REQUIRED_SCOPES)
def test_an_unticked_box_connects_nothing_and_the_page_names_it(
    alice, as_alice, google, scope, django_capture_on_commit_callbacks
):
    google.manner.dropped_scopes = (scope,)
    with django_capture_on_commit_callbacks(execute=True):
        assert "leave all boxes ticked" in connect(as_alice)
    assert not YouTubeCredential.objects.exists()
    assert google.refresh == {} and not PendingRevocation.objects.exists()  # the useless grant was revoked


def test_declining_at_google_changes_nothing(alice, as_alice, google):
    google.manner.denies = True
    assert "You said no" in connect(as_alice)
    assert not YouTubeCredential.objects.exists()
    assert google.asked("POST", "/token") == []


def test_an_account_without_a_channel_is_told_to_make_one(as_alice, google):
    google.manner.has_channel = False
    assert "has no YouTube channel" in connect(as_alice)
    assert not YouTubeCredential.objects.exists()


def test_a_grant_without_a_refresh_token_is_not_stored(as_alice, google, monkeypatch):
    again = begin(as_alice)
    for code in google.codes.values():  # Google sends none at the second consent unless prompt=consent
        code.grant.is_offline = False
    assert "no lasting permission" in words_of(as_alice.get(again))
    assert not YouTubeCredential.objects.exists()


def test_a_project_without_youtube_refers_to_the_operator(as_alice, google):
    google.fail("channels", reason="accessNotConfigured")
    assert "tell its operator" in connect(as_alice)


def test_an_outage_of_google_changes_nothing(as_alice, google):
    google.fail("channels", drop="rst", times=9)
    assert "could not be reached" in connect(as_alice)
    assert not YouTubeCredential.objects.exists()


@pytest.mark.parametrize("state", ["", "forged", None])
def test_an_answer_with_another_state_connects_nothing(as_alice, google, state):
    path = begin(as_alice)
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    params = {"code": query["code"]} | ({} if state is None else {"state": state})
    assert "did not confirm" in words_of(as_alice.get(CALLBACK, params))
    assert google.asked("POST", "/token") == []
    # the correct state is used up as well: an answer is accepted once
    assert "not started here" in words_of(as_alice.get(path))
    assert not YouTubeCredential.objects.exists()


def test_an_answer_is_accepted_once(alice, as_alice, google):
    path = begin(as_alice)
    as_alice.get(path)
    before = YouTubeCredential.objects.get(user=alice).sealed_tokens
    assert "not started here" in words_of(as_alice.get(path))
    assert YouTubeCredential.objects.get(user=alice).sealed_tokens == before


def test_a_code_that_was_used_elsewhere_connects_nothing(as_alice, google):
    path = begin(as_alice)
    google.codes.clear()
    assert "did not confirm" in words_of(as_alice.get(path))
    assert not YouTubeCredential.objects.exists()


def test_a_wrong_verifier_connects_nothing(as_alice, google):
    path = begin(as_alice)
    session = as_alice.session
    session["youtube_connection"] |= {"verifier": "x" * 64}
    session.save()
    assert "did not confirm" in words_of(as_alice.get(path))
    assert not YouTubeCredential.objects.exists()


def test_another_users_answer_connects_nothing(as_alice, as_bob, google):
    path = begin(as_alice)
    assert "not started here" in words_of(as_bob.get(path))
    begin(as_bob)
    assert "did not confirm" in words_of(as_bob.get(path))  # not even with a connection of their own started
    assert not YouTubeCredential.objects.exists()


def test_an_answer_in_a_browser_where_another_user_signed_in_meanwhile_connects_nothing(
    bob, as_alice, google
):
    path = begin(as_alice)
    waiting = as_alice.session["youtube_connection"]
    as_alice.force_login(bob)
    assert "youtube_connection" not in as_alice.session
    session = as_alice.session  # even if it remained in the session
    session["youtube_connection"] = waiting
    session.save()
    assert "not started here" in words_of(as_alice.get(path))
    assert not YouTubeCredential.objects.exists()


def test_an_answer_that_comes_too_late_connects_nothing(as_alice, google):
    path = begin(as_alice)
    session = as_alice.session
    session["youtube_connection"] |= {"begun_s": timezone.now().timestamp() - 1801}
    session.save()
    assert "too long ago" in words_of(as_alice.get(path))


def test_a_user_signed_out_in_between_signs_in_first(google):
    answer = Client().get(CALLBACK, {"code": "4/0Astolen", "state": "x"})
    assert answer.status_code == 302 and answer.url.startswith(reverse("account_login"))


def test_connecting_is_rate_limited(as_alice, google):
    answers = [as_alice.post(reverse("youtube:connect")) for _ in range(11)]
    assert answers[-1].url == CHANNEL and "a lot at once" in words_of(answers[-1])


def test_reconnecting_stores_the_new_grant_and_resumes_publications(alice, as_alice, google):
    credential = connected(alice, as_alice)
    YouTubeCredential.objects.update(state="reconnect", lost_at=timezone.now())
    waiting = publication(alice, phase=YouTubePublication.Phase.NEEDS_RECONNECT, not_before=HELD)
    connect(as_alice)
    fresh = YouTubeCredential.objects.get(user=alice)
    assert fresh.pk == credential.pk and fresh.state == "active" and fresh.lost_at is None
    assert tokens_of(fresh).refresh != tokens_of(credential).refresh
    waiting.refresh_from_db()
    assert waiting.credential == fresh


def test_another_channel_is_refused_while_the_first_has_open_publications(alice, as_alice, google):
    credential = connected(alice, as_alice)
    publication(alice)
    google.manner.channel_id, google.manner.channel_title = "UCother", "Other Channel"
    words = connect(as_alice)
    assert "“Other Channel”" in words and "“DJ Channel”" in words
    assert YouTubeCredential.objects.get(user=alice).sealed_tokens == credential.sealed_tokens
    assert google.revoked == []  # Google may treat both grants as one


def test_another_channel_replaces_the_first_without_open_publications(alice, as_alice, google):
    connected(alice, as_alice)
    google.manner.channel_id = "UCother"
    connect(as_alice)
    assert YouTubeCredential.objects.get(user=alice).channel_id == "UCother"


@pytest.mark.parametrize("how", ["answers", "says it is dead", "is down"])
def test_disconnecting_revokes_the_grant_and_deletes_it_whatever_google_answers(
    alice, as_alice, google, how, django_capture_on_commit_callbacks
):
    token = tokens_of(connected(alice, as_alice)).refresh
    if how == "says it is dead":
        google.end_grants()
    if how == "is down":
        google.fail("revoke", status=503)
    with django_capture_on_commit_callbacks(execute=True):
        assert "Disconnected" in words_of(as_alice.post(reverse("youtube:disconnect")))
    assert not YouTubeCredential.objects.exists()
    assert len(google.asked("POST", "/revoke")) == 1
    assert google.revoked == ([token] if how == "answers" else [])
    pending = PendingRevocation.objects.first()
    assert bool(pending) == (how == "is down")
    assert pending is None or token not in pending.sealed_tokens


def test_disconnecting_twice_is_harmless(alice, as_alice, google):
    connected(alice, as_alice)
    as_alice.post(reverse("youtube:disconnect"))
    assert as_alice.post(reverse("youtube:disconnect")).url == CHANNEL


def page_of(row):
    return reverse("youtube:publication", args=[row.pk])


def test_disconnecting_cancels_publications_and_deletes_youtubes_data(alice, as_alice, google):
    credential = connected(alice, as_alice)
    columns = {"privacy_actual": "private", "processing": {"status": "succeeded"}, "credential": credential}
    columns["sealed_session"] = "sealed"
    on_its_way = publication(alice, **columns)
    unclear = publication(alice, final_sent_at=timezone.now(), **columns)
    video = publication(alice, final_sent_at=timezone.now(), video_id="v1", **columns)
    elsewhere = publication(alice, channel_id="UCother", privacy_actual="public")
    as_alice.post(reverse("youtube:disconnect"))
    rows = [on_its_way, unclear, video, elsewhere]
    for row in rows:
        row.refresh_from_db()
    assert [row.state for row in rows] == [State.CANCELLED, State.QUEUED, State.DONE, State.QUEUED]
    assert unclear.phase == "needs_review" and unclear.not_before == HELD
    assert "may already have this video" in as_alice.get(page_of(unclear)).content.decode()
    assert [row.sealed_session for row in rows] == ["", "sealed", "", ""], "and keeps no way in without need"
    assert (video.video_id, video.title, video.processing, video.privacy_actual) == ("v1", "Evening", {}, "")
    assert video.channel_title == "" and elsewhere.privacy_actual == "public"


def test_a_user_cannot_disconnect_another_users_channel(alice, as_alice, as_bob, google):
    connected(alice, as_alice)
    as_bob.post(reverse("youtube:disconnect"))
    assert YouTubeCredential.objects.filter(user=alice).exists()
    assert "DJ Channel" not in as_bob.get(CHANNEL).content.decode()


def test_the_page_warns_of_grants_that_last_a_week(alice, as_alice, google):
    connected(alice, as_alice)
    assert "seven days" in as_alice.get(CHANNEL).content.decode()
    YouTubeCredential.objects.update(granted_at=timezone.now() - timedelta(days=8))
    assert "seven days" not in as_alice.get(CHANNEL).content.decode()  # the grant has lasted longer


def test_a_broken_grant_says_what_to_do(alice, as_alice, google):
    connected(alice, as_alice)
    now = timezone.now()
    YouTubeCredential.objects.update(state="reconnect", granted_at=now - timedelta(days=7), lost_at=now)
    page = as_alice.get(CHANNEL).content.decode()
    assert "Connect again" in page and "still being tested" in page
    assert "to be connected again" in as_alice.get(reverse("accounts:profile")).content.decode()


def test_only_pictures_of_googles_hosts_are_shown_and_only_on_this_page(alice, as_alice, google):
    connected(alice, as_alice)
    assert "/picture.jpg" not in as_alice.get(CHANNEL).content.decode()
    picture = "https://yt3.ggpht.com/abc=s88"
    YouTubeCredential.objects.update(channel_picture=picture)
    answer = as_alice.get(CHANNEL)
    assert picture in answer.content.decode()
    assert "https://yt3.ggpht.com" in answer["Content-Security-Policy"]
    assert "ggpht" not in as_alice.get(reverse("accounts:profile"))["Content-Security-Policy"]


def test_without_keys_the_page_shows_operators_what_is_missing(alice, as_alice):
    page = as_alice.get(CHANNEL).content.decode()
    assert "cannot publish yet" in page and "/youtube/setup/" not in page
    assert as_alice.post(reverse("youtube:connect")).url == CHANNEL
    alice.is_staff = True
    alice.save()
    assert "/youtube/setup/" in as_alice.get(CHANNEL).content.decode()
