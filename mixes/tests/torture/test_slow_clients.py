"""Requests beside clients that send or read nothing, without a proxy in front."""

import contextlib
import os
import re
import time
from pathlib import Path

import pytest

from mixes.tests.torture.harness.table import note_row
from mixtape_site.tests.connections.web_server import MANY, attack, install, running

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
SECONDS = 30.0 if FULL else 1.0
WITHIN_S = 1.0  # the bound that the site promises
KINDS = ("silent", "half a head", "half a form", "half an upload", "unread download", "unread after close")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(install(tmp_path_factory.mktemp("web"))) as server:
        yield server


def peak_mb(server):
    """Return the most memory the web server's processes had at once."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in (server.process.pid, *children)]
    return round(sum(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) for status in statuses) / 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_healthz_is_answered_beside_clients_that_do_nothing(server, kind):
    took_s, bad = [], 0
    with contextlib.ExitStack() as stack:
        attack(server, kind, stack)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            asked = time.perf_counter()
            bad += server.ask("/healthz")[0] != 200
            took_s.append(time.perf_counter() - asked)
            time.sleep(0.05)
    wrong = bad + sum(seconds > WITHIN_S for seconds in took_s)
    note_row(
        f"requests beside {MANY} clients: {kind}",
        tried=len(took_s),
        wrong=wrong,
        longest_s=round(max(took_s), 3),
        peak_mb=peak_mb(server),
    )
    assert not wrong
