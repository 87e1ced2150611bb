"""A small real mix, a worker at hand, and the eyes and the hand of its owner."""

import contextlib
import dataclasses

import pytest

from mixes import tasks
from mixes.engine.analysis.track import analyse_track
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.tests.signals import pink_noise, write_wav
from mixes.jobs import mix_job
from mixes.jobs.runner import JobRun, run_claimed
from mixes.models import MixJob
from mixes.tests.factories import make_mix_row
from mixes.tests.torture.harness.pages import Page
from mixes.tests.torture.harness.told import MIXING, Died, add_track


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """Two short sounds with their analyses."""
    folder = tmp_path_factory.mktemp("sounds")
    paths = [write_wav(folder / f"{seed}.wav", pink_noise(4.0, seed=seed)) for seed in (1, 2)]
    return [(path, analyse_track(find_ffmpeg(), path)) for path in paths]


@pytest.fixture
def mix(alice, sounds):
    tracks = [add_track(alice, title, *sound) for title, sound in zip(("Rain", "Wind"), sounds, strict=True)]
    return make_mix_row(alice, "Weather", tracks, transition_s=2.0)


@pytest.fixture
def work(django_capture_on_commit_callbacks):
    """Do what a worker does with the job; `at` is called at its stages, and may make it die there."""

    def work(job, at=lambda stage, fraction: None):
        def handle(run: JobRun):
            tell = run.on_progress

            def watch(stage, fraction):
                tell(stage, fraction)
                run.beat()
                at(stage, fraction)

            run.on_progress = watch
            return mix_job.run(run)

        token = MixJob.objects.claim(job.pk, tasks.command_name() + "999999999")
        assert token, "nobody could claim it"
        with (
            contextlib.suppress(Died),
            django_capture_on_commit_callbacks(execute=True),
        ):
            run_claimed(dataclasses.replace(MIXING, run=handle), job.pk, token, beats=False)
        job.refresh_from_db()
        return job

    return work


@pytest.fixture
def press(as_alice, django_capture_on_commit_callbacks):
    """Press a button of a page, and return the page it leads to."""

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
