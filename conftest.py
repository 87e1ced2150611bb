"""Shared fixtures: the users alice and bob, their clients, and isolated folders and limits."""

import io
import shutil
from collections import Counter

import pytest
from coverage import Coverage
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from mixes.services.delivery.slots import ARCHIVES, FILES


@pytest.fixture(autouse=True)
def own_folders(request, settings, tmp_path):
    """Give each test its own media and data folders; static files need no collectstatic."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.DATA_DIR = tmp_path / "var"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_limits_left_over(monkeypatch):
    """Clear the cache and open downloads, so that limits and reports of earlier tests do not count."""
    cache.clear()
    for slots in (FILES, ARCHIVES):
        monkeypatch.setattr(slots, "_open", Counter())


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice@example.org", "alice likes records")


@pytest.fixture
def bob(db):
    return get_user_model().objects.create_user("bob@example.org", "bob likes tapes too")


@pytest.fixture
def as_alice(alice):
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def as_bob(bob):
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def as_nobody(db):
    return Client()


def pytest_terminal_summary(terminalreporter, config):
    """Report the least covered modules if coverage was measured, and then what was not tested."""
    if config.getoption("cov_source", None):
        terminalreporter.section("least covered")
        terminalreporter.write_line(least_covered(10))
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        text = "NOT TESTED: the pages in a real browser. Install Chromium (Debian: chromium) to test them."
        terminalreporter.write_line(text, red=True, bold=True)


def least_covered(count):
    """Return the `count` least covered modules of coverage's report, and the total."""
    coverage, table = Coverage(), io.StringIO()
    coverage.load()
    coverage.report(file=table, sort="cover")
    head, rule, *rows = table.getvalue().splitlines()
    return "\n".join([head, rule, *rows[:count], rows[-1]])
