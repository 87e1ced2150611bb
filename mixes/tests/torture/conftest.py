"""A small real mix, a worker to run its job, and a client that reads and presses as its owner."""

import contextlib
import dataclasses

import pytest

from mixes import tasks
from mixes.jobs import mix_job
from mixes.jobs.runner import JobRun, run_claimed
from mixes.models import MixJob
from mixes.tests.torture.harness.fault_checks import MIXING, Died
from mixes.tests.torture.harness.live import LiveSite, write_song
from mixes.tests.torture.harness.pages import Page
from mixtape_site.tests.postgres import postgres_server


@pytest.fixture
def mix(mix_of_sounds):
    return mix_of_sounds


@pytest.fixture(scope="module")
def songs(request, tmp_path_factory):
    """Two songs in files, each SONG_S of the test's module long."""
    folder = tmp_path_factory.mktemp("songs")
    return [write_song(folder, number, request.module.SONG_S) for number in range(2)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A live site with real workers, shared by the tests of a module."""
    with LiveSite(tmp_path_factory.mktemp("live")) as site:
        yield site


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture
def work(django_capture_on_commit_callbacks):
    """Run the job as a worker does; `at` is called at each progress report and may raise Died."""

    def work(job, at=lambda stage, fraction: None):
        def handle(run: JobRun):
            report = run.on_progress

            def watch(stage, fraction):
                report(stage, fraction)
                run.beat()
                at(stage, fraction)

            run.on_progress = watch
            return mix_job.handle(run)

        token = MixJob.objects.claim(job.pk, tasks.command_name() + "999999999")
        assert token, "nobody could claim it"
        with (
            contextlib.suppress(Died),
            django_capture_on_commit_callbacks(execute=True),
        ):
            run_claimed(dataclasses.replace(MIXING, handle=handle), job.pk, token, beats=False)
        job.refresh_from_db()
        return job

    return work


@pytest.fixture
def press(as_alice, django_capture_on_commit_callbacks):
    """Press a button of a page; return the page it leads to."""

    def press(page, button, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            answer = as_alice.post(page.address_of(button), fields, follow=True)
        return Page(answer.content.decode())

    return press


@pytest.fixture
def look(as_alice):
    def look(address, status=200):
        answer = as_alice.get(address)
        assert answer.status_code == status, answer.content.decode()[:300]
        page = Page(answer.content.decode())
        assert page.alarming == []
        return page

    return look
