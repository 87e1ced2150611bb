"""Processes racing for the same rows, with the real claim and commit and a handler that does nothing.

Run as `python -m mixes.tests.torture.harness.racing ...`, with one of:

    FOLDER migrate        makes the tables
    FOLDER prepare N M    N jobs of alice, then M of bob; a mix of hers
    FOLDER work           runs jobs until none waits
    FOLDER work-late      claims one, runs it after `go`, commits it
    FOLDER commit-late    the same, but pauses inside its commit
    FOLDER steal          ends all leases, reaps, and runs what waits
    FOLDER press N        presses Make N times at once
    FOLDER state          prints all rows as JSON

Each process also records in files of FOLDER what its handlers start and its commits write, because the rows
alone do not show work done twice. `press` and `*-late` report there when they are ready, and wait for a file
`go`.
"""

import json
import os
import sys
import threading
import time
from functools import partial
from pathlib import Path

import django

PATIENCE_S = 120.0


def main(folder, action, *arguments):
    django.setup()
    deeds = {
        "migrate": migrate,
        "prepare": prepare,
        "work": work,
        "work-late": partial(work_late, before_commit=True),
        "commit-late": partial(work_late, before_commit=False),
        "steal": steal,
        "press": press,
        "state": state,
    }
    deeds[action](Path(folder), *map(int, arguments))


def note(folder, name, line):
    """Append a whole line, even while other processes append."""
    handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def pause(folder):
    """Report that this process is ready, and wait for the start signal."""
    (folder / f"ready-{os.getpid()}").touch()
    until_s = time.monotonic() + PATIENCE_S
    while not (folder / "go").exists():
        assert time.monotonic() < until_s, "nobody said go"
        time.sleep(0.005)


def migrate(folder):
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def prepare(folder, of_alice, of_bob):
    from django.contrib.auth import get_user_model

    from mixes.models import AnalysisJob, Track
    from mixes.tests.factories import make_mix_row

    for name, count in (("alice", of_alice), ("bob", of_bob)):
        owner = get_user_model().objects.create_user(f"{name}@example.org", None)
        tracks = [
            Track(owner=owner, name=f"{k}.mp3", size=1, file=f"tracks/{name}/{k}", state="listening")
            for k in range(count)
        ]
        Track.objects.bulk_create(tracks)
        AnalysisJob.objects.bulk_create(
            AnalysisJob(owner=owner, track=track, version=1, queue="short") for track in tracks
        )
    make_mix_row(get_user_model().objects.get(email="alice@example.org"))


def use_trivial_kind(folder, *, before_work=lambda: None, in_commit=lambda: None):
    """Replace the analysis of the short queue by a handler that only records its run."""
    from django.utils import timezone

    from mixes import tasks
    from mixes.jobs.runner import JobKind
    from mixes.models import AnalysisJob
    from mixes.queues import SHORT

    def run(run):
        note(folder, "begun", f"{run.job.pk} {run.job.owner.email}")
        before_work()
        return partial(commit, run)

    def commit(run):
        note(folder, "committed", run.job.pk)
        in_commit()
        return {"result": {"by": os.getpid()}, "measured_at": timezone.now()}

    tasks.KINDS = {SHORT: (JobKind(AnalysisJob, run, lambda job, state, sentence: None),)}
    return tasks, SHORT


def work(folder):
    tasks, queue = use_trivial_kind(folder)
    pause(folder)
    while tasks.has_waiting(queue):
        tasks.run_next(queue)


def work_late(folder, *, before_commit):
    late = {"before_work" if before_commit else "in_commit": partial(pause, folder)}
    tasks, queue = use_trivial_kind(folder, **late)
    sys.stdout.write(tasks.run_next(queue))


def steal(folder):
    """Do what another machine's worker does when a lease has expired."""
    from mixes.models import AnalysisJob

    tasks, queue = use_trivial_kind(folder)
    AnalysisJob.objects.all().expire()
    tasks.maintain_queue(queue)
    sys.stdout.write(tasks.run_next(queue))


def press(folder, count):
    from django.contrib.auth import get_user_model
    from django.db import connections
    from django.test import Client
    from django.test.utils import override_settings

    from mixes.models import Mix

    alice, mix = get_user_model().objects.get(email="alice@example.org"), Mix.objects.get()
    with override_settings(ALLOWED_HOSTS=["*"]):
        clients = [Client() for _ in range(count)]
        for client in clients:
            client.force_login(alice)
        pause(folder)

        def run(client):
            answer = client.post(f"/mixes/{mix.pk}/make/")
            note(folder, "answers", f"{answer.status_code} {answer.get('Location', '')}")
            connections.close_all()

        threads = [threading.Thread(target=run, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def state(folder):
    from mixes.models import AnalysisJob, MixJob

    columns = ("pk", "state", "attempt", "result", "owner__email")
    # the analyses of the mix's own songs were done earlier
    jobs = AnalysisJob.objects.filter(version=1, track__state="listening").values_list(*columns)
    found = {"jobs": list(jobs), "mix_jobs": list(MixJob.objects.values_list("pk", "state"))}
    sys.stdout.write(json.dumps(found, default=str))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    main(*sys.argv[1:])
