"""Installations that tests may do with as they like."""

import shutil

import pytest

from mixes.tests.maintenance.installations import FILL, Site


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    site.must("migrate", "--verbosity", "0")
    site.must("shell", "-c", FILL)
    (site.media / "scratch").mkdir()
    (site.media / "scratch" / "half.wav").write_bytes(b"not worth saving")
    return site


@pytest.fixture
def site(filled, tmp_path):
    """A copy of the filled site, to be changed at will."""
    shutil.copytree(filled.folder, tmp_path / "site")
    return Site(tmp_path / "site")
