"""Real worker processes that are killed, stopped and doubled: each publication creates one video."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from youtube_integration.tests.jobs.live_worker import Site, wait_until
from youtube_integration.tests.standin import StandIn

pytestmark = pytest.mark.xdist_group("killed publish workers")  # they share one site
CHUNK = 8 * 2**20
SIZE = 2 * CHUNK + 1_000_077


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A site with five publications, and the stand-in that granted it access."""
    with StandIn() as google:
        site = Site(tmp_path_factory.mktemp("publishing"), google)
        site.prepare(*[SIZE] * 5)
    return site


@pytest.fixture
def site(prepared):
    """The site with a stand-in of this test's own; a test that fails leaves nothing to the next."""
    with StandIn() as google:
        google.manner.polls = 0
        google.access.update(prepared.google.access)
        google.refresh.update(prepared.google.refresh)
        prepared.use(google)
        yield prepared
        prepared.stop()
        prepared.forget_unfinished()


def assert_published_once(site, pk, *, sessions=1):
    wait_until(lambda: site.column("state", pk) in ("done", "failed"), site)
    assert site.column("state", pk) == "done", site.column("error_text", pk)
    (video,) = site.google.videos.values()
    assert video["sha256"] == site.column("sha256", pk)
    assert video["id"] == site.column("video_id", pk)
    assert len(site.google.sessions) == sessions
    received = sum(session.received for session in site.google.sessions.values())
    assert received <= SIZE + CHUNK
    assert "upload_id" not in site.log() and "ya29" not in site.log() and "1//0" not in site.log()


def start_again(site):
    site.let_a_minute_pass()
    site.start_worker()


def test_killed_before_the_session_is_stored(site):
    site.google.fail("start", late_s=3.0)
    worker, pk = site.start_worker(), site.let_go()
    wait_until(lambda: site.google.sessions, site)
    worker.kill()
    assert site.column("sealed_session", pk) == ""
    start_again(site)
    assert_published_once(site, pk, sessions=2)  # one of them received no byte
    assert sorted(session.received for session in site.google.sessions.values()) == [0, SIZE]


def test_killed_in_the_middle(site):
    site.google.fail("chunk", nth=2, pause_s=0.05)
    site.start_worker()
    pk = site.let_go()
    wait_until(lambda: site.column("offset", pk) == CHUNK, site)
    wait_until(lambda: site.google.describe()["sessions"][0]["received"] > CHUNK + 1_000_000, site)
    child = int(site.column("worker", pk).rsplit(":", 1)[1])
    os.kill(child, signal.SIGKILL)
    assert_published_once(site, pk)  # by a new process of the same worker


def test_killed_after_the_last_response(site):
    site.google.fail("chunk", nth=3, late_s=3.0)
    worker, pk = site.start_worker(), site.let_go()
    wait_until(lambda: site.google.videos, site)
    worker.kill()
    assert site.column("video_id", pk) is None and site.column("final_sent_at", pk)
    start_again(site)
    assert_published_once(site, pk)
    chunks = [asked for asked in site.google.log if asked.content_range.startswith("bytes 0-")]
    assert len(chunks) == 1


def test_a_stopping_worker_does_not_wait_for_a_slow_chunk(site):
    site.google.fail("chunk", nth=2, pause_s=0.5)
    worker, pk = site.start_worker(), site.let_go()
    wait_until(lambda: site.column("offset", pk) == CHUNK, site)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    assert site.column("offset", pk) == CHUNK  # the slow chunk was given up, not waited for
    assert (site.column("state", pk), site.column("attempt", pk)) == ("queued", 0)
    site.start_worker()
    assert_published_once(site, pk)


def test_two_workers_do_not_share_a_publication_and_start_no_program(site):
    site.google.fail("chunk", nth=1, pause_s=0.02)
    pk = site.let_go()
    workers = [site.start_worker().pid for _ in range(2)]
    commands = set()
    while site.column("state", pk) in ("queued", "running"):
        ours = [path for path in Path("/proc").glob("[0-9]*") if any(is_below(path, pid) for pid in workers)]
        commands |= {command_of(path) for path in ours}
        time.sleep(0.1)
    assert_published_once(site, pk)
    assert [session.received for session in site.google.sessions.values()] == [SIZE]
    assert all("manage.py worker publish" in command for command in commands if command), commands


def command_of(path):
    with contextlib.suppress(OSError):
        return (path / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""


def is_below(path, pid):
    """Return whether a process descends from another."""
    while path.name not in ("0", "1"):
        with contextlib.suppress(OSError, StopIteration):
            lines = (path / "status").read_text().splitlines()
            parent = next(line.split()[1] for line in lines if line.startswith("PPid:"))
            if parent == str(pid):
                return True
            path = Path("/proc", parent)
            continue
        return False
    return False
