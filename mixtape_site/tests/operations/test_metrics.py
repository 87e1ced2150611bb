"""/metrics: off by default, for this machine or with the token, and what its figures count."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from mixes.leases import State
from mixes.models import MixJob
from mixes.services.workers import Node, beat
from mixes.tests.factories import make_job_row, make_mix_row
from mixtape_site.middleware.counting import ANSWERS
from mixtape_site.operations import metrics

pytestmark = pytest.mark.django_db
DASHBOARD = Path(__file__).resolve().parents[3] / "deploy" / "grafana-dashboard.json"
LOCAL = {"host": "localhost"}


@pytest.fixture
def switched_on(settings):
    settings.METRICS = True
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "mixtape_site.middleware.counting.CountAnswersMiddleware"]


def figures(**headers):
    """Return the value of every sample by its name and labels, which come sorted by their names."""
    cache.clear()
    answer = Client().get("/metrics", headers=LOCAL | headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, metrics.CONTENT_TYPE)
    families = text_string_to_metric_families(answer.content.decode())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_it_is_off_by_default():
    assert Client().get("/metrics", headers=LOCAL).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"x-forwarded-for": "192.0.2.1"}, 404),
        ({"host": "mixtape.example.org"}, 404),
        ({"x-forwarded-for": "192.0.2.1", "authorization": "Bearer secret-token"}, 200),
        ({"x-forwarded-for": "192.0.2.1", "authorization": "Bearer secret-toke"}, 404),
        ({"x-forwarded-for": "192.0.2.1", "authorization": "Bearer "}, 404),
        ({"x-forwarded-for": "192.0.2.1", "authorization": "Bearer \u00fc"}, 404),
    ],
)
def test_it_is_for_this_machine_or_with_the_token(switched_on, settings, headers, status):
    settings.ALLOWED_HOSTS = ["*"]
    settings.METRICS_TOKEN = "secret-token"
    assert Client().get("/metrics", headers=LOCAL | headers).status_code == status


def test_without_a_token_an_empty_one_opens_nothing(switched_on, settings):
    settings.METRICS_TOKEN = ""
    for given in ("Bearer ", "Bearer", ""):
        headers = LOCAL | {"x-forwarded-for": "192.0.2.1", "authorization": given}
        assert Client().get("/metrics", headers=headers).status_code == 404


def test_jobs_are_counted_as_they_are(switched_on, alice):
    mix = make_mix_row(alice)
    now = timezone.now()
    beat(Node("long", "here", 1, "run"), "")
    make_job_row(mix)
    MixJob.objects.update(created_at=now - timedelta(seconds=300))
    begun = now - timedelta(seconds=100)
    done = make_job_row(mix, State.DONE, files=("mp3",), started_at=begun)
    MixJob.objects.filter(pk=done.pk).update(
        finished_at=begun + timedelta(seconds=40), timings_s={"render": 12.5, "check": 2.5}
    )
    make_job_row(mix, State.FAILED, started_at=begun, error_code="disk-full")
    make_job_row(mix, State.FAILED, started_at=begun)
    old = make_job_row(mix, State.DONE)
    MixJob.objects.filter(pk=old.pk).update(
        started_at=now - timedelta(hours=3), finished_at=now - timedelta(hours=2), timings_s={"render": 999}
    )
    make_job_row(make_mix_row(alice), State.RUNNING)
    found = figures()
    assert found["mixtape_queue_waiting", "long"] == 1
    assert 299 <= found["mixtape_queue_oldest_seconds", "long"] <= 305
    assert (found["mixtape_queue_workers", "long"], found["mixtape_queue_workers", "short"]) == (1, 0)
    assert found["mixtape_jobs_running", "mixjob"] == 1
    assert found["mixtape_claims_last_hour", "mixjob"] == 4
    assert found["mixtape_jobs_ended_last_hour", "mixjob", "done"] == 1
    assert found["mixtape_jobs_ended_last_hour", "mixjob", "cancelled"] == 0
    assert found["mixtape_jobs_failed_last_hour", "disk-full", "mixjob"] == 1
    assert found["mixtape_jobs_failed_last_hour", "other", "mixjob"] == 1
    assert found["mixtape_stage_seconds_last_hour", "render"] == 12.5
    assert found["mixtape_stage_runs_last_hour", "check"] == 1
    size = done.artifacts.get().size
    assert (found["mixtape_stored_bytes", "results"], found["mixtape_made_bytes_last_hour", "mp3"]) == (
        size,
        size,
    )
    assert found["mixtape_stored_bytes", "tracks"] == 6_000_000
    assert found["mixtape_disk_free_bytes",] > 0 and found["mixtape_web_process_resident_memory_bytes",] > 1e6


def test_the_work_of_failed_and_finished_jobs_adds_up(switched_on, alice):
    mix = make_mix_row(alice)
    for seconds in (10, 30):
        job = make_job_row(mix, State.DONE)
        MixJob.objects.filter(pk=job.pk).update(
            started_at=Now() - timedelta(seconds=seconds), finished_at=Now()
        )
    assert figures()["mixtape_work_seconds_last_hour", "mixjob"] == pytest.approx(40, abs=0.1)


def test_answers_are_counted_by_app_and_status(switched_on, as_alice):
    before = figures()
    as_alice.get("/mixes/")
    as_alice.get("/mixes/new/")
    as_alice.get("/nowhere/")
    after = figures()
    grown = {key: after[key] - before.get(key, 0) for key in after if key[0] == "mixtape_answers_total"}
    assert grown["mixtape_answers_total", "mixes", "2xx"] == 1
    assert grown["mixtape_answers_total", "mixes", "4xx"] == 1
    assert grown["mixtape_answers_total", "none", "4xx"] == 1
    assert after["mixtape_answer_seconds_count",] - before["mixtape_answer_seconds_count",] >= 3


def test_rows_are_counted_once_in_ten_seconds(switched_on, django_assert_num_queries):
    figures()
    with django_assert_num_queries(0):
        assert Client().get("/metrics", headers=LOCAL).status_code == 200


def test_the_dashboard_asks_for_figures_that_there_are(switched_on, alice):
    mix = make_mix_row(alice)
    done = make_job_row(mix, State.DONE, files=("mp3",))
    MixJob.objects.filter(pk=done.pk).update(timings_s={"render": 1.0})
    make_job_row(mix, State.FAILED)
    ANSWERS.labels("mixes", "2xx").inc()
    there = {key[0] for key in figures()}
    dashboard = json.loads(DASHBOARD.read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\bmixtape_\w+", target["expr"])
    }
    assert len(asked) > 10 and asked <= there
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
