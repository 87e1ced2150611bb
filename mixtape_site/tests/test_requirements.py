"""Installed packages are exactly the listed ones, each file pinned by its hash."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("requirements", "requirements-dev", "requirements-tools")
PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", re.MULTILINE)


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins_of(text):
    """Return the pinned versions by name; a package may have one per platform."""
    return {(plain(name), number) for name, number in PINNED.findall(text)}


@pytest.mark.parametrize("name", LISTS)
def test_every_direct_dependency_is_locked_at_its_version(name):
    chosen = (ROOT / f"{name}.in").read_text()
    lines = [line for line in chosen.splitlines() if line.strip() and not line.startswith("#")]
    assert len(pins_of(chosen)) == len(lines), "a line without a version; or twice the same"
    assert pins_of(chosen) <= pins_of((ROOT / f"{name}.txt").read_text()), "run: make lock"


@pytest.mark.parametrize("name", LISTS)
def test_every_package_has_its_hashes(name):
    text = (ROOT / f"{name}.txt").read_text()
    parts = re.split(r"^(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    packages = [part for part in parts if part.strip()]
    assert len(packages) > 15
    assert [part for part in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}", part)] == []
    assert [part for part in packages if not PINNED.match(part)] == []


@pytest.mark.parametrize("name", LISTS)
def test_no_list_names_a_package_index_or_a_local_path(name):
    text = (ROOT / f"{name}.txt").read_text() + (ROOT / f"{name}.in").read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links| /\w", text)


def test_the_lists_agree_with_each_other_and_with_what_is_installed():
    site, dev = (pins_of((ROOT / f"{name}.txt").read_text()) for name in LISTS[:2])
    assert not {name for name, number in dev - site} & {name for name, number in site}
    for name in {name for name, number in site | dev}:
        try:
            assert (name, version(name)) in site | dev
        except PackageNotFoundError:  # for another system or Python version
            assert name in {"audioop-lts", "tzdata", "colorama"}, f"{name} is not installed: make setup"
