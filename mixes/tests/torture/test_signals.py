"""Each process of a running site is stopped or killed while a mix is made: the mix is made anyway."""

import contextlib
import os
import signal
import sqlite3
import sys
import time

import pytest

from benchmarks.measure import process_tree
from mixes.tests.torture.harness.live import LiveSite, wait_until
from mixes.tests.torture.harness.table import note_row

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
SONG_S = 120.0 if FULL else 60.0
TERM, INT, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGKILL
SHORT = [("sentinel", KILL)]  # and the last test but one stops the long worker
KINDS = ("web", "long worker", "sentinel", "worker process", "monitor", "pusher", "ffmpeg")
CASES = [(kind, number) for kind in KINDS for number in (TERM, KILL)] if FULL else SHORT
ATTEMPTS = {"ffmpeg": 2}  # its end counts as a failure of the job; a dead worker's lease may have to expire

pytestmark = [
    pytest.mark.xdist_group("signals"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture(scope="module")
def prepared(site, songs):
    """The site with a mix, and its result without a fault."""
    site.mix = make_mix(site, songs)
    job = site.make(site.mix)
    wait_until(lambda: state_of(site, job) == "done")
    site.expected = results_of(site, job)


def make_mix(site, songs):
    mix = site.mix_of(songs)
    with contextlib.closing(sqlite3.connect(site.folder / "var" / "mixtape.sqlite3", timeout=30)) as rows:
        rows.execute("update mixes_mix set make_mp4 = 1")  # one more stage in which it is stopped
        rows.commit()
    return mix


def state_of(site, job, column="state"):
    return site.query(f"select {column} from mixes_mixjob where id = '{job.replace('-', '')}'")[0][0]


def results_of(site, job):
    return sorted(
        site.query(f"select kind, sha256 from mixes_artifact where job_id = '{job.replace('-', '')}'")
    )


def find(site, kind, job):
    """Return the process of a kind, None while there is none."""
    tree = list(process_tree(site.process.pid))
    children = {pid: sorted(child for child, parent in tree if parent == pid) for pid, _ in tree}
    mains = children.get(site.process.pid, [])
    (long,) = [pid for pid in mains if pid in site.processes("worker", "long")] or [0]
    (sentinel,) = children.get(long, [])[:1] or [0]
    held_by = state_of(site, job, "worker")
    process = int(held_by.rpartition(":")[2]) if held_by else 0
    others = [pid for pid in children.get(sentinel, []) if pid != process]
    found = {
        "web": ([pid for pid in mains if pid in site.processes("gunicorn")] or [0])[0],
        "long worker": long,
        "sentinel": sentinel,
        "worker process": process,
        "monitor": others[0] if len(others) == 2 else 0,
        "pusher": others[1] if len(others) == 2 else 0,
        "ffmpeg": (site.processes("ffmpeg", "pipe:") or [0])[0],
    }
    return found[kind] or None


def left_over(site):
    media = site.folder / "media"
    named = {name for (name,) in site.query("select file from mixes_artifact")}
    kept = {path.relative_to(media).as_posix() for path in (media / "artifacts").rglob("*") if path.is_file()}
    scratch = {path.name for path in (media / "scratch").glob("*")}
    parts = {path.name for path in media.rglob("*.part")}
    return (kept ^ named) | scratch | parts | {str(pid) for pid in site.processes("ffmpeg", "pipe:")}


def begin(site, kind):
    """Request the mix; return its job and the process of a kind that works on it."""
    job = site.make(site.mix)
    wait_until(lambda: state_of(site, job, "progress") > 0)
    found = []
    wait_until(lambda: found.append(find(site, kind, job)) or found[-1] or state_of(site, job) == "done")
    return job, found[-1]


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(("kind", "number"), CASES)
def test_a_process_that_ends_only_delays_the_job(site, kind, number):
    job, victim = begin(site, kind)
    assert victim, f"no {kind} was seen"
    os.kill(victim, number)
    wait_until(lambda: state_of(site, job) not in ("queued", "running"))
    log = (site.folder / "log").read_text()[-3000:]
    assert (state_of(site, job), results_of(site, job)) == ("done", site.expected), log
    assert state_of(site, job, "attempt") <= ATTEMPTS.get(kind, 2)
    wait_until(lambda: not left_over(site), seconds=30)
    wait_until(site.answers)
    wait_until(lambda: len(site.processes("worker")) >= 2)
    name = signal.Signals(number).name
    note_row(f"{name} to the {kind} while a mix is made", tried=1, wrong=0)
    site.post(f"/jobs/{job}/delete/")


@pytest.mark.usefixtures("prepared")
def test_a_stopped_worker_requeues_its_job_with_finished_stages(site):
    """The next one does not render again: the result is the file of the first."""
    job = site.make(site.mix)
    folder = site.folder / "media" / "scratch" / f"mix-{job.replace('-', '')}"
    wait_until(lambda: (folder / "done-render.json").exists())
    (sound,) = folder.glob("*.mp3")
    rendered = sound.stat().st_ino
    asked_s = time.monotonic()
    worker = find(site, "long worker", job)
    os.kill(worker, TERM)
    wait_until(lambda: state_of(site, job) != "running", seconds=20)
    assert (state_of(site, job), state_of(site, job, "attempt")) == ("queued", 0), "it was done too soon"
    wait_until(lambda: worker not in site.processes("worker"), seconds=20)
    took_s = time.monotonic() - asked_s
    wait_until(lambda: state_of(site, job) not in ("queued", "running"))
    assert (state_of(site, job), state_of(site, job, "attempt")) == ("done", 1)
    ((file,),) = site.query(
        f"select file from mixes_artifact where kind = 'mp3' and job_id = '{job.replace('-', '')}'"
    )
    assert (site.folder / "media" / file).stat().st_ino == rendered
    assert results_of(site, job) == site.expected
    note_row("jobs handed back by a worker that is told to end", tried=1, wrong=0, longest_s=round(took_s, 1))
    site.post(f"/jobs/{job}/delete/")


@pytest.mark.skipif(not FULL, reason="test_up_command.py has the quick one; make torture runs this")
@pytest.mark.parametrize("way", ["TERM", "group TERM", "INT twice", "KILL"])
def test_a_stopped_site_leaves_nothing_and_resumes_at_start(songs, tmp_path, way):
    with LiveSite(tmp_path) as site:
        site.mix = make_mix(site, songs)
        job, ffmpeg = begin(site, "ffmpeg")
        assert ffmpeg
        end(site, way)
        site.process.wait(60)
        wait_until(lambda: site.processes() == [], seconds=20)
        # a second Ctrl-C ends at once, so the lease has to expire
        assert state_of(site, job) == "queued" or way == "INT twice"
        site.start()
        wait_until(lambda: state_of(site, job) not in ("queued", "running"))
        assert state_of(site, job) == "done"
        wait_until(lambda: not left_over(site), seconds=30)
        note_row(f"{way} to the whole site while a mix is made", tried=1, wrong=0)


def end(site, way):
    if way == "group TERM":  # as a service manager does, to each process at once
        for pid in site.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, TERM)
    elif way == "INT twice":
        site.process.send_signal(INT)
        time.sleep(0.3)
        site.process.send_signal(INT)
    else:
        site.process.send_signal(TERM if way == "TERM" else KILL)
