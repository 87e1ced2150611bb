"""Real publish workers on a data folder of their own, with publications that wait for their release."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 90.0
SCOPES = [f"https://www.googleapis.com/auth/youtube.{name}" for name in ("upload", "readonly")]
TABLE = "youtube_integration_youtubepublication"
PREPARE = """
import json, sys, django
from datetime import timedelta
django.setup()
from django.core.management import call_command
from django.utils import timezone
from accounts.models import User
from youtube_integration.google.types import Tokens
from youtube_integration.models import HELD, YouTubeCredential
from youtube_integration.services.credentials import seal_tokens
from youtube_integration.tests.publications import make_publication
call_command("migrate", verbosity=0)
given = json.load(sys.stdin)
user, now = User.objects.create_user("alice@example.org", "x"), timezone.now()
tokens = Tokens(given["access"], given["refresh"], now + timedelta(hours=1), tuple(given["scopes"]))
credential = YouTubeCredential.objects.create(
    user=user, channel_id="UCstandin", channel_title="DJ", sealed_tokens=seal_tokens(user.pk, tokens),
    granted_at=now, channel_read_at=now)
for size in given["sizes"]:
    print(make_publication(credential, size=size, sparse=given["sparse"], not_before=HELD).pk.hex)
"""


class Site:
    """A data folder with publications that wait for their release, and the workers started on it."""

    def __init__(self, folder, google):
        self.folder = folder
        own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
        self.environment = own | {
            "MIXTAPE_DATA_DIR": str(folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(folder / "media"),
            "DJANGO_SETTINGS_MODULE": "mixtape_site.settings",
            "Q_CLUSTER_NAME": "publish",
        }
        self.workers = []
        self.use(google)

    def use(self, google):
        """Let processes started from now on find this Google."""
        self.google = google
        self.environment |= google.environment()

    def prepare(self, *sizes, sparse=False):
        """Create the database, and a publication of each size."""
        access, refresh = self.google.give_grant(SCOPES)
        given = {"access": access, "refresh": refresh, "scopes": SCOPES}
        given |= {"sizes": sizes, "sparse": sparse}
        command = [sys.executable, "-c", PREPARE]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=json.dumps(given), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        self.waiting = done.stdout.split()

    def start_worker(self):
        log = (self.folder / f"log{len(self.workers)}").open("w")
        command = [sys.executable, "manage.py", "worker", "publish"]
        worker = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def stop(self):
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def let_go(self):
        """Release the next publication; return its id."""
        pk = self.waiting.pop(0)
        self.sql(f"update {TABLE} set not_before = null where id = ?", pk)
        return pk

    def forget_unfinished(self):
        """Delete the publications that were released and have not ended."""
        held = ", ".join(f"'{pk}'" for pk in self.waiting)
        self.sql(f"delete from {TABLE} where state in ('queued', 'running') and id not in ({held})")

    def sql(self, statement, *values):
        path = self.folder / "var" / "mixtape.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as database, database:
            return database.execute(statement, values).fetchall()

    def column(self, name, pk):
        return self.sql(f"select {name} from {TABLE} where id = ?", pk)[0][0]

    def let_a_minute_pass(self):
        """Expire the leases of dead workers."""
        self.sql(f"update {TABLE} set lease_until = '2020-01-01' where token is not null")

    def log(self):
        return "".join(path.read_text() for path in self.folder.glob("log*"))


def wait_until(is_so, site, *, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, site.log()
        time.sleep(0.02)
