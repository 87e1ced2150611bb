"""The version is that of the newest release in the changelog."""

import re

import pytest
from django.conf import settings

from mixtape_site.configuration import version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-31\n\n## [0.1.0] - 2026-11-30\n", "0.2.0"),
        ("# Changelog\n\n## v1.0\n", "1.0"),
        ("# Changelog\n\n## [Unreleased]\n", ""),
    ],
)
def test_the_newest_release_is_the_version(tmp_path, monkeypatch, text, expected):
    monkeypatch.setattr(version, "CHANGELOG", tmp_path / "CHANGELOG.md")
    assert version.read_version() == ""
    version.CHANGELOG.write_text(text)
    assert version.read_version() == expected


def test_this_changelog_names_a_version_and_its_day():
    text = version.CHANGELOG.read_text()
    assert re.search(rf"^## \[{re.escape(settings.VERSION)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
    assert text.index("## [Unreleased]") < text.index(f"## [{settings.VERSION}]")
