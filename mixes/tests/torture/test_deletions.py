"""Deletions, cancels and double presses at the worst moment: nothing reappears and nothing is left."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from mixes.tests.torture.harness.live import LiveSite, wait_until
from mixes.tests.torture.harness.table import note_row

ROOT = Path(__file__).resolve().parents[3]
FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
BEFORE, IN, AFTER = "before", "in", "after"  # moments relative to the transaction that ends a job
CASES = {  # action: states of the job when it is done before, in and after the commit
    "cancel": ("cancelled", "done", "done"),
    "bin the mix": ("cancelled", "done", "done"),
    "delete the mix": (None, None, None),
    "bin a track": ("done", "done", "done"),
    "delete a track": ("done", "done", "done"),
    "delete the account": (None, None, None),
}
SHORT = {(BEFORE, "delete the account"), (IN, "delete the mix")}
TIMES = 5 if FULL else 1
SONG_S = 60.0

pytestmark = [
    pytest.mark.xdist_group("deletions"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


class Stage:
    """A site in a folder for the processes of `last_second`."""

    def __init__(self, folder, url):
        self.folder = folder
        own = {name: value for name, value in os.environ.items() if not name.startswith("MIXTAPE_")}
        self.environment = own | {
            "DATABASE_URL": url,
            "MIXTAPE_DATA_DIR": str(folder / "var"),
            "MIXTAPE_MEDIA_DIR": str(folder / "media"),
            "MIXTAPE_LOG_LEVEL": "CRITICAL",  # deleted rows of running jobs are logged
        }

    def start(self, *arguments):
        command = [
            sys.executable,
            "-m",
            "mixes.tests.torture.harness.last_second",
            str(self.folder),
            *arguments,
        ]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, text=True, stdout=subprocess.PIPE)

    def run(self, *arguments):
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        return out


@pytest.fixture(scope="module", params=["sqlite", "postgresql"] if FULL else ["sqlite"])
def prepared(request, tmp_path_factory):
    """A site with one queued job; returns a function that copies it to a folder."""
    origin, vendor = tmp_path_factory.mktemp("origin"), request.param
    if vendor == "sqlite":
        Stage(origin, f"sqlite:///{origin}/site.sqlite3").run("prepare")
    else:
        server = request.getfixturevalue("postgres")
        Stage(origin, server.create_database(origin.name)).run("prepare")

    def copy(folder):
        folder = folder / "site"
        shutil.copytree(origin, folder)
        if vendor == "sqlite":
            return Stage(folder, f"sqlite:///{folder}/site.sqlite3")
        return Stage(folder, server.create_database(folder.parent.name, template=origin.name))

    copy.vendor = vendor
    return copy


@pytest.mark.parametrize(
    ("point", "deed"),
    [
        pytest.param(point, deed, id=f"{deed} {point} its commit")
        for point in (BEFORE, IN, AFTER)
        for deed in CASES
        if FULL or (point, deed) in SHORT
    ],
)
def test_actions_in_the_last_second_of_a_job_leave_a_consistent_state(prepared, tmp_path, point, deed):
    stage = prepared(tmp_path)
    worker = stage.start("work", point)
    wait_until(lambda: list(stage.folder.glob("ready-*")) or worker.poll() is not None)
    assert worker.poll() is None, "it was to wait"
    doing = stage.start("do", deed)
    if point == IN:
        time.sleep(2.0)  # it waits for the rows locked by the worker
    else:
        assert doing.wait(120) == 0
    (stage.folder / "go").touch()
    assert doing.wait(120) == 0 and worker.wait(120) == 0
    found = json.loads(stage.run("state"))
    expected = CASES[deed][(BEFORE, IN, AFTER).index(point)]
    assert found["jobs"] == ([expected] if expected else [])
    assert (found["results"] > 0) == (expected == "done")
    assert (found["mixes"] == 0) == (expected is None)
    assert found["users"] == (deed != "delete the account")
    left_over = {name: found[name] for name in ("orphans", "missing", "scratch", "parts")}
    assert not any(left_over.values()), left_over
    note_row(f"{deed}, {point} a job's commit, {prepared.vendor}", tried=1, wrong=0)


def delete_mix(site, mix, _tracks):
    return [f"/mixes/{mix}/delete/", f"/mixes/{mix}/delete/"]


def delete_track(site, _mix, tracks):
    return [f"/tracks/{tracks[0]}/delete/", f"/tracks/{tracks[0]}/delete/"]


def delete_account(site, _mix, _tracks):
    return ["/account/delete/", "/account/delete/"]


@pytest.mark.skipif(not FULL, reason="the last second is the quick part; make torture runs this")
@pytest.mark.parametrize("deed", [delete_mix, delete_track, delete_account])
def test_deletions_on_a_running_site_are_final(songs, tmp_path, deed):
    """At any moment of its job, each form sent twice, as by two tabs."""
    rng = np.random.default_rng(446)
    with LiveSite(tmp_path) as site:
        for time_of_it in range(TIMES):
            site.cookies = site.sign_up(f"{deed.__name__}{time_of_it}")
            mix = site.mix_of(songs)
            rows = site.query(f"select track_id from mixes_mixtrack where mix_id = '{mix.replace('-', '')}'")
            site.make(mix)
            time.sleep(float(rng.uniform(0.0, 5.0)))
            statuses = [
                site.post(place, "confirmation=many+loud+records&confirmed=1")[0]
                for place in deed(site, mix, [UUID(track) for (track,) in rows])
            ]
            assert statuses[0] == 302 and statuses[1] in (302, 404), statuses
            wait_until(lambda: not open_jobs(site))
            wait_until(lambda: not left_over(site), seconds=30)
            if deed is delete_account:
                assert site.query("select count(*) from mixes_mixjob") == [(0,)]
        note_row(f"{deed.__name__.replace('_', ' a ')} while its job runs", tried=TIMES, wrong=0)


def open_jobs(site):
    kinds = ("mixjob", "analysisjob", "preview")
    return [
        site.query(f"select id from mixes_{kind} where state in ('queued', 'running')")
        for kind in kinds
        if site.query(f"select id from mixes_{kind} where state in ('queued', 'running')")
    ]


def left_over(site):
    """Return orphaned files, scratch folders and processes."""
    media = site.folder / "media"
    columns = (("artifact", "file"), ("preview", "file"), ("track", "file"))
    named = {
        name for table, column in columns for (name,) in site.query(f"select {column} from mixes_{table}")
    }
    kept = {
        path.relative_to(media).as_posix()
        for folder in ("artifacts", "previews", "tracks")
        for path in (media / folder).rglob("*")
        if path.is_file()
    }
    scratch = {path.name for path in (media / "scratch").glob("*")}
    parts = {path.name for path in media.rglob("*.part")}
    return (kept - named) | scratch | parts | {str(pid) for pid in site.processes("ffmpeg", "pipe:")}
