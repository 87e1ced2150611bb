"""Clock jumps of a whole running site: forward, back, and over a daylight saving change."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixes.tests.torture.harness.live import LiveSite, wait_until
from mixes.tests.torture.harness.table import note_row

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
SONG_S = 120.0
HOUR_S = 3600
STEP_S = 1.5  # between two changes of the clock
NIGHT = datetime(2030, 10, 27, 1, tzinfo=UTC)  # in Berlin the hour from two to three repeats

pytestmark = [
    pytest.mark.xdist_group("clocks"),
    pytest.mark.skipif(sys.platform != "linux", reason="sets the clock below the C library"),
    pytest.mark.skipif(
        not FULL, reason="mixes/tests/jobs/test_steady_clock.py is the quick one; make torture runs this"
    ),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A library that shifts the clock of processes: libfaketime 0.9.10 also shifts the monotonic clock."""
    compiler = shutil.which("cc")
    if compiler is None and os.environ.get("REQUIRE_CC") != "1":
        pytest.skip("no C compiler here; REQUIRE_CC=1 makes this a failure")
    assert compiler, "REQUIRE_CC=1, but there is no C compiler"
    built = tmp_path_factory.mktemp("library") / "set_clock.so"
    source = Path(__file__).with_name("set_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True)
    return built


class ShiftedSite(LiveSite):
    """A site whose wall clock is shifted by the offset in a file, changeable while it runs."""

    def __init__(self, folder, library, ahead_s):
        self.shift = folder / "shift"
        self.set_clock(ahead_s)
        super().__init__(
            folder,
            LD_PRELOAD=str(library),
            CLOCK_FILE=str(self.shift),
            MIXTAPE_TIME_ZONE="Europe/Berlin",
        )

    def set_clock(self, ahead_s):
        new = self.shift.with_suffix(".new")
        new.write_text(f"{ahead_s:+.0f}")
        new.replace(self.shift)


def job_of(site, job):
    ((state, attempt),) = site.query(
        f"select state, attempt from mixes_mixjob where id = '{job.replace('-', '')}'"
    )
    return state, attempt


def results_of(site, job):
    return sorted(
        site.query(f"select kind, sha256 from mixes_artifact where job_id = '{job.replace('-', '')}'")
    )


def test_clock_jumps_make_each_mix_once(library, songs, tmp_path):
    base_s = NIGHT.timestamp() - time.time() - 6 * HOUR_S
    with ShiftedSite(tmp_path, library, base_s) as site:
        mix = site.mix_of(songs)
        first = site.make(mix)
        wait_until(lambda: job_of(site, first)[0] == "done")
        to_the_night_s = NIGHT.timestamp() - time.time() - 2.0
        settings_s = {
            "forward": (HOUR_S,),
            "back": (-HOUR_S,),
            "to and fro": (HOUR_S, -HOUR_S, 0),
            "over the night": (to_the_night_s - base_s,),
        }
        for name, steps_s in settings_s.items():
            job = site.make(mix)
            wait_until(lambda job=job: job_of(site, job)[0] != "queued")
            for step_s in steps_s:
                site.set_clock(base_s + step_s)
                time.sleep(STEP_S)
            wait_until(lambda job=job: job_of(site, job)[0] not in ("queued", "running"))
            log = (tmp_path / "log").read_text()
            assert job_of(site, job) == ("done", 1), f"{name}\n{log[-3000:]}"
            assert site.query("select count(*) from mixes_mixjob where state != 'done'") == [(0,)]
            note_row(f"clock of a running site: {name}", tried=1, wrong=0)
        # its folder is removed right after its row has ended
        wait_until(lambda: not list((tmp_path / "media" / "scratch").glob("*")), seconds=30)
        kinds = [kind for kind, _ in results_of(site, job)]
        assert len(kinds) == len(set(kinds))
        shown = site.query("select finished_at from mixes_mixjob order by finished_at desc limit 1")[0][0]
        assert shown.startswith("2030-10-2"), "the site's clock was the real one all the time"
