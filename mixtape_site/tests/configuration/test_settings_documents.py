"""The documented settings are exactly those that the settings read."""

import re
from pathlib import Path

import environ
import pytest

from mixtape_site.configuration.limits import Limits
from mixtape_site.configuration.worker_environment import TOKEN_KEYS

ROOT = Path(__file__).resolve().parents[3]
READ = {
    name
    for module in ("settings", "configuration/limits")
    for name in re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "mixtape_site" / f"{module}.py").read_text())
} | {TOKEN_KEYS}  # read on demand, not in settings.py
EXAMPLE = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def readme_table():
    section = (ROOT / "README.md").read_text().split("## Settings")[1].split("\n## ")[0]
    rows = [row.split("|")[1:4] for row in section.splitlines() if row.startswith("| `")]
    return {name: default for names, _, default in rows for name in re.findall(r"`([A-Z_]+)`", names)}


def test_the_example_file_names_exactly_the_settings_that_are_read():
    assert set(EXAMPLE) == READ


def test_the_readme_names_exactly_the_settings_that_are_read():
    assert set(readme_table()) == READ


def test_the_limits_of_the_example_file_are_the_defaults():
    env = environ.Env()
    env.ENVIRON = EXAMPLE
    assert Limits.read(env) == Limits()


@pytest.mark.parametrize("name", sorted(n for n in READ if EXAMPLE.get(n, "").isdigit()))
def test_numbers_in_the_readme_are_those_of_the_example(name):
    assert f"`{EXAMPLE[name]}`" in readme_table()[name]
