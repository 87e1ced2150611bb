"""A short soak: users and faults for some seconds, then no errors and no leftovers.

Growth takes hours to show: `make soak`.
"""

import os
import sys
from dataclasses import replace

import pytest

from benchmarks.report import replace_part
from mixes.tests.torture.harness.report import Found, write_page
from mixes.tests.torture.harness.table import note_row
from mixes.tests.torture.soak.gauges import compare
from mixes.tests.torture.soak.run import Outcome, Plan, page_part, soak
from mixes.tests.torture.soak.users import Ledger

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"

pytestmark = [
    pytest.mark.xdist_group("soak"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.mark.skipif(not FULL, reason="a minute long: make torture")
def test_a_site_used_during_faults_ends_clean(tmp_path):
    plan = Plan(
        minutes=0.5, fault_every_s=3.0, look_every_s=1.0, prune_every_s=8.0, locked_s=2.0, pause_s=0.5
    )
    ledger = soak(plan, tmp_path).ledger
    faults, answers = sum(ledger.faults.values()), sum(ledger.statuses.values())
    note_row("half a minute of use with faults: answers", tried=answers, wrong=len(ledger.wrong))
    assert ledger.wrong == []
    assert faults and answers and ledger.deeds["track: ready"], "it must have tried something"


def grown(figures, name="descriptors"):
    """Return the names of judged gauges that have grown."""
    looks = [(10.0 * second, {name: figure}) for second, figure in enumerate(figures)]
    return [gauge.name for gauge in compare(looks, warm_up_s=200.0) if gauge.judged and not gauge.is_flat]


def test_growing_gauges_are_reported_and_fluctuating_ones_are_not():
    steps = range(120)
    assert grown([200 + step for step in steps]) == ["descriptors"]
    assert grown([200 + step % 30 for step in steps]) == []
    assert grown([200 - step for step in steps]) == []
    assert grown([500 * (step < 20) + 200 for step in steps]) == [], "the warm-up counts for nothing"
    assert grown([300 + step / 2 for step in steps], "memory, MB") == ["memory, MB"]
    assert grown([300 + step / 20 for step in steps], "memory, MB") == []
    assert grown([step / 40 for step in steps], "temporary files") == [], "two more of a few are no leak"
    assert grown([step / 10 for step in steps], "temporary files") == ["temporary files"]


def test_both_reports_keep_their_parts_of_one_page(tmp_path):
    page, row = tmp_path / "page.md", {"part": "kills", "tried": 3, "wrong": 0}
    outcome = Outcome(Ledger())
    found = Found("test_a.py", "abc", "2026-01-01 00:00", held=True, took_s=60, told="1 passed", rows=[row])
    write_page(page, [found])
    replace_part(page, page_part(Plan(1.0), outcome))
    outcome.ledger.wrong.append("a file outlived its row")
    replace_part(page, page_part(Plan(2.0), outcome))
    write_page(page, [replace(found, held=False, rows=[{**row, "tried": 4}])])
    text = page.read_text()
    assert text.count("# Soak") == text.count("# Reliability") == 1
    assert "Not everything held" in text and "| test_a.py | NOT: 1 passed | 1.0 | abc |" in text
    assert "| kills | 4 | 0 |" in text and "| kills | 3" not in text
    assert "MINUTES=2`" in text and "- Wrong: a file outlived its row" in text
