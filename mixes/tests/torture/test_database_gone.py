"""An unavailable database: pages report it, workers wait, nothing is lost or doubled."""

import hashlib
import os
import sqlite3
import sys
import threading
import time
from collections import Counter

import pytest

from mixes.engine.tests.signals import RATE, pink_noise, write_audio
from mixes.tests.torture.harness.live import LiveSite, wait_until
from mixes.tests.torture.harness.table import note_row
from mixtape_site.tests.postgres import postgres_server

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
AWAY_S = 30.0 if FULL else 3.0
LOCKED_S = 15.0
TIMES = 3 if FULL else 1
SONG_S = 240.0 if FULL else 60.0
PAGES = ("/mixes/", "/tracks/", "/bin/", "/accounts/login/", "/mixes/{mix}/", "/jobs/{job}/", "/healthz")

pytestmark = [
    pytest.mark.xdist_group("database gone"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


def job_of(site, job):
    ((state, attempt),) = site.query(f"select state, attempt from mixes_mixjob where id = '{job_hex(job)}'")
    return state, attempt


def job_hex(job):
    return job.replace("-", "")


def results_of(site, job):
    return sorted(site.query(f"select kind, sha256 from mixes_artifact where job_id = '{job_hex(job)}'"))


def wait_until_begun(site, job, least=0):
    wait_until(
        lambda: site.query(f"select progress > {least} from mixes_mixjob where id = '{job_hex(job)}'")[0][0]
    )


def left_over(site):
    """Return leftovers once all jobs have ended."""
    media = site.folder / "media"
    named = {name for (name,) in site.query("select file from mixes_artifact")}
    kept = {path.relative_to(media).as_posix() for path in (media / "artifacts").rglob("*") if path.is_file()}
    scratch = {path.name for path in (media / "scratch").glob("*")}
    return (kept ^ named) | scratch | {str(pid) for pid in site.processes("ffmpeg", "pipe:")}


class Visitor(threading.Thread):
    """Requests pages until stopped; records each response."""

    def __init__(self, site, paths):
        super().__init__()
        self.site, self.paths = site, paths
        self.answers, self.unfriendly, self.over = Counter(), [], threading.Event()

    def run(self):
        while not self.over.is_set():
            for path in self.paths:
                status, headers, body = self.site.ask("GET", path)
                self.answers[status] += 1
                if status == 503 and not (headers["Retry-After"] and b"Back in a moment" in body):
                    self.unfriendly.append((path, body[:200]))
            time.sleep(0.05)

    def stop(self):
        self.over.set()
        self.join()


def test_a_restarted_database_server_only_delays_work(songs, tmp_path):
    with (
        postgres_server() as server,
        LiveSite(tmp_path, database_url=server.create_database("live")) as site,
    ):
        mix = site.mix_of(songs)
        first = site.make(mix)
        wait_until(lambda: job_of(site, first)[0] == "done")
        expected = results_of(site, first)
        for _ in range(TIMES):
            job = site.make(mix)
            paths = [path.format(mix=mix, job=job) for path in PAGES]
            visitors = [Visitor(site, paths) for _ in range(2)]
            wait_until_begun(site, job)
            upload = BrokenUpload(site, tmp_path)
            for visitor in visitors:
                visitor.start()
            server.kill()
            time.sleep(AWAY_S)
            server.start()
            wait_until(lambda job=job: job_of(site, job)[0] not in ("queued", "running"))
            for visitor in visitors:
                visitor.stop()
            answers = visitors[0].answers + visitors[1].answers
            assert set(answers) <= {200, 302, 503} and answers[503] and answers[200], answers
            assert not visitors[0].unfriendly + visitors[1].unfriendly
            assert job_of(site, job) == ("done", 1), (tmp_path / "log").read_text()[-5000:]
            assert results_of(site, job) == expected
            upload.go_on()
            wait_until(lambda: not left_over(site), seconds=60)
            note_row(
                f"requests while PostgreSQL was killed for {AWAY_S:.0f} s", tried=answers.total(), wrong=0
            )
        states = site.query("select state, count(*) from mixes_mixjob group by state")
        assert states == [("done", TIMES + 1)]
        note_row("jobs whose PostgreSQL was killed", tried=TIMES, wrong=0)


class BrokenUpload:
    """A file half uploaded when the database goes away."""

    def __init__(self, site, folder):
        self.site = site
        sound = pink_noise(5.0, seed=int(time.monotonic()))
        self.data = write_audio(folder / "half.wav", sound).read_bytes()
        self.place = site.announce("half.wav", len(self.data))
        assert site.send(self.place, 0, self.data[: len(self.data) // 2])[0] == 204

    def go_on(self):
        status, headers, _body = self.site.ask("HEAD", self.place, headers={"Tus-Resumable": "1.0.0"})
        offset = int(headers["Upload-Offset"])
        assert (status, offset) == (200, len(self.data) // 2)
        assert self.site.send(self.place, offset, self.data[offset:])[0] == 204
        digest = hashlib.sha256(self.data).hexdigest()
        ready = f"select count(*) from mixes_track where sha256 = '{digest}' and state = 'ready'"
        wait_until(lambda: self.site.query(ready) == [(1,)])


@pytest.mark.skipif(not FULL, reason="test_live.py has a quick one; make torture runs this")
def test_pages_and_workers_wait_for_a_locked_sqlite(songs, tmp_path):
    """Hold the write lock while a mix is made, a song is analysed, and pages are read and posted."""
    with LiveSite(tmp_path) as site:
        mix = site.mix_of(songs)
        first = site.make(mix)
        wait_until(lambda: job_of(site, first)[0] == "done")
        sound = write_audio(tmp_path / "late.flac", pink_noise(SONG_S, seed=9), RATE)
        job = site.make(mix)
        wait_until_begun(site, job)
        site.upload(sound)
        database = sqlite3.connect(site.folder / "var" / "mixtape.sqlite3", isolation_level=None, timeout=30)
        database.execute("begin immediate")
        statuses = []

        def ask(path, form):
            statuses.append((site.ask("GET", path) if form is None else site.post(path, form))[0])

        deeds = 10 * [("/mixes/", None), ("/mixes/new/", "")]
        threads = [threading.Thread(target=ask, args=deed) for deed in deeds]
        for thread in threads:
            thread.start()
        time.sleep(LOCKED_S)
        database.execute("commit")
        database.close()
        for thread in threads:
            thread.join()
        wait_until(lambda: job_of(site, job)[0] not in ("queued", "running"))
        assert set(statuses) <= {200, 302, 503}, Counter(statuses)
        assert job_of(site, job) == ("done", 1) and results_of(site, job) == results_of(site, first)
        wait_until(lambda: site.query("select count(*) from mixes_track where state = 'ready'") == [(3,)])
        assert site.query("select max(attempt) from mixes_analysisjob") == [(1,)]
        # each answered press made its mix, no other press did
        made = site.query("select count(*) from mixes_mix")[0][0] - 1
        assert made == statuses.count(302)
        wait_until(lambda: not left_over(site), seconds=30)
        note_row("requests while two workers ran on a locked SQLite", tried=len(statuses), wrong=0)
