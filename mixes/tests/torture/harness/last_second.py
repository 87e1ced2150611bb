"""A worker paused in the last second of a mix, and the actions of its owner meanwhile.

Run as `python -m mixes.tests.torture.harness.last_second ...`, with one of:

    FOLDER prepare       a user, two songs, a mix, its job in the queue
    FOLDER work POINT    makes the mix, paused before, in or after
                 the commit until FOLDER/go exists
    FOLDER do DEED       cancels, or deletes something
    FOLDER state         runs waiting jobs as the next worker;
                 prints the resulting state
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import django

from mixes.tests.torture.harness.racing import pause

SECONDS = 4.0
POINTS = ("before", "in", "after")


def main(folder, action, *arguments):
    django.setup()
    {"prepare": prepare, "work": work, "do": do, "state": state}[action](Path(folder), *arguments)


def prepare(folder):
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from mixes.engine.tests.signals import pink_noise, sine, write_audio
    from mixes.models import Track
    from mixes.services import storage
    from mixes.services.editing import edits
    from mixes.services.library import uploads
    from mixes.services.rendering import mix_requests
    from mixes.tasks import run_next

    call_command("migrate", verbosity=0)
    alice = get_user_model().objects.create_user("alice@example.org", None)
    mix = edits.create_mix(alice, "Torture")
    for number in range(2):
        path = storage.uploads_folder() / f"{number}.wav"
        write_audio(path, 0.5 * sine(220.0 + 60 * number, SECONDS) + pink_noise(SECONDS, level_db=-30.0))
        uploads.add_file(alice, f"Song {number}.wav", path, mix=mix)
    while Track.objects.exclude(state="ready").exists():
        assert run_next("short") != "nothing to do"
    mix_requests.request_mix(mix)


def work(folder, point):
    from mixes import tasks
    from mixes.jobs import mix_job

    run, commit, clear_up = mix_job.handle, mix_job.commit, mix_job.clear_and_notify

    def run_and_wait(claimed):
        done = run(claimed)
        pause(folder)
        return done

    def commit_and_wait(*arguments):
        columns = commit(*arguments)
        pause(folder)
        return columns

    def wait_and_clear_up(*arguments):
        pause(folder)
        clear_up(*arguments)

    if point == "before":
        (kind,) = tasks.KINDS["long"]
        tasks.KINDS["long"] = (replace(kind, handle=run_and_wait),)
    elif point == "in":
        mix_job.commit = commit_and_wait
    else:
        mix_job.clear_and_notify = wait_and_clear_up
    sys.stdout.write(tasks.run_next("long"))


def do(folder, deed):
    from django.contrib.auth import get_user_model

    from accounts.services import delete_account
    from mixes.models import Mix, MixJob, Track
    from mixes.services.editing import edits
    from mixes.services.library import tracks
    from mixes.services.rendering import mix_requests

    deeds = {
        "cancel": lambda: mix_requests.cancel(MixJob.objects.get()),
        "bin the mix": lambda: edits.bin_mix(Mix.objects.get()),
        "delete the mix": lambda: edits.purge_mix(Mix.objects.get()),
        "bin a track": lambda: tracks.bin_track(Track.objects.first()),
        "delete a track": lambda: tracks.purge_track(Track.objects.first()),
        "delete the account": lambda: delete_account(get_user_model().objects.get()),
    }
    deeds[deed]()


def state(folder):
    from django.contrib.auth import get_user_model

    from mixes import tasks
    from mixes.models import Artifact, Mix, MixJob
    from mixes.services import storage
    from mixes.services.maintenance import pruning

    for queue in ("long", "short"):
        tasks.maintain_queue(queue)
        while tasks.run_next(queue) != "nothing to do":
            pass
        tasks.maintain_queue(queue)
    kept, known = set(storage.stored_names()), pruning.referenced_names()
    found = {
        "jobs": list(MixJob.objects.values_list("state", flat=True)),
        "results": Artifact.objects.count(),
        "mixes": Mix.objects.count(),
        "users": get_user_model().objects.count(),
        "orphans": sorted(kept - known),
        "missing": sorted(known - kept),
        "scratch": sorted(path.name for path in storage.path_of(storage.SCRATCH).glob("*")),
        "parts": sorted(str(path) for path in storage.path_of(".").rglob("*.part")),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    main(*sys.argv[1:])
