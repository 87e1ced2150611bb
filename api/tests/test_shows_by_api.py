"""Episodes of shows over the API: begun, made, and published in one request."""

import pytest

from api.tests.conftest import client_of
from api.tests.test_protocol import check_problem, send
from mixes.models import Mix, MixJob, Track
from mixes.services.shows import presets
from mixes.tests.factories import make_mix_row, make_track_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def show(alice):
    mix = make_mix_row(alice, "Nights #6", style="gap", gap_s=2.5)
    found = presets.save_as_show(mix)
    presets.change_show(found, {}, title_pattern="{show} {n}", outro=make_track_row(alice, "Bye"))
    return found


@pytest.fixture
def songs(alice):
    return [str(make_track_row(alice, title).pk) for title in ("Aria", "Bolero")]


def test_an_episode_has_the_settings_of_its_show_and_its_outro_last(by_alice, show, songs):
    (listed,) = send(by_alice, "GET", "/shows").json()["items"]
    assert listed == send(by_alice, "GET", f"/shows/{show.pk}").json()
    mix = send(by_alice, "POST", f"/shows/{show.pk}/episodes", {"tracks": songs}).json()
    assert [item["title"] for item in mix["tracks"]] == ["Aria", "Bolero", "Bye"]
    assert (mix["settings"]["style"], mix["settings"]["gap_s"]) == ("gap", 2.5)
    assert mix["title"] == f"{show.name} {show.next_number}"


def test_a_show_makes_its_episode_once_with_one_key(by_alice, show, songs):
    path, key = f"/shows/{show.pk}/make", {"Idempotency-Key": "friday"}
    answers = [send(by_alice, "POST", path, {"tracks": songs}, **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    job = MixJob.objects.get()
    assert answers[0].json()["id"] == str(job.pk) and answers[0].json()["state"] == "queued"
    assert (job.mix.show, job.mix.episode) == (show, show.next_number)


def test_songs_that_are_not_ready_leave_no_episode(by_alice, alice, show, songs):
    coming = make_track_row(alice, "Canon", state=Track.State.ANALYSING)
    before = Mix.objects.count()
    body = {"tracks": [*songs, str(coming.pk)]}
    problem = check_problem(send(by_alice, "POST", f"/shows/{show.pk}/make", body), 409, "refused")
    assert "Canon" in problem["detail"]
    assert Mix.objects.count() == before
    number = show.next_number
    show.refresh_from_db()
    assert show.next_number == number


def test_publishing_needs_its_scope_and_leaves_nothing_when_it_is_refused(alice, by_alice, show, songs):
    before, path = Mix.objects.count(), f"/shows/{show.pk}/make"
    body = {"tracks": songs, "publish": {"made_for_kids": False}}
    check_problem(send(client_of(alice, "write"), "POST", path, body), 403, "no-scope")
    check_problem(send(by_alice, "POST", path, body), 409, "refused")  # publishing is not set up here
    assert (Mix.objects.count(), MixJob.objects.count()) == (before, 0)


def test_a_show_of_another_user_is_not_there(by_bob, show, songs):
    for method, path in (("GET", ""), ("POST", "/make"), ("POST", "/episodes")):
        body = {"tracks": songs} if method == "POST" else None
        check_problem(send(by_bob, method, f"/shows/{show.pk}{path}", body), 404, "not-found")
    assert send(by_bob, "GET", "/shows").json()["items"] == []
