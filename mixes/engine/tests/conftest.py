"""Fixtures shared by the engine's tests. Test sounds are functions in signals.py."""

from pathlib import Path

import numpy as np
import pytest

from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import DEMO_SONGS, write_song


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    """Return the pinned ffmpeg. Tests fail without it; they are not skipped."""
    return find_ffmpeg()


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator with the same seed on every run."""
    return np.random.default_rng(440)


@pytest.fixture(scope="session")
def song_files(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Return the three demo songs as tagged MP3s, in order. All tests share the files: do not change them."""
    folder = tmp_path_factory.mktemp("songs")
    return tuple(write_song(ffmpeg, song, folder / f"{song.file_stem}.mp3") for song in DEMO_SONGS)
