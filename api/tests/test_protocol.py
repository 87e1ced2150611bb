"""The protocol of the API: which request gets which status, and errors as problems."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from api.models import ApiToken
from api.services import tokens
from api.tests.conftest import client_of
from mixes.leases import State
from mixes.models import Mix, MixJob, Track
from mixes.tests.factories import make_job_row, make_mix_row, make_track_row

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


def send(client, method, path, body=None, **headers):
    content = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    return client.generic(method, V1 + path, content, "application/json", headers=headers)


@pytest.fixture
def mix(alice):
    return make_mix_row(alice)


@pytest.fixture
def job(mix):
    return make_job_row(mix, State.DONE, files=("mp3",))


def check_problem(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), (
        answer.content
    )
    problem = answer.json()
    assert problem["type"] == f"urn:mixtape:problem:{code}"
    assert problem["status"] == status
    assert problem["detail"].lstrip("“")[0].isupper() or problem.get("errors")
    assert problem["request_id"] == answer["X-Request-ID"]
    return problem


# method, path, body, headers -> status and code of the problem; {mix}, {job} and so on are alice's
TABLE = {
    "unknown address": ("GET", "/nowhere", None, {}, 404, "not-found"),
    "unknown id": ("GET", f"/mixes/{uuid.uuid4()}", None, {}, 404, "not-found"),
    "no id": ("GET", "/mixes/7", None, {}, 404, "not-found"),
    "other method": ("PUT", "/mixes/{mix}", {}, {}, 405, "method-not-allowed"),
    "no JSON": ("POST", "/mixes", "{", {}, 400, "not-json"),
    "NaN": ("PATCH", "/mixes/{mix}", '{"settings": {"gap_s": NaN}}', {}, 400, "not-json"),
    "half a character": ("POST", "/mixes", '{"title": "\\ud800"}', {}, 400, "not-json"),
    "NUL in a text": ("POST", "/mixes", {"title": "\0"}, {}, 422, "invalid"),
    "misspelt member": ("POST", "/mixes", {"titel": "x"}, {}, 422, "invalid"),
    "null for a switch": ("PATCH", "/mixes/{mix}", {"settings": {"trim": None}}, {}, 422, "invalid"),
    "value beyond its limit": ("PATCH", "/mixes/{mix}", {"settings": {"gap_s": 99}}, {}, 422, "invalid"),
    "unknown style": ("PATCH", "/mixes/{mix}", {"settings": {"style": "loud"}}, {}, 422, "invalid"),
    "nothing to make": ("PATCH", "/mixes/{mix}", {"settings": {"make_mp3": False}}, {}, 422, "invalid"),
    "tracks of nobody": ("POST", "/mixes", {"tracks": [str(uuid.uuid4())]}, {}, 422, "invalid"),
    "no file": ("POST", "/tracks/from-form", "", {}, 422, "invalid"),
    "bad cursor": ("GET", "/mixes?cursor=x", None, {}, 422, "invalid"),
    "page too long": ("GET", "/mixes?limit=201", None, {}, 422, "invalid"),
    "wait too long": ("GET", "/jobs/{job}?wait=31", None, {}, 422, "invalid"),
    "stale version": ("PATCH", "/mixes/{mix}", {"title": "B"}, {"If-Match": '"99"'}, 409, "stale-version"),
    "no version": ("PATCH", "/mixes/{mix}", {"title": "B"}, {"If-Match": "new"}, 412, "no-version"),
    "track in use": ("DELETE", "/tracks/{track}", None, {}, 409, "in-use"),
    "nothing to mix": ("POST", "/mixes/{empty}/jobs", {}, {}, 409, "refused"),
    "range beyond the end": ("GET", "/artifacts/{artifact}/file", None, {"Range": "bytes=999-"}, 416, None),
    "not set up": ("POST", "/jobs/{job}/publications", {"made_for_kids": False}, {}, 409, "refused"),
    "key too long": ("POST", "/mixes", {}, {"Idempotency-Key": "k" * 256}, 422, "invalid"),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_wrong_request_gets_its_problem(name, by_alice, alice, mix, job):
    method, path, body, headers, status, code = TABLE[name]
    ids = {
        "mix": mix.pk,
        "job": job.pk,
        "artifact": job.artifacts.get().pk,
        "track": mix.items.first().track_id,
        "empty": Mix.objects.create(owner=alice, title="Empty").pk,
    }
    before = Mix.objects.count(), MixJob.objects.count(), Track.objects.count()
    answer = send(by_alice, method, path.format(**ids) if "{" in path else path, body, **headers)
    check_problem(answer, status, code or "requested-range-not-satisfiable")
    assert (Mix.objects.count(), MixJob.objects.count(), Track.objects.count()) == before


# Tokens and scopes


@pytest.mark.parametrize(
    "value",
    ["", "mxt_", "Bearer", "Bearer ", "Bearer mxt_wrong", "Basic YTpi", "Bearer \u00e9", "Token mxt_x"],
)
def test_without_a_valid_token_there_is_401_and_the_way_to_one(value, by_nobody, mix):
    answer = by_nobody.get(f"{V1}/mixes/{mix.pk}", headers={"Authorization": value} if value else {})
    check_problem(answer, 401, "no-token")
    assert answer["WWW-Authenticate"] == 'Bearer realm="Mixtape"'


def test_a_cookie_is_no_token(as_alice, mix):
    check_problem(as_alice.get(f"{V1}/mixes/{mix.pk}"), 401, "no-token")
    answer = as_alice.post(f"{V1}/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5"})
    assert answer.status_code == 401


def test_an_expired_token_says_so(alice, mix):
    client = client_of(alice, "read", days=1)
    assert send(client, "GET", "/me").status_code == 200
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = send(client, "GET", "/me")
    check_problem(answer, 401, "token-expired")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]


def test_a_removed_token_and_a_closed_account_end_access(alice, by_alice):
    alice.is_active = False
    alice.save()
    check_problem(send(by_alice, "GET", "/me"), 401, "no-token")
    alice.is_active = True
    alice.save()
    assert tokens.remove_token(alice, ApiToken.objects.get().pk)
    check_problem(send(by_alice, "GET", "/me"), 401, "no-token")


def test_another_users_token_cannot_be_removed(alice, by_alice, bob):
    assert not tokens.remove_token(bob, ApiToken.objects.get().pk)
    assert send(by_alice, "GET", "/me").status_code == 200


def test_a_scope_is_needed(alice, mix, job):
    reader, writer = client_of(alice, "read"), client_of(alice, "write")
    assert check_problem(send(reader, "POST", "/mixes", {}), 403, "no-scope")["scope"] == "write"
    check_problem(send(reader, "DELETE", f"/mixes/{mix.pk}"), 403, "no-scope")
    body = {"made_for_kids": False}
    check_problem(send(writer, "POST", f"/jobs/{job.pk}/publications", body), 403, "no-scope")
    assert send(writer, "GET", f"/mixes/{mix.pk}").status_code == 200  # who may write may read
    assert Mix.objects.get(pk=mix.pk).deleted_at is None


def test_only_a_digest_of_a_token_is_stored(by_alice):
    (row,) = ApiToken.objects.values()
    assert by_alice.secret.startswith("mxt_") and len(by_alice.secret) > 40
    assert by_alice.secret not in str(row)


def test_the_last_use_is_noted_once_a_minute(by_alice, django_assert_num_queries):
    send(by_alice, "GET", "/me")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    send(by_alice, "GET", "/me")
    assert ApiToken.objects.get().last_used_at == first


# Rates


def test_every_answer_tells_the_rate_and_beyond_it_there_is_429(by_alice, settings, monkeypatch):
    settings.LIMITS = replace(settings.LIMITS, api_per_minute=2)
    monkeypatch.setattr("mixes.services.rate_limits.time.time", lambda: 1_000_020.0)
    first = send(by_alice, "GET", "/me")
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"], first["RateLimit-Reset"]) == (
        "2",
        "1",
        "60",
    )
    assert send(by_alice, "GET", f"/mixes/{uuid.uuid4()}")["RateLimit-Remaining"] == "0"
    answer = send(by_alice, "GET", "/me")
    check_problem(answer, 429, "too-fast")
    assert (answer["Retry-After"], answer["RateLimit-Remaining"]) == ("60", "0")


def test_answers_are_kept_by_no_cache(by_alice):
    assert send(by_alice, "GET", "/me")["Cache-Control"] == "private, no-store"


# What goes wrong on our side


def test_an_error_of_ours_is_a_problem_with_the_id_of_the_request(by_alice, monkeypatch):
    monkeypatch.setattr("api.views.me.storage_used", lambda user: 1 / 0)
    check_problem(send(by_alice, "GET", "/me"), 500, "internal-server-error")


def test_a_busy_database_is_503_and_says_when_to_come_back(by_alice, monkeypatch):
    from django.db import OperationalError

    def locked(user):
        raise OperationalError("database is locked")

    monkeypatch.setattr("api.views.me.storage_used", locked)
    answer = send(by_alice, "GET", "/me")
    check_problem(answer, 503, "service-unavailable")
    assert answer["Retry-After"] == "5"


# Repeated requests


def test_one_key_makes_one_job_and_gives_the_same_answer(by_alice, mix):
    path, key = f"/mixes/{mix.pk}/jobs", {"Idempotency-Key": "night-1"}
    first = send(by_alice, "POST", path, {}, **key)
    MixJob.objects.update(state=State.DONE, check_sheet={}, finished_at=timezone.now())
    second = send(by_alice, "POST", path, {}, **key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    assert MixJob.objects.count() == 1
    assert (
        send(by_alice, "POST", path, {}, **{"Idempotency-Key": "night-2"}).json()["id"] != first.json()["id"]
    )


def test_a_key_of_another_request_is_refused(by_alice, by_bob):
    key = {"Idempotency-Key": "one"}
    assert send(by_alice, "POST", "/mixes", {"title": "A"}, **key).status_code == 201
    check_problem(send(by_alice, "POST", "/mixes", {"title": "B"}, **key), 422, "key-reused")
    assert send(by_bob, "POST", "/mixes", {"title": "B"}, **key).json()["title"] == "B"


def test_an_error_is_not_kept(by_alice, alice):
    mix = make_mix_row(alice, tracks=0)
    path, key = f"/mixes/{mix.pk}/jobs", {"Idempotency-Key": "again"}
    check_problem(send(by_alice, "POST", path, {}, **key), 409, "refused")
    send(by_alice, "PUT", f"/mixes/{mix.pk}/tracks", {"tracks": [str(make_track_row(alice).pk)]})
    assert send(by_alice, "POST", path, {}, **key).status_code == 201


def test_a_key_is_free_after_a_day(by_alice):
    from api.models import StoredAnswer

    key = {"Idempotency-Key": "daily"}
    send(by_alice, "POST", "/mixes", {"title": "A"}, **key)
    StoredAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert send(by_alice, "POST", "/mixes", {"title": "B"}, **key).json()["title"] == "B"


# Other users


def test_nothing_of_another_user_is_read_or_changed(by_bob, mix, job):
    track, item, artifact = mix.items.first().track_id, mix.items.first().pk, job.artifacts.get().pk
    requests = [
        ("GET", f"/mixes/{mix.pk}", None),
        ("PATCH", f"/mixes/{mix.pk}", {"title": "Mine"}),
        ("DELETE", f"/mixes/{mix.pk}", None),
        ("PUT", f"/mixes/{mix.pk}/tracks", {"tracks": []}),
        ("GET", f"/mixes/{mix.pk}/joins", None),
        ("PATCH", f"/mixes/{mix.pk}/joins/{item}", {"overlap": 2}),
        ("DELETE", f"/mixes/{mix.pk}/joins/{item}", None),
        ("POST", f"/mixes/{mix.pk}/jobs", {}),
        ("GET", f"/tracks/{track}", None),
        ("PATCH", f"/tracks/{track}", {"title": "Mine"}),
        ("DELETE", f"/tracks/{track}?from_mixes=true", None),
        ("GET", f"/tracks/{track}/file", None),
        *(("GET", f"/jobs/{job.pk}{part}", None) for part in ("", "/artifacts", "/timeline", "/checks")),
        ("POST", f"/jobs/{job.pk}/cancel", None),
        ("POST", f"/jobs/{job.pk}/publications", {"made_for_kids": False}),
        ("DELETE", f"/jobs/{job.pk}", None),
        ("GET", f"/artifacts/{artifact}", None),
        ("GET", f"/artifacts/{artifact}/file", None),
    ]
    before = list(Mix.objects.values()), list(Track.objects.values()), list(MixJob.objects.values())
    for method, path, body in requests:
        missing = path.replace(str(mix.pk), str(uuid.uuid4())).replace(str(job.pk), str(uuid.uuid4()))
        answer = send(by_bob, method, path, body)
        problem = check_problem(answer, 404, "not-found")
        assert (
            problem["detail"]
            == check_problem(send(by_bob, method, missing, body), 404, "not-found")["detail"]
        )
    for path in ("/mixes", "/tracks", "/jobs", "/publications"):
        assert send(by_bob, "GET", path).json() == {"items": [], "next": None}
    answer = send(by_bob, "POST", "/mixes", {"tracks": [str(track)]})
    check_problem(answer, 422, "invalid")
    assert before == (list(Mix.objects.values()), list(Track.objects.values()), list(MixJob.objects.values()))


def test_a_form_of_another_site_cannot_use_the_cookie(alice, mix):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    file = SimpleUploadedFile("a.mp3", b"sound")
    assert client.post(f"{V1}/tracks/from-form", {"file": file}).status_code == 401
    assert Track.objects.filter(name="a.mp3").count() == 0
