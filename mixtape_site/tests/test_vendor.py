"""Third-party files in static/vendor: each is listed with its licence and unchanged."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from django.conf import settings

VENDOR = Path(settings.BASE_DIR) / "static" / "vendor"
LISTED = json.loads((VENDOR / "vendor.json").read_text())


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["file"])
def test_vendored_file_is_the_one_listed(entry):
    digest = hashlib.sha384((VENDOR / entry["file"]).read_bytes()).digest()
    assert entry["sha384"] == f"sha384-{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["file"])
def test_vendored_file_says_its_version_and_licence(entry):
    assert entry["name"] and entry["licence"]
    assert f"-{entry['version']}" in entry["file"]
    assert (VENDOR / entry["licence_file"]).stat().st_size > 500


def test_no_vendored_file_is_unlisted():
    known = {name for entry in LISTED for name in (entry["file"], entry["licence_file"])}
    assert {path.name for path in VENDOR.iterdir()} == known | {"vendor.json"}


@pytest.mark.parametrize("script", sorted(VENDOR.glob("*.js")), ids=lambda path: path.name)
def test_vendored_script_names_no_source_map(script):
    """`collectstatic` fails on a source map that does not exist."""
    assert "sourceMappingURL" not in script.read_text()
