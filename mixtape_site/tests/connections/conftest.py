"""Fixtures: the real web server, patient and hasty."""

import pytest

from mixtape_site.tests.connections.web_server import install, running

HASTY = "mixtape_site.tests.connections.hasty.HastyWorker"


@pytest.fixture(scope="package")
def installation(tmp_path_factory):
    return install(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="package")
def server(installation):
    with running(installation) as server:
        yield server


@pytest.fixture(scope="package")
def hasty(installation):
    with running(installation, "-k", HASTY) as server:
        yield server
