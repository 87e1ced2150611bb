"""A small site whose disk fills up: what worker and pages do then, and when there is space again.

Run as `python -m mixes.tests.torture.harness.disk_stage ...`, with one of:

    prepare     after `stage prepare`: makes the mix and requests it again
    work        runs waiting jobs
    visit       uploads, sends a form, reads pages
    go_on       continues as the same visitor with space again
    refuse STEP fails one write of a job after the other
    state       prints jobs, files and rows
    on FOLDER EXTRA_KB [with-database]

The last one needs its own mount namespace: it copies the site of the current folders to a small disk at
FOLDER, runs all of these steps and prints the results. The free space check before each job is disabled, so
that the disk fills up in the middle, as when another program fills it.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from itertools import count
from pathlib import Path

ROOM_KB = 300_000
PIECE = 1 << 18
SONG = bytes(range(256)) * 8_000  # 2 MB; its content does not matter
SMALL_SONG = SONG[:600_000]
PATIENCE_S = 15.0
WRITES = ("fsync", "replace", "rename", "link", "mkdir")
TUS = {"Tus-Resumable": "1.0.0"}


def main(action, *arguments):
    if action == "on":
        sys.stdout.write(json.dumps(on_small_disk(*arguments)))
        return
    import django

    django.setup()
    prepare_process()
    steps = {
        "prepare": prepare,
        "work": work,
        "visit": visit,
        "go_on": go_on,
        "refuse": refuse,
        "state": state,
    }
    sys.stdout.write(json.dumps(steps[action](*arguments)))


def prepare_process():
    """Disable the disk space check, shorten the wait for a full database, and do without static files."""
    from django.conf import settings

    from mixes.services import database_retry, storage

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    storage.free_bytes = lambda: 1 << 50
    database_retry.MAX_WAIT_S = 1.0


def prepare():
    """Make the mix of `stage prepare` once and request it again; return the visitor's cookie."""
    from django.test import Client

    from accounts.models import User
    from mixes.models import Mix, MixJob
    from mixes.services.rendering import mix_requests
    from mixes.tasks import run_next

    run_next("long")
    assert MixJob.objects.get().state == "done", MixJob.objects.get().error_text
    mix_requests.request_mix(Mix.objects.get())
    client = Client()
    client.force_login(User.objects.get())
    (Path(os.environ["MIXTAPE_DATA_DIR"]) / "cookie").write_text(client.cookies["sessionid"].value)
    return {}


def work():
    """Run waiting jobs as a worker does; print errors that its process would log and survive."""
    from django.db import DatabaseError

    from mixes import tasks
    from mixes.models import MixJob

    with contextlib.suppress(DatabaseError):
        MixJob.objects.filter(state="running").update(lease_until="2000-01-01T00:00:00Z")
    for step in (tasks.maintain_queue, tasks.run_next):
        with contextlib.suppress(DatabaseError):
            step("long")
    return {}


def refuse(step):
    """Run the waiting job repeatedly, refusing another write each time; print each outcome."""
    from mixes.models import MixJob
    from mixes.services.rendering import mix_requests

    ends = []
    for number in count(1, int(step)):
        with refusing(number) as calls:
            work()
        ends.append(state())
        if next(calls) <= number:  # the job ended before that write
            return ends
        mix_requests.remake(MixJob.objects.order_by("-created_at").first())


@contextlib.contextmanager
def refusing(number):
    """Count the calls that create, move or sync a file, and make one of them fail with ENOSPC."""
    calls, real = count(1), {name: getattr(os, name) for name in WRITES}

    def refused(call):
        def wrapped(*arguments, **options):
            if next(calls) == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
            return call(*arguments, **options)

        return wrapped

    for name, call in real.items():
        setattr(os, name, refused(call))
    try:
        yield calls
    finally:
        for name, call in real.items():
            setattr(os, name, call)


def visitor():
    from django.test import Client

    client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
    client.cookies["sessionid"] = (Path(os.environ["MIXTAPE_DATA_DIR"]) / "cookie").read_text()
    return client


def visit():
    """Upload a file in chunks and one by form, edit and read pages; return every response."""
    client, result = visitor(), {}
    result["pages"] = [client.get("/mixes/").status_code, client.post("/mixes/new/").status_code]
    result |= upload(client, "song.wav", SONG)
    result["form"] = send_form(client)
    result["pages"] += [client.get("/mixes/").status_code, client.get("/tracks/").status_code]
    return result


