"""Lines of templates, styles and scripts fit on a screen; only SVG path data may be longer."""

import re
from pathlib import Path

import pytest
from django.conf import settings

MOST = 160
PATH_DATA = re.compile(r'(?<=\sd=")[^"]*')
BASE = Path(settings.BASE_DIR)
FILES = sorted(
    [path for path in (BASE / "templates").rglob("*") if path.is_file()]
    + [path for folder in ("css", "js") for path in (BASE / "static" / folder).iterdir()]
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(BASE).as_posix())
def test_no_line_is_too_long(path):
    lines = enumerate(path.read_text().splitlines(), 1)
    assert [number for number, line in lines if len(PATH_DATA.sub("", line)) > MOST] == []
