"""The summary of docs/reliability.md says that everything held only if so."""

from dataclasses import replace

import pytest

from mixes.tests.torture.harness.report import Found, verdict, write_page

HELD = Found(
    "test_a.py",
    "abc1234",
    "2026-11-30 12:00",
    True,
    60,
    "2 passed in 60s",
    [{"part": "a", "tried": 5, "wrong": 0}],
)
OTHER = replace(HELD, file="test_b.py", rows=[{"part": "b", "tried": 7, "wrong": 0}])
FILES = ["test_a.py", "test_b.py"]


def test_everything_held_when_every_file_did():
    assert verdict([HELD, OTHER], FILES) == "**Everything held: 12 trials, 0 wrong.**"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([HELD], "Not run: test_b.py."),
        ([HELD, replace(OTHER, told="1 passed, 1 skipped in 2s")], "with tests skipped: test_b.py."),
        ([HELD, replace(OTHER, commit="def5678")], "Of several states of the code: abc1234; def5678."),
        (
            [replace(one, commit="abc1234, with changes not committed") for one in (HELD, OTHER)],
            "The code had changes that are not committed.",
        ),
    ],
)
def test_an_incomplete_run_does_not_count_as_everything(found, reason):
    text = verdict(found, FILES)
    assert text.startswith("**What was run held, but that is not everything: ")
    assert text.endswith(reason)


def test_a_wrong_trial_is_named():
    wrong = replace(OTHER, held=False, rows=[{"part": "b", "tried": 7, "wrong": 2}])
    assert verdict([HELD, wrong], FILES) == "**Not everything held: 12 trials, 2 wrong (b).**"


def test_a_file_that_failed_without_a_wrong_trial_is_named():
    text = verdict([HELD, replace(OTHER, held=False)], FILES)
    assert text == "**Not everything held: 12 trials, 0 wrong (test_b.py).**"


def test_the_page_starts_with_the_summary(tmp_path):
    page = tmp_path / "page.md"
    write_page(page, [HELD])
    lines = page.read_text().splitlines()
    assert lines[0] == "# Reliability"
    assert lines[2].startswith("**What was run held")
