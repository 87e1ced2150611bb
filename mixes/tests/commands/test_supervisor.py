"""Periodic children of the supervisor, with real processes: pauses and restarts."""

import os
import signal
import sys
import threading
import time

import pytest

from mixes.management import supervisor
from mixes.management.commands import up
from mixes.management.supervisor import Supervisor

NOTE = "import sys, time; open(sys.argv[1], 'a').write(f'{time.monotonic()}\\n'); sys.exit(int(sys.argv[2]))"


@pytest.fixture
def keep_handlers():
    """Restore the signal handlers that the supervisor replaces."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    kept = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def supervise(tmp_path, status, every_s, for_s):
    """Run a child that records its starts; return their number, their pauses, and the output."""
    notes, said = tmp_path / "starts", []
    command = [sys.executable, "-c", NOTE, str(notes), str(status)]
    threading.Timer(for_s, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began_s = time.monotonic()
    assert Supervisor({"cleaner": command}, every_s={"cleaner": every_s}, say=said.append).run() == 0
    starts = [float(line) for line in notes.read_text().split()] if notes.exists() else []
    return [b - a for a, b in zip([began_s, *starts], starts, strict=False)], said


def test_a_periodic_child_starts_after_a_pause_the_first_time_too(tmp_path, keep_handlers):
    pauses_s, said = supervise(tmp_path, 0, every_s=0.4, for_s=2.5)
    assert len(pauses_s) >= 2
    assert min(pauses_s) >= 0.4
    assert said == []


def test_a_failed_periodic_child_is_reported_and_waits_as_long(tmp_path, keep_handlers):
    pauses_s, said = supervise(tmp_path, 3, every_s=0.4, for_s=1.5)
    assert min(pauses_s) >= 0.4
    assert set(said) == {"cleaner ended with status 3."}


def test_the_first_pause_is_shorter_than_the_next(monkeypatch, tmp_path, keep_handlers):
    monkeypatch.setattr(supervisor, "FIRST_RUN_S", 0.3)
    pauses_s, _ = supervise(tmp_path, 0, every_s=60.0, for_s=1.5)
    assert len(pauses_s) == 1


def test_the_site_prunes_once_a_day_and_respects_the_orphan_limit(monkeypatch, tmp_path, settings):
    asked = {}

    class Asked(Supervisor):
        def run(self):
            asked.update({child.name: child for child in self.children})
            return 0

    monkeypatch.setattr(up, "Supervisor", Asked)
    monkeypatch.setattr(up, "refuse_taken_port", lambda bind, port: None)
    monkeypatch.setattr(up, "prepare_site", lambda out: None)
    with pytest.raises(SystemExit):
        up.Command().handle()
    assert asked["cleaner"].command[-2:] == ["prune_media", "--yes"]
    assert asked["cleaner"].every_s == 24 * 3600
