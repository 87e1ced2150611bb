"""A worker killed at any write of a job: the next one finishes it with the same bytes and no leftovers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mixes.tests.torture.harness.stage import DIED
from mixes.tests.torture.harness.table import note_row

ROOT = Path(__file__).resolve().parents[3]
FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
PLACES = 4  # of all writes, in `make test`
RUNS = 3  # attempts of a job


def stage(folder, *arguments, may_die=False):
    own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
    environment = own | {"MIXTAPE_DATA_DIR": str(folder / "var"), "MIXTAPE_MEDIA_DIR": str(folder / "media")}
    command = [sys.executable, "-m", "mixes.tests.torture.harness.stage", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in ((0, DIED) if may_die else (0,)), done.stderr
    return done


def state_of(folder):
    return json.loads(stage(folder, "state").stdout)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A site with one queued job, copied for each kill."""
    folder = tmp_path_factory.mktemp("prepared")
    stage(folder, "prepare")
    return folder


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory):
    """The result of a job without a kill."""
    folder = tmp_path_factory.mktemp("undisturbed") / "site"
    shutil.copytree(prepared, folder)
    writes = int(stage(folder, "run").stdout)
    state = state_of(folder)
    assert state["state"] == "done", state
    assert state["copied"] > 0, "frames of the MP3s must be copied"
    return state, writes


@pytest.mark.xdist_group("deaths")
def test_a_worker_killed_at_any_write_does_not_change_the_result(prepared, undisturbed, tmp_path):
    expected, writes = undisturbed
    step = 1 if FULL else max(1, 2 * writes // PLACES)
    places, died = range(1, 2 * writes + 1, step), 0
    for place in places:
        folder = tmp_path / str(place)
        shutil.copytree(prepared, folder)
        if stage(folder, "run", place, may_die=True).returncode == DIED:
            died += 1
            stage(folder, "run")
        state = state_of(folder)
        assert state == {**expected, "attempt": state["attempt"]}, f"write {place}"
        shutil.rmtree(folder)
    note_row("death at a write of a job", tried=died, wrong=0)
    assert died >= 2, "progress is written each second: a quicker run has fewer writes, but never so few"


@pytest.mark.xdist_group("deaths")
def test_a_job_whose_workers_always_die_fails_with_a_reason(prepared, tmp_path):
    folder = tmp_path / "site"
    shutil.copytree(prepared, folder)
    for _ in range(RUNS):
        assert stage(folder, "run", 9, may_die=True).returncode == DIED
    stage(folder, "run")
    state = state_of(folder)
    assert state["state"] == "failed" and "given up" in state["error"]
    assert state["scratch"] == [] and state["orphans"] == []
