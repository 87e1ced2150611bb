"""Fixtures: a running site with real workers, and a Chromium whose console errors fail the test."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
START_S = 60.0
PATIENCE_MS = 15_000  # for one step on a busy machine
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))  # they share one site


@dataclass
class Site:
    """A running `manage.py up`."""

    url: str
    folder: Path
    process: subprocess.Popen
    environment: dict[str, str] = field(default_factory=dict)  # in addition to its folders and port

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def manage(self, *arguments, **options):
        """Run a management command on this site's database and files."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=site_environment(self.folder, self.port) | self.environment,
            capture_output=True,
            text=True,
            **options,
        )

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def wait_for(self, pattern, *, seconds=START_S):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := re.search(pattern, self.log):
                return found
            assert self.process.poll() is None, self.log
            time.sleep(0.1)
        pytest.fail(f"{pattern!r} did not appear:\n{self.log}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def site_environment(folder, port):
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MIXTAPE_", "DATABASE_URL"))
    }
    return own | {
        "MIXTAPE_DATA_DIR": str(folder / "var"),
        "MIXTAPE_MEDIA_DIR": str(folder / "media"),
        "MIXTAPE_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@contextlib.contextmanager
def running_site(folder, environment=None):
    """Start the whole site as `make run` does, with its own folders and port."""
    environment = environment or {}
    port = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=site_environment(folder, port) | environment,
            stdout=log,
            stderr=log,
        )
    site = Site(f"http://127.0.0.1:{port}", folder, process, environment)
    try:
        wait_until_it_answers(site)
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        finally:
            process.kill()


def wait_until_it_answers(site):
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert site.process.poll() is None, site.log
        with contextlib.suppress(OSError), urllib.request.urlopen(site.url + "/healthz", timeout=5):
            return
        time.sleep(0.2)
    pytest.fail(f"The site did not start:\n{site.log}")


@pytest.fixture(scope="package")
def chromium():
    if CHROMIUM is None and os.environ.get("REQUIRE_BROWSER") != "1":
        pytest.skip("no Chromium here; REQUIRE_BROWSER=1 makes this a failure")
    assert CHROMIUM, "REQUIRE_BROWSER=1, but there is no Chromium"
    with running_browser() as browser:
        yield browser


@contextlib.contextmanager
def running_browser():
    with sync_playwright() as playwright:
        # no sandbox: CI often runs as root, and the pages are our own
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Watched:
    """Console errors and failed requests of a page."""

    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page):
        page.on("console", lambda message: self.note(message.type, message.text, message.location))
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))

    def note(self, kind, text, location):
        if kind == "error" or "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.errors.append(f"{kind}: {text} ({location.get('url')})")


@pytest.fixture
def watched():
    """Return the errors so far; a test that provokes one removes it from the list."""
    watched = Watched()
    yield watched
    assert watched.errors == []


def open_context(browser: Browser, site: Site, watched: Watched, **options) -> BrowserContext:
    context = browser.new_context(
        base_url=site.url, **{"viewport": {"width": 1280, "height": 900}, **options}
    )
    context.set_default_timeout(PATIENCE_MS)
    context.on("page", watched.watch)
    return context


@pytest.fixture
def page(chromium, site, watched):
    context = open_context(chromium, site, watched)
    yield context.new_page()
    context.close()
