"""Which processes of a running site hold secrets, in their environment or memory.

The site runs on a copy of the code with its own `.env` of secrets, so that the tests neither read nor depend
on the `.env` of the machine.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mixes.engine.processes.readers import PACKAGE
from mixes.engine.processes.sandbox import READER, SYSTEM_PATHS, can_restrict_files, run_child
from mixes.engine.tests.signals import RATE, pink_noise, write_audio
from mixes.tests.torture.harness import live
from mixes.tests.torture.harness.table import note_row

pytestmark = [
    pytest.mark.xdist_group("secrets"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
SONG_S = 120.0  # its ffmpeg is found before it has ended
WITHHELD = {
    "TOKENS_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "GOOGLE_CLIENT_SECRET": "canary-of-google-2f1a",
    "EMAIL_URL": "consolemail://user:canary-of-mail-77c0@localhost",  # known to the long worker
}
MARKS = {name: re.sub(r".*:|@.*", "", value).encode() for name, value in WITHHELD.items()}
IN_FILE = Fernet.generate_key()
OF_QUEUE = {
    "short": {*MARKS.values(), IN_FILE},
    "long": {MARKS["TOKENS_ENCRYPTION_KEY"], MARKS["GOOGLE_CLIENT_SECRET"], IN_FILE},
}
SIGN_IN = """
from django.test import Client
from accounts.models import User
client = Client()
user = User.objects.create_vouched_user("tess@example.org", "many loud records")
client.force_login(user, "django.contrib.auth.backends.ModelBackend")
print("cookie=" + client.cookies["sessionid"].value)
"""


class Site(live.LiveSite):
    """A site with secrets in its `.env` and in its key file."""

    def __init__(self, folder, code):
        super().__init__(folder)
        self.code = code
        keys = folder / "var" / "keys"
        keys.mkdir(parents=True)
        (keys / "tokens.key").write_bytes(IN_FILE + b"\n")
        (keys / "tokens.key").chmod(0o600)

    def sign_up(self):
        """Sign in without the confirmation mail of a new account."""
        cookies = live.set_cookies(self.ask("GET", "/accounts/login/", cookies={})[1])
        done = subprocess.run(
            [sys.executable, "manage.py", "shell"],
            cwd=self.code,
            env=self.environment,
            input=SIGN_IN,
            capture_output=True,
            text=True,
        )
        return cookies | {"sessionid": re.search(r"cookie=(\w+)", done.stdout)[1]}


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A copy of the code with an `.env` with secrets."""
    folder = tmp_path_factory.mktemp("code")
    for part in {package.parent.name for package in live.ROOT.glob("*/__init__.py")}:
        shutil.copytree(
            live.ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "tests")
        )
    for part in ("static", "templates"):
        (folder / part).symlink_to(live.ROOT / part)
    shutil.copy(live.ROOT / "manage.py", folder)
    lines = [f"{name}={value}\n" for name, value in {**WITHHELD, "GOOGLE_CLIENT_ID": "mixtape"}.items()]
    (folder / ".env").write_text("".join(lines))
    (folder / ".env").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def site(code, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in (*WITHHELD, "GOOGLE_CLIENT_ID"):
            patch.delenv(name, raising=False)
        patch.setattr(live, "ROOT", code)  # where it starts `manage.py up`
        with Site(tmp_path_factory.mktemp("secrets"), code) as site:
            live.wait_until(lambda: all(workers_of(site, queue) for queue in ("short", "long", "publish")))
            yield site


def parents():
    """Return the parent of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def family_of(pid):
    above = parents()
    family = {pid}
    while grown := {child for child, parent in above.items() if parent in family} - family:
        family |= grown
    return family


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def workers_of(site, queue):
    """Return the processes of a worker: main, sentinel, pusher, monitor, tasks, and their children."""
    mains = [pid for pid in family_of(site.process.pid) if command_of(pid)[-3:-1] == ["worker", queue]]
    family = set().union(*(family_of(pid) for pid in mains))
    return family if len(family) >= 5 else set()


def secrets_in(pid, marks):
    """Return those of `marks` that are in the environment or the memory of a process."""
    seen = Path(f"/proc/{pid}/environ").read_bytes()
    found = {mark for mark in marks if mark in seen}
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            places, rights = line.split()[:2]
            if rights.startswith("rw"):  # read-only mappings come from program files
                start, end = (int(place, 16) for place in places.split("-"))
                found |= marks_between(memory, start, end, marks - found)
    return found


def marks_between(memory, start, end, marks, piece=16 << 20):
    found, overlap = set(), 100  # longer than any mark
    for at in range(start, end, piece):
        with contextlib.suppress(OSError):  # gone meanwhile
            data = os.pread(memory.fileno(), min(piece + overlap, end - at), at)
            found |= {mark for mark in marks if mark in data}
    return found


def held_ffmpeg(site, song):
    """Upload a song and suspend the ffmpeg with which a worker decodes it."""
    site.upload(song)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for pid in workers_of(site, "short"):
            if "ffmpeg" in Path(command_of(pid)[:1][0] if command_of(pid) else "").name:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    return pid
        time.sleep(0.01)
    raise AssertionError("no ffmpeg was seen")


def test_workers_on_untrusted_files_and_their_ffmpeg_have_no_secrets(site, tmp_path):
    song = write_audio(tmp_path / "song.flac", pink_noise(SONG_S, level_db=-20.0), RATE)
    ffmpeg = held_ffmpeg(site, song)
    try:
        looked_at = {queue: sorted(workers_of(site, queue)) for queue in OF_QUEUE}
        assert ffmpeg in looked_at["short"]
        wrong = {
            (queue, pid, " ".join(command_of(pid))[-60:], mark)
            for queue, pids in looked_at.items()
            for pid in pids
            for mark in secrets_in(pid, OF_QUEUE[queue])
        }
    finally:
        os.kill(ffmpeg, signal.SIGCONT)
    count = sum(map(len, looked_at.values()))
    note_row("processes without secrets", tried=count, wrong=len(wrong))
    assert wrong == set() and count >= 11


def test_processes_that_need_secrets_have_them(site):
    token = MARKS["TOKENS_ENCRYPTION_KEY"]
    webs = [pid for pid in family_of(site.process.pid) if "gunicorn" in " ".join(command_of(pid))]
    assert webs and all(secrets_in(pid, set(MARKS.values())) == set(MARKS.values()) for pid in webs)
    assert all(secrets_in(pid, {token}) == {token} for pid in workers_of(site, "publish"))
    longs = workers_of(site, "long")
    assert longs and all(secrets_in(pid, {MARKS["EMAIL_URL"]}) for pid in longs)


@pytest.mark.parametrize("queue", OF_QUEUE if FULL else ["short"])
def test_a_worker_started_with_secrets_drops_them(site, queue):
    """As under systemd with one environment for all units, and with an `.env`."""
    environment = site.environment | WITHHELD | {"GOOGLE_CLIENT_ID": "mixtape"}
    command = [sys.executable, "-X", "utf8", "manage.py", "worker", queue]
    worker = subprocess.Popen(command, cwd=site.code, env=environment)
    try:
        live.wait_until(lambda: len(family_of(worker.pid)) >= 5)
        family = family_of(worker.pid)
        assert "utf8" in command_of(worker.pid)
        assert {pid: secrets_in(pid, OF_QUEUE[queue]) for pid in family} == {pid: set() for pid in family}
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)


SHOWS_WHETHER_IT_MAY = """
import os, sys, django
django.setup()
from mixes.engine.processes import sandbox
from mixes.engine.errors import EngineError
from mixes.management.commands.worker import Worker

def start():
    try:
        print(sandbox.run_child(["/bin/echo", "may start programs"], limits=sandbox.READER).stdout.decode())
    except EngineError as error:
        print(error)
    sys.stdout.flush()
    os._exit(0)

worker = Worker(sys.argv[1])
worker.cluster.start = start  # the last thing before work begins
worker.run()
"""


@pytest.mark.parametrize(("queue", "may"), [("short", True), ("long", True), ("publish", False)])
def test_the_worker_with_the_key_starts_no_program(queue, may, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "mixtape_site.settings",
        "Q_CLUSTER_NAME": queue,
        "MIXTAPE_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", SHOWS_WHETHER_IT_MAY, queue],
        cwd=live.ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    said = "may start programs" if may else "This process starts no other program."
    assert done.stdout.strip() == said, done.stderr


TRIES_TO_READ = """
import sys
for path in sys.argv[1:]:
    try:
        open(path, "rb").read(1)
        print("read", path)
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(not can_restrict_files(), reason="a kernel without Landlock")
def test_no_child_can_open_keys_database_settings_or_parent_memory(tmp_path):
    """With the access of a tag or picture reader, which is wider than that of ffmpeg."""
    places = ["var/keys/tokens.key", "var/keys/secret_key", "var/mixtape.sqlite3", "app/.env"]
    secrets = [tmp_path / place for place in places]
    for path in secrets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret")
    of_ours = [Path(f"/proc/{os.getpid()}/{name}") for name in ("environ", "mem", "maps")]
    song = tmp_path / "media" / "song"
    song.parent.mkdir()
    song.write_bytes(b"sound")
    python = (Path(sys.prefix), Path(sys.base_prefix), PACKAGE)
    answer = run_child(
        [sys.executable, "-I", "-c", TRIES_TO_READ, *map(str, (*secrets, *of_ours, song))],
        limits=READER,
        read=(*python, song),
        write=(tmp_path / "media",),
    )
    refused = ["PermissionError"] * len((*secrets, *of_ours))
    assert answer.stdout.decode().splitlines() == [*refused, f"read {song}"]
    assert not any(folder in (live.ROOT, *live.ROOT.parents) for folder in (*python, *SYSTEM_PATHS))
