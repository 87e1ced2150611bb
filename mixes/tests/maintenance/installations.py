"""Separate installations of the site, used through their commands."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILL = """
from accounts.models import User
from mixes.models import Track
from mixes.services import storage
user = User.objects.create_user("alice@example.org", "alice likes records")
for n in range(5):
    name = f"tracks/aa/{n:032x}"
    storage.path_of(name).parent.mkdir(parents=True, exist_ok=True)
    storage.path_of(name).write_bytes(bytes([n]) * 10_000)
    Track.objects.create(owner=user, state="refused", problem="odd", name=f"{n}.mp3", file=name, size=10_000)
"""


class Site:
    """An installation with its own folders, used through its commands."""

    def __init__(self, folder):
        self.folder = folder
        self.data, self.media = folder / "var", folder / "media"
        self.environment = {}

    def environ(self):
        folders = {"MIXTAPE_DATA_DIR": str(self.data), "MIXTAPE_MEDIA_DIR": str(self.media)}
        return {"PATH": os.environ["PATH"], **folders, **self.environment}

    def manage(self, *arguments, **environment):
        command = [sys.executable, "manage.py", *map(str, arguments)]
        environment = {**self.environ(), **environment}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    def must(self, *arguments):
        done = self.manage(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def database(self):
        return self.data / "mixtape.sqlite3"

    def query(self, sql):
        with sqlite3.connect(self.database) as database:
            return database.execute(sql).fetchall()

    def songs(self):
        return {path.name: path.read_bytes() for path in (self.media / "tracks").rglob("*") if path.is_file()}
