"""What the engine's tests share. Sounds are functions: `from mixes.engine.tests.signals import sine`."""

from pathlib import Path

import numpy as np
import pytest

from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import DEMO_SONGS, write_song


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    """The pinned ffmpeg. A machine without it fails: nothing that needs it is skipped."""
    return find_ffmpeg()


@pytest.fixture
def rng() -> np.random.Generator:
    """The one source of chance, the same on every run."""
    return np.random.default_rng(440)


@pytest.fixture(scope="session")
def song_files(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The three demo songs as tagged MP3s, in order; written once for all tests, so do not change them."""
    folder = tmp_path_factory.mktemp("songs")
    return tuple(write_song(ffmpeg, song, folder / f"{song.file_stem}.mp3") for song in DEMO_SONGS)
