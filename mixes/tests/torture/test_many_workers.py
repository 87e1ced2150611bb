"""Processes racing for the same rows on both databases: each job runs once and no owner starves."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from mixes.tests.torture.harness.live import wait_until
from mixes.tests.torture.harness.table import note_row

ROOT = Path(__file__).resolve().parents[3]
FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
OF_ALICE, OF_BOB = (800, 200) if FULL else (45, 15)
WORKERS = 4
PRESSES = 25 if FULL else 10  # of each of two processes; the server takes 100 connections

pytestmark = pytest.mark.xdist_group("many workers")
# where rows are locked individually; SQLite has one lock, which the other tests cover
where_rows_are_locked = pytest.mark.parametrize(
    "race", ["sqlite", "postgresql"] if FULL else ["postgresql"], indirect=True
)


@pytest.fixture(scope="module")
def empty_sqlite(tmp_path_factory):
    """A migrated database, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    Race("sqlite", folder, f"sqlite:///{folder}/race.sqlite3").run("migrate")
    return folder / "race.sqlite3"


@pytest.fixture(scope="module")
def empty_postgresql(postgres, tmp_path_factory):
    """The same on a PostgreSQL server, by its name."""
    Race("postgresql", tmp_path_factory.mktemp("empty"), postgres.create_database("empty")).run("migrate")
    return "empty"


@pytest.fixture(params=["sqlite", "postgresql"])
def race(request, tmp_path):
    """Return a function that starts the processes of `racing` on their own database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path)
        return Race("sqlite", tmp_path, f"sqlite:///{tmp_path}/race.sqlite3")
    empty = request.getfixturevalue("empty_postgresql")
    url = request.getfixturevalue("postgres").create_database(tmp_path.name, template=empty)
    return Race("postgresql", tmp_path, url)


class Race:
    """Processes on one database that share one folder."""

    def __init__(self, vendor, folder, url):
        self.vendor, self.folder = vendor, folder
        (folder / "var" / "static").mkdir(parents=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
        self.environment = own | {
            "DATABASE_URL": url,
            "MIXTAPE_DATA_DIR": str(folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(folder / "media"),
            "MIXTAPE_LOG_LEVEL": "ERROR",
        }

    def start(self, *arguments):
        command = [
            sys.executable,
            "-m",
            "mixes.tests.torture.harness.racing",
            str(self.folder),
            *map(str, arguments),
        ]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def end(self, process):
        """Wait for a process to succeed without errors; return its output."""
        out, err = process.communicate(timeout=600)
        assert (process.returncode, err) == (0, "")
        return out

    def run(self, *arguments):
        return self.end(self.start(*arguments))

    def start_together(self, count, *arguments):
        """Start processes that wait for each other, then release them."""
        processes = [self.start(*arguments) for _ in range(count)]
        self.wait_for(count, processes)
        self.go()
        return processes

    def wait_for(self, count, processes):
        def are_ready():
            assert all(process.poll() in (None, 0) for process in processes), processes[0].stderr.read()
            return len(list(self.folder.glob("ready-*"))) >= count

        wait_until(are_ready)

    def go(self):
        (self.folder / "go").touch()

    def lines(self, name):
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def state(self):
        return json.loads(self.run("state"))


def test_each_job_runs_once_and_no_owner_starves(race):
    race.run("prepare", OF_ALICE, OF_BOB)
    began_s = time.monotonic()
    workers = race.start_together(WORKERS, "work")
    for worker in workers:
        race.end(worker)
    took_s = time.monotonic() - began_s
    begun = [line.split() for line in race.lines("begun")]
    count = OF_ALICE + OF_BOB
    doubled = len(begun) - len({pk for pk, _ in begun}) + len(race.lines("committed")) - count
    jobs = race.state()["jobs"]
    lost = sum(state != "done" for _pk, state, *_ in jobs)
    note_row(f"jobs raced for by {WORKERS} workers, {race.vendor}", tried=count, wrong=doubled + lost)
    assert (doubled, lost, len(begun)) == (0, 0, count), f"after {took_s:.0f} s"
    assert {attempt for _pk, _state, attempt, *_ in jobs} == {1}
    by = Counter(result["by"] for *_, result, _owner in jobs)
    assert len(by) == WORKERS, "one of them had nothing to do"
    # bob asked last and for less: served in turn with alice, not after her
    last_of_bob = max(place for place, (_pk, owner) in enumerate(begun, 1) if owner.startswith("bob"))
    assert last_of_bob <= 2 * OF_BOB + 2 * WORKERS


def test_a_worker_that_lost_its_row_commits_nothing(race):
    """Its lease expired during the work; another worker has claimed the row and finished it."""
    race.run("prepare", 1, 0)
    zombie = race.start("work-late")
    race.wait_for(1, [zombie])
    assert race.run("steal").endswith(": done")
    (before,) = race.state()["jobs"]
    race.go()
    assert race.end(zombie).endswith(": no longer ours")
    assert race.state()["jobs"] == [before] and before[1:3] == ["done", 2]
    assert before[3]["by"] != zombie.pid
    assert len(race.lines("begun")) == 2 and len(race.lines("committed")) == 1
    note_row(f"workers that lost their row, {race.vendor}", tried=1, wrong=0)


@where_rows_are_locked
def test_a_started_commit_is_not_overtaken(race):
    """The worker that holds the row ends it; a worker that assumes an expired lease waits, then stops."""
    race.run("prepare", 1, 0)
    slow = race.start("commit-late")
    race.wait_for(1, [slow])
    thief = race.start("steal")
    time.sleep(1.5)  # started, but blocked
    assert thief.poll() is None
    race.go()
    assert race.end(slow).endswith(": done") and race.end(thief) == "nothing to do"
    ((_pk, state, attempt, result, _owner),) = race.state()["jobs"]
    assert (state, attempt, result["by"]) == ("done", 1, slow.pid)
    assert len(race.lines("begun")) == len(race.lines("committed")) == 1


@where_rows_are_locked
def test_presses_in_two_web_processes_create_one_job(race):
    race.run("prepare", 0, 0)
    for web in race.start_together(2, "press", PRESSES):
        race.end(web)
    answers = Counter(race.lines("answers"))
    ((pk, state),) = race.state()["mix_jobs"]
    note_row(
        f"presses of Make in two web processes, {race.vendor}", tried=2 * PRESSES, wrong=len(answers) - 1
    )
    assert answers == {f"302 /jobs/{pk}/": 2 * PRESSES} and state == "queued"
