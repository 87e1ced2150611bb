"""Shared fixtures: a mix of rows, a mix of real sounds, and installations that tests may change."""

import shutil

import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.tests.signals import pink_noise, write_wav
from mixes.tests.factories import make_mix_row, make_track_row, make_track_with_file
from mixes.tests.maintenance.installations import FILL, Site


@pytest.fixture
def mix(alice):
    """A mix of three analysed tracks of alice, without files."""
    songs = (("Aria", 60.0), ("Bolero", 45.0), ("Canon", 90.0))
    return make_mix_row(alice, tracks=[make_track_row(alice, *song) for song in songs])


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """Two short sounds with their analyses."""
    folder = tmp_path_factory.mktemp("sounds")
    paths = [write_wav(folder / f"{seed}.wav", pink_noise(4.0, seed=seed)) for seed in (1, 2)]
    return [(path, analyse_track(find_ffmpeg(), path)) for path in paths]


@pytest.fixture
def mix_of_sounds(alice, sounds):
    """A mix of two tracks with files, so that a worker can make it."""
    named = zip(("Rain", "Wind"), sounds, strict=True)
    tracks = [make_track_with_file(alice, title, *sound) for title, sound in named]
    return make_mix_row(alice, "Weather", tracks, transition_s=2.0)


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
    """A copy of the filled site that the test may change."""
    shutil.copytree(filled.folder, tmp_path / "site")
    return Site(tmp_path / "site")
