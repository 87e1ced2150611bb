"""Presses, interruptions, cancels and kills on a running site: nothing is doubled, lost or left over."""

import hashlib
import os
import signal
import sqlite3
import sys
import threading
import time

import numpy as np
import pytest

from mixes.engine.tests.signals import pink_noise, sine, write_audio
from mixes.tests.torture.harness.live import at_once, wait_until, write_song
from mixes.tests.torture.harness.table import note_row

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
PRESSES, CUTS, CANCELS, KILLS = (50, 50, 100, 40) if FULL else (20, 6, 4, 2)
LOCKED_S = 15.0 if FULL else 3.0
SONG_S = 60.0

pytestmark = [
    pytest.mark.xdist_group("live"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture(scope="module")
def mix(site, tmp_path_factory):
    """A mix of three ready songs."""
    folder = tmp_path_factory.mktemp("songs")
    return site.mix_of([write_song(folder, number, SONG_S) for number in range(3)])


def job_states(site):
    return dict(site.query("select id, state from mixes_mixjob"))


def wait_until_idle(site):
    wait_until(lambda: not {"queued", "running"} & set(job_states(site).values()))


def nothing_left_over(site):
    scratch = list((site.folder / "media" / "scratch").glob("mix-*"))
    named = {name for (name,) in site.query("select file from mixes_artifact")}
    kept = (site.folder / "media" / "artifacts").rglob("*")
    files = {path.relative_to(site.folder / "media").as_posix() for path in kept if path.is_file()}
    return not scratch and files == named and not site.processes("ffmpeg", "pipe:")


def test_many_presses_of_make_create_one_job(site, mix):
    before = len(job_states(site))
    answers = at_once(PRESSES, lambda number: site.post(f"/mixes/{mix}/make/"))
    places = {headers["Location"] for _status, headers, _body in answers}
    note_row(
        "presses of Make at once", tried=PRESSES, jobs=len(job_states(site)) - before, wrong=len(places) - 1
    )
    assert {status for status, _headers, _body in answers} == {302} and len(places) == 1
    assert len(job_states(site)) == before + 1
    wait_until_idle(site)
    wait_until(lambda: nothing_left_over(site), seconds=30)  # removed right after its row has ended


def test_uploads_interrupted_anywhere_arrive_complete(site, tmp_path):
    """Break the connection in the middle of a chunk, ask for the offset, resume; repeatedly."""
    rng = np.random.default_rng(440)
    sound = pink_noise(20.0, seed=7) + 0.3 * sine(500.0, 20.0)
    data = write_audio(tmp_path / "cut.wav", sound).read_bytes()
    place = site.announce("cut often.wav", len(data))
    cuts = sorted(int(cut) for cut in rng.integers(1, len(data) - 1, CUTS))
    sent_again, offset = 0, 0
    for cut in cuts:
        if cut <= offset:
            continue
        site.break_off(place, offset, data, cut)
        wait_until(lambda at=offset: offset_of(site, place) >= at)
        here = offset_of(site, place)
        assert offset <= here <= cut, "bytes were lost, or came from nowhere"
        sent_again += cut - here
        offset = here
    wait_until(lambda: site.send(place, offset_of(site, place), data[offset_of(site, place) :])[0] == 204)
    digest = hashlib.sha256(data).hexdigest()
    wait_until(lambda: site.query(f"select count(*) from mixes_track where sha256 = '{digest}'") == [(1,)])
    note_row(
        "uploads cut in the middle of a piece", tried=len(cuts), wrong=0, sent_again_kb=sent_again // 1000
    )


def offset_of(site, place):
    status, headers, _body = site.ask("HEAD", place, headers={"Tus-Resumable": "1.0.0"})
    assert status == 200
    return int(headers["Upload-Offset"])


def test_a_cancel_at_any_time_removes_the_job(site, mix):
    rng = np.random.default_rng(441)
    wrong = 0
    for _ in range(CANCELS):
        job = site.make(mix)
        time.sleep(float(rng.uniform(0.0, 6.0)))
        pressed_s = time.monotonic()
        site.post(f"/jobs/{job}/cancel/")
        wait_until(lambda job=job: job_states(site)[job.replace("-", "")] not in ("queued", "running"))
        state = job_states(site)[job.replace("-", "")]
        wrong += state not in ("cancelled", "done") or time.monotonic() - pressed_s > 5.0
        wait_until(lambda: nothing_left_over(site), seconds=10)
    note_row("cancels at any moment", tried=CANCELS, wrong=wrong)
    assert wrong == 0


def test_killed_processes_only_delay_jobs(site, mix):
    """Kill any process of the long worker while a mix is made."""
    rng = np.random.default_rng(442)
    job = site.make(mix)
    wait_until_idle(site)
    expected = results_of(site, job)
    for _ in range(KILLS):
        job = site.make(mix)
        time.sleep(float(rng.uniform(0.2, 4.0)))
        victims = site.processes("worker", "long")
        if victims:
            os.kill(int(rng.choice(victims)), signal.SIGKILL)
        wait_until_idle(site)
        assert job_states(site)[job.replace("-", "")] == "done"
        assert results_of(site, job) == expected
        wait_until(lambda: nothing_left_over(site), seconds=30)
        site.post(f"/jobs/{job}/delete/")
    note_row("SIGKILL of a worker's process while it works", tried=KILLS, wrong=0)


def results_of(site, job):
    rows = site.query(f"select kind, sha256 from mixes_artifact where job_id = '{job.replace('-', '')}'")
    return sorted(rows)


def test_pages_wait_for_a_locked_database(site, mix):
    """Hold the write lock while pages are read and edited: the answer is a page or "busy", never an error."""
    database = sqlite3.connect(site.folder / "var" / "mixtape.sqlite3", isolation_level=None)
    database.execute("begin immediate")
    statuses = []

    def ask(path, form=None):
        answer = site.ask("GET", path) if form is None else site.post(path, form)
        statuses.append(answer[0])

    threads = [threading.Thread(target=ask, args=("/mixes/",)) for _ in range(10)]
    threads += [threading.Thread(target=ask, args=("/mixes/new/", "")) for _ in range(10)]
    for thread in threads:
        thread.start()
    time.sleep(LOCKED_S)
    database.execute("commit")
    database.close()
    for thread in threads:
        thread.join()
    wrong = sum(status >= 500 and status != 503 for status in statuses)
    note_row("requests while the database was locked", tried=len(statuses), wrong=wrong)
    assert set(statuses) <= {200, 302, 503}
