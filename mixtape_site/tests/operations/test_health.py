"""/readyz reports what is missing, and answers 503 only then."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from mixes.models import MixJob
from mixes.services.workers import Node, WorkerNode, beat
from mixes.tests.factories import make_mix_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def workers():
    for queue in ("short", "long"):
        beat(Node(queue, "here", 1, "run"), "")


def ask(client, host="localhost", **more):
    """Request from this machine itself, unless `host` or `more` say otherwise."""
    cache.clear()
    answer = client.get("/readyz", headers={"host": host, **more})
    return answer.status_code, answer.json()["checks"]


def test_a_complete_site_is_ready(client, workers):
    status, checks = ask(client)
    assert status == 200 and all(check["ok"] for check in checks.values())
    assert set(checks) >= {
        "database",
        "migrations",
        "storage",
        "disk",
        "ffmpeg",
        "worker_short",
        "worker_long",
    }


def test_a_worker_silent_for_a_minute_is_reported(client, workers):
    WorkerNode.objects.filter(queue="long").update(heartbeat_at=Now() - timedelta(seconds=61))
    status, checks = ask(client)
    assert status == 503
    assert not checks["worker_long"]["ok"] and checks["worker_short"]["ok"]


def test_the_age_of_the_oldest_waiting_job_is_reported(client, workers, alice):
    job = MixJob.objects.create(owner=alice, mix=make_mix_row(alice), title="Mix", snapshot={}, queue="long")
    MixJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    checks = ask(client)[1]
    assert 90 <= checks["worker_long"]["detail"]["oldest_waiting_s"] <= 92
    assert checks["worker_short"]["detail"]["oldest_waiting_s"] is None


def test_a_media_folder_that_cannot_be_written_is_reported_without_its_path(
    client, workers, settings, tmp_path
):
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file" / "media"
    status, checks = ask(client)
    assert status == 503 and not checks["storage"]["ok"]
    assert str(tmp_path) not in str(checks)


def test_a_full_disk_is_reported(client, workers, settings):
    settings.LIMITS = settings.LIMITS.__class__(free_disk_bytes=1 << 60)
    status, checks = ask(client)
    assert status == 503 and not checks["disk"]["ok"]


def test_a_missing_ffmpeg_is_reported(client, workers, settings, tmp_path):
    settings.FFMPEG = str(tmp_path / "nowhere")
    status, checks = ask(client)
    assert status == 503 and not checks["ffmpeg"]["ok"]


def test_only_this_machine_and_operators_get_details(client, workers, as_bob):
    operator = Client()
    operator.force_login(get_user_model().objects.create_superuser("op@example.org", "many loud records"))
    answers = [
        ask(client),
        ask(client, "127.0.0.1:8000"),
        ask(client, "[::1]:8000"),
        ask(operator, "testserver"),
    ]
    assert all(checks["ffmpeg"]["detail"]["version"] for _status, checks in answers)
    assert all("free_mb" in checks["disk"]["detail"] for _status, checks in answers)
    forwarded = {"x-forwarded-for": "203.0.113.9"}
    answers = [ask(client, "testserver"), ask(as_bob, "testserver"), ask(client, **forwarded)]
    answers.append(ask(client, **{"x-forwarded-proto": "https"}))
    plain = {name: {"ok": True} for name in answers[0][1]}
    assert [checks for _status, checks in answers] == [plain] * 4
    assert len(plain) >= 7


def test_a_forged_host_header_gets_no_details(client, workers):
    cache.clear()
    answer = client.get("/readyz", headers={"host": "localhost"}, REMOTE_ADDR="203.0.113.9")
    assert "detail" not in answer.content.decode()


def test_repeated_requests_share_one_report(client, workers, django_assert_num_queries):
    ask(client)
    with django_assert_num_queries(0):
        assert client.get("/readyz").status_code == 200


def test_the_probe_row_is_no_valid_session(client, workers, alice):
    ask(client)
    client.cookies["sessionid"] = "readyz"
    assert client.get("/account/").status_code == 302
