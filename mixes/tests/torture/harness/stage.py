"""A small site in a folder, and worker processes that die at a chosen write.

Run as `python -m mixes.tests.torture.harness.stage ...`, with one of:

    prepare        a user, three songs, two of them MP3s, a mix, its job in the queue
    run [N]        claims and runs the job; dies at its N-th write
    state          prints the job and its artifacts as JSON

A write is a statement that changes the database, or a call that creates, moves or syncs a file. The process
dies as by SIGKILL, before the write or right after it, without any clean-up.
"""

import json
import os
import pathlib
import sys
from itertools import count

import django

DIED = 137  # the exit status a shell reports for SIGKILL
SECONDS = 12.0


def main(action, *arguments):
    django.setup()
    {"prepare": prepare, "run": run, "state": state}[action](*arguments)


def prepare():
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from mixes.engine.tests.signals import pink_noise, sine, write_audio
    from mixes.models import Track
    from mixes.services import storage
    from mixes.services.editing import edits
    from mixes.services.editing.arrangement import change_settings
    from mixes.services.library import uploads
    from mixes.services.rendering import mix_requests
    from mixes.tasks import run_next

    call_command("migrate", verbosity=0)
    alice = get_user_model().objects.create_user("alice@example.org", None)
    mix = edits.create_mix(alice, "Torture")
    for number in range(3):
        ending = "wav" if number == 2 else "mp3"  # whose frames are copied
        path = storage.uploads_folder() / f"{number}.{ending}"
        write_audio(path, 0.5 * sine(220.0 + 60 * number, SECONDS) + pink_noise(SECONDS, level_db=-30.0))
        uploads.add_file(alice, f"Song {number}.{ending}", path, mix=mix)
    while Track.objects.exclude(state="ready").exists():
        assert run_next("short") != "nothing to do"
    mix = edits.edit(mix, None, "Video", lambda a: change_settings(a, make_mp4=True, title_cards=True))
    mix_requests.request_mix(mix)


def run(die_at="0"):
    """Run the job as one worker process."""
    from mixes import tasks
    from mixes.models import MixJob

    MixJob.objects.filter(state="running").update(lease_until="2000-01-01T00:00:00Z")  # its worker is dead
    writes = die_at_write(int(die_at))
    tasks.maintain_queue("long")
    tasks.run_next("long")
    sys.stdout.write(str(next(writes) - 1))


def die_at_write(number):
    """Count every write from now on; die before (odd numbers) or after (even ones) the given one.

    Returns the counter, whose next number is one more than the writes so far.
    """
    from django.db.backends.utils import CursorWrapper

    writes = count(1)

    def dying(function, is_write=lambda *arguments: True):
        def wrapped(*arguments, **options):
            if not is_write(*arguments):
                return function(*arguments, **options)
            place = next(writes)
            if 2 * place - 1 == number:
                os._exit(DIED)
            result = function(*arguments, **options)
            if 2 * place == number:
                os._exit(DIED)
            return result

        return wrapped

    def changes(cursor, sql, *_):
        return not sql.lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE", "PRAGMA"))

    CursorWrapper.execute = dying(CursorWrapper.execute, changes)
    for name in ("fsync", "replace", "rename", "link", "unlink", "mkdir"):
        setattr(os, name, dying(getattr(os, name)))
    for name in ("replace", "rename", "unlink", "mkdir", "hardlink_to"):
        setattr(pathlib.Path, name, dying(getattr(pathlib.Path, name)))
    return writes


def state():
    from mixes.models import Artifact, MixJob
    from mixes.services import storage

    job = MixJob.objects.get()
    rows = {artifact.kind: artifact for artifact in Artifact.objects.all()}
    kept = {name for name in storage.stored_names() if name.startswith(storage.ARTIFACTS)}
    sys.stdout.write(
        json.dumps(
            {
                "state": job.state,
                "error": job.error_text,
                "attempt": job.attempt,
                "copied": (job.snapshot.get("passed_through") or {}).get("frames", 0),
                "artifacts": {kind: row.sha256 for kind, row in rows.items()},
                "sound": all(storage.path_of(row.file).stat().st_size == row.size for row in rows.values()),
                "orphans": sorted(kept - {row.file for row in rows.values()}),
                "scratch": sorted(path.name for path in storage.path_of(storage.SCRATCH).glob("mix-*")),
            }
        )
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    main(*sys.argv[1:])
