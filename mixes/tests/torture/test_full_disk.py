"""A disk that fills up at any moment: nothing is lost or half stored, and work resumes with space."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mixes.tests.torture.harness.disk_stage import SMALL_SONG, SONG
from mixes.tests.torture.harness.table import note_row

ROOT = Path(__file__).resolve().parents[3]
FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
# KB left on the disk when the job begins, and whether the database is on it too
SIZES = [(400 * step + 50, step % 2 == 0) for step in range(20)] if FULL else [(50, True)]
IS_ROOT = os.geteuid() == 0
OWN_MOUNTS = ["unshare", "--mount"] if IS_ROOT else ["unshare", "--map-root-user", "--mount"]

pytestmark = pytest.mark.xdist_group("full disk")


def environment_of(folder):
    own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
    return own | {
        "MIXTAPE_DATA_DIR": str(folder / "var"),
        "MIXTAPE_MEDIA_DIR": str(folder / "media"),
        "MIXTAPE_FREE_DISK_MB": "0",
    }


def run(folder, *arguments, module="disk_stage", before=()):
    command = [*before, sys.executable, "-m", f"mixes.tests.torture.harness.{module}", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment_of(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-6000:]
    return json.loads(done.stdout or "{}")


@pytest.fixture(scope="module")
def may_mount(tmp_path_factory):
    """Skip where no small disk can be mounted, which needs root."""
    folder = tmp_path_factory.mktemp("try")
    command = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode and not IS_ROOT:
        pytest.skip(f"Neither root nor a user namespace to mount a small disk in: {tried.stderr.strip()}")
    assert tried.returncode == 0, tried.stderr


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, may_mount):
    """A site with one finished mix that is requested again."""
    folder = tmp_path_factory.mktemp("prepared")
    run(folder, "prepare", module="stage")
    run(folder, "prepare")
    return folder


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory):
    """The state after the second run with enough space."""
    folder = tmp_path_factory.mktemp("undisturbed") / "site"
    shutil.copytree(prepared, folder)
    before = run(folder, "state")
    run(folder, "work")
    after = run(folder, "state")
    assert [job[0] for job in after["jobs"]] == ["done", "done"], after["jobs"]
    return before, after


@pytest.fixture(scope="module")
def outcomes():
    found = []
    yield found
    note_row("disks that got full", tried=len(found), wrong=found.count(False))


@pytest.mark.parametrize(("extra_kb", "has_database"), SIZES)
def test_a_full_disk_loses_nothing(prepared, undisturbed, outcomes, tmp_path, extra_kb, has_database):
    outcomes.append(False)
    before, expected = undisturbed
    options = ["with-database"] if has_database else []
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copytree(prepared, tmp_path / "site")
    found = run(tmp_path / "site", "on", disk, extra_kb, *options, before=OWN_MOUNTS)
    for moment in ("work", "visit", "end"):
        state = found[moment]
        assert state["whole"] and state["sound"], moment
        assert state["artifacts"][0] == before["artifacts"][0], "an earlier good result has changed"
        assert state["tracks"].items() >= before["tracks"].items(), "an original has changed"
        assert state["orphans"] == [] and state["forms"] == [], moment
    check_job(found["work"], expected)
    check_upload(found["visited"])
    assert found["visited"]["form"]["status"] in (302, 503)
    assert set(found["visited"]["pages"]) <= {200, 302, 503}
    check_end(found["end"], expected)
    outcomes[-1] = True


def test_a_full_disk_at_any_write_of_a_job_loses_nothing(prepared, undisturbed, tmp_path):
    before, expected = undisturbed
    shutil.copytree(prepared, tmp_path / "site")
    *ends, last = run(tmp_path / "site", "refuse", 1 if FULL else 20)
    for state in ends:
        assert state["artifacts"][0] == before["artifacts"][0] and state["sound"]
        assert state["orphans"] == [] and state["scratch"] == []
        check_job(state, expected, earlier=({}, expected["artifacts"][1]))
    note_row("writes of a job that found no room", tried=len(ends) - 1, wrong=0)
    assert {end["jobs"][1][0] for end in ends} <= {"failed", "done"} and len(ends) >= 2
    assert last["jobs"][1][0] == "done" and last["artifacts"] == expected["artifacts"]


def check_job(state, expected, earlier=({},)):
    """Check that the job is done and correct, or reports the fault and frees its disk space."""
    status, _attempt, sentence = state["jobs"][1]
    if status == "done":
        assert state["artifacts"][1] == expected["artifacts"][1]
    else:
        assert state["artifacts"][1] in earlier
        assert status in ("failed", "queued", "running"), status
    if status == "failed":
        assert "disk is too full" in sentence and "Nothing was lost" in sentence, sentence
    if status != "running":
        assert state["scratch"] == []


def check_upload(result):
    """Check that the responses state the received bytes and the reason for stopping."""
    assert result["status"] in (200, 204, 201, 503, 507), result
    assert result["offset"] == result["here"], result
    if result["status"] == 507:
        assert "disk is full" in result["sentence"]


def check_end(state, expected):
    """Check that with space again everything is as if nothing had happened."""
    assert [job[0] for job in state["jobs"]] == ["done", "done"], state["jobs"]
    assert state["artifacts"][1] == expected["artifacts"][1]
    assert state["scratch"] == []
    assert state["tracks"]["song.wav"] == hashlib.sha256(SONG).hexdigest()
    assert state["tracks"]["small.wav"] == hashlib.sha256(SMALL_SONG).hexdigest()
