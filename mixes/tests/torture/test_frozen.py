"""Frozen workers beside a second one: each mix is made once, and none fails."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.measure import process_tree
from mixes.leases import MAX_ATTEMPTS
from mixes.tests.torture.harness.live import ROOT, LiveSite, wait_until
from mixes.tests.torture.harness.table import note_row

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
SONG_S = 120.0 if FULL else 30.0
FROZEN_S = 330.0 if FULL else 0.0  # at least, beyond what each test waits for
PROGRAM = "manage.py" if FULL else "mixes/tests/torture/harness/short_lease.py"

pytestmark = [
    pytest.mark.xdist_group("frozen"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture(scope="module")
def site(songs, tmp_path_factory):
    """A live site with a mix, and a second long worker as on another machine."""
    with LiveSite(tmp_path_factory.mktemp("live"), program=PROGRAM) as site:
        site.mix = site.mix_of(songs)
        with (site.folder / "second").open("w") as log:
            command = [sys.executable, PROGRAM, "worker", "long"]
            second = subprocess.Popen(
                command, cwd=ROOT, env=site.environment, stdout=log, stderr=log, start_new_session=True
            )
        job = site.make(site.mix)
        wait_until(lambda: row_of(site, job)[0] == "done")
        site.expected = results_of(site, job)
        yield site
        second.terminate()
        second.wait(60)


def row_of(site, job, columns="state"):
    return site.query(f"select {columns} from mixes_mixjob where id = '{job.replace('-', '')}'")[0]


def results_of(site, job):
    rows = site.query(f"select kind, sha256 from mixes_artifact where job_id = '{job.replace('-', '')}'")
    return sorted(rows)


def begin(site):
    """Request the mix; return its job, and the ids of the worker command and the process that make it."""
    job = site.make(site.mix)
    wait_until(lambda: row_of(site, job, "progress")[0] > 0)
    _host, command, _run, process = row_of(site, job, "worker")[0].rsplit(":", 3)
    return job, int(command), int(process)


def require_one_result(site, job, of):
    wait_until(lambda: row_of(site, job)[0] not in ("queued", "running"))
    assert row_of(site, job, "state, error_text") == ("done", "")
    assert results_of(site, job) == site.expected
    wait_until(lambda: not list((site.folder / "media" / "scratch").glob("mix-*")), seconds=30)
    note_row(f"{of} frozen for {FROZEN_S:.0f} s beside another worker", tried=1, wrong=0)
    site.post(f"/jobs/{job}/delete/")


def is_running(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_a_frozen_process_is_ended_by_its_own_worker(site):
    job, _command, process = begin(site)
    os.kill(process, signal.SIGSTOP)
    frozen_s = time.monotonic()
    wait_until(lambda: not is_running(process), seconds=120)
    time.sleep(max(0.0, frozen_s + FROZEN_S - time.monotonic()))
    require_one_result(site, job, "a worker's process")


def test_a_job_waits_for_a_worker_that_is_frozen_as_a_whole(site):
    """As a paused container: the other worker cannot end it, and may not write to its folder."""
    job, command, _process = begin(site)
    frozen = [command, *(pid for pid, _parent in process_tree(command))]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    frozen_s, starts = time.monotonic(), set()

    def has_been_tried_too_often():
        starts.add(row_of(site, job, "started_at")[0])
        return len(starts) > MAX_ATTEMPTS + 1

    wait_until(has_been_tried_too_often)
    time.sleep(max(0.0, frozen_s + FROZEN_S - time.monotonic()))
    assert row_of(site, job)[0] in ("queued", "running")
    for pid in frozen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    require_one_result(site, job, "a worker command")