def upload(client, name, content, place=""):
    """Send the missing part of a file in chunks; return the final state."""
    if not place:
        headers = {**TUS, "Upload-Length": str(len(content))}
        headers["Upload-Metadata"] = f"filename {b64encode(name.encode()).decode()}"
        answer = client.post("/uploads/", headers=headers)
        place = answer.headers.get("Location", "")
    result = {"place": place, "status": 0, "sentence": "", "offset": 0, "here": 0}
    while place and result["offset"] < len(content):
        answer = client.head(place, headers=TUS)
        if answer.status_code != 200:
            break
        result["offset"] = int(answer.headers["Upload-Offset"])
        piece = content[result["offset"] : result["offset"] + PIECE]
        if not piece:
            break
        headers = {**TUS, "Upload-Offset": str(result["offset"])}
        answer = client.generic("PATCH", place, piece, "application/offset+octet-stream", headers=headers)
        if answer.status_code != 204:
            break
    result |= {"status": answer.status_code, "sentence": answer.content.decode()[:200]}
    if place:
        result["offset"] = int(client.head(place, headers=TUS).headers.get("Upload-Offset", -1))
        part = Path(
            os.environ["MIXTAPE_MEDIA_DIR"], "uploads", place.split("/")[-2].replace("-", "") + ".part"
        )
        result["here"] = part.stat().st_size if part.exists() else result["offset"]
    return result


def send_form(client):
    """Send a file with a plain form; return the response and the messages of the next page."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = client.post("/uploads/form/", {"files": SimpleUploadedFile("small.wav", SMALL_SONG)})
    page = client.get(answer.headers["Location"]).content.decode() if answer.status_code == 302 else ""
    said = re.findall(r"Files added: \d+|small\.wav: [^<]*", page)
    return {"status": answer.status_code, "said": said}


def go_on():
    """Continue after a full disk: resume the upload, and retry the job."""
    from mixes.models import MixJob
    from mixes.services.rendering import mix_requests

    result, client = visitor_result(), visitor()
    until_s = time.monotonic() + PATIENCE_S  # an unreleased upload stays locked for 5 s
    place = result["place"]
    while (end := upload(client, "song.wav", SONG, place))["status"] not in (200, 204):
        assert time.monotonic() < until_s, end
        time.sleep(0.5)
    newest = MixJob.objects.order_by("-created_at").first()
    if newest.state == "failed":
        mix_requests.retry(newest)
    MixJob.objects.update(not_before=None)
    work()
    return {"upload": end, "form": send_form(client)}


def visitor_result():
    return json.loads((Path(os.environ["MIXTAPE_DATA_DIR"]) / "visited").read_text())


def state():
    """Return the invariants to check."""
    from mixes.models import Artifact, MixJob, Track
    from mixes.services import storage

    rows = list(Artifact.objects.select_related("job"))
    jobs = list(MixJob.objects.order_by("created_at"))
    kept = {name for name in storage.stored_names() if name.startswith(storage.ARTIFACTS)}
    tracks = {track.name: track.file for track in Track.objects.exclude(file="")}
    parts = storage.path_of(storage.UPLOADS).glob("form-*")
    return {
        "jobs": [(job.state, job.attempt, job.error_text or job.message) for job in jobs],
        "artifacts": [{row.kind: row.sha256 for row in rows if row.job == job} for job in jobs],
        "sound": all(hash_of(row.file) == row.sha256 for row in rows),
        "tracks": {name: hash_of(file) for name, file in tracks.items()},
        "orphans": sorted(kept - {row.file for row in rows}),
        "scratch": sorted(path.name for path in storage.path_of(storage.SCRATCH).glob("*")),
        "forms": sorted(path.name for path in parts),
    }


def hash_of(name):
    from mixes.services import storage

    return hashlib.sha256(storage.path_of(name).read_bytes()).hexdigest()


def on_small_disk(folder, extra_kb, *options):
    """Run everything on a disk with `extra_kb` left."""
    disk = Path(folder)
    run("mount", "-t", "tmpfs", "-o", f"size={ROOM_KB}k", "tmpfs", folder)
    homes = {"MIXTAPE_MEDIA_DIR": disk / "media", "MIXTAPE_DATA_DIR": Path(os.environ["MIXTAPE_DATA_DIR"])}
    shutil.copytree(os.environ["MIXTAPE_MEDIA_DIR"], homes["MIXTAPE_MEDIA_DIR"])
    if "with-database" in options:
        shutil.copytree(homes["MIXTAPE_DATA_DIR"], disk / "var")
        homes["MIXTAPE_DATA_DIR"] = disk / "var"
    database = homes["MIXTAPE_DATA_DIR"] / "mixtape.sqlite3"
    environment = os.environ | {name: str(path) for name, path in homes.items()}

    def step(action):
        command = [sys.executable, "-m", "mixes.tests.torture.harness.disk_stage", action]
        return json.loads(run(*command, env=environment) or "{}")

    used = shutil.disk_usage(disk).used
    run("mount", "-o", f"remount,size={used // 1024 + int(extra_kb)}k", folder)
    step("work")
    after_work = step("state") | {"whole": is_whole(database)}
    visited = step("visit")
    after_visit = step("state") | {"whole": is_whole(database)}
    run("mount", "-o", f"remount,size={ROOM_KB}k", folder)
    (homes["MIXTAPE_DATA_DIR"] / "visited").write_text(json.dumps(visited))
    went_on = step("go_on")
    end = step("state") | {"whole": is_whole(database)}
    return {"work": after_work, "visited": visited, "visit": after_visit, "went_on": went_on, "end": end}


def is_whole(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("pragma integrity_check").fetchall() == [("ok",)]


def run(*command, env=None):
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-4000:]}")
    return done.stdout


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    main(*sys.argv[1:])
