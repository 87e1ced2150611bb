"""`make run` on a fresh machine: songs of our own, one mix of them, twice over."""

import os
import subprocess
import sys
from pathlib import Path

from mixes.engine.tests.signals import decode_file

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_makes_a_mix_and_says_where_it_lies(tmp_path):
    environment = {
        **os.environ,
        "MIXTAPE_DATA_DIR": str(tmp_path),
        "MIXTAPE_MEDIA_DIR": str(tmp_path / "media"),
    }
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "demo"], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    for name in ("mixtape-demo.mp3", "mixtape-demo.mp4"):
        assert str(tmp_path / "demo" / name) in done.stdout
        assert len(decode_file(tmp_path / "demo" / name)) > 90 * 44_100
    assert "Paper Lanterns" in done.stdout and " bad " not in done.stdout
