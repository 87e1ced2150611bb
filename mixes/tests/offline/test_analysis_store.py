"""Analyses are stored by content, completely or not at all."""

import shutil

import pytest

from mixes.engine.errors import Cancelled, DecodeError
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.tests.signals import sine, write_wav
from mixes.services.offline import analysis_store
from mixes.services.offline.analysis_store import AnalysisStore, analyse_tracks


@pytest.fixture
def store(tmp_path):
    return AnalysisStore(tmp_path / "analyses")


@pytest.fixture
def measured(monkeypatch):
    """Return the paths that were analysed."""
    paths = []

    def analyse_track(ffmpeg, path, **options):
        paths.append(path.name)
        return measure(ffmpeg, path, **options)

    measure = analysis_store.analyse_track
    monkeypatch.setattr(analysis_store, "analyse_track", analyse_track)
    return paths


def run(paths, store, **options):
    return analyse_tracks(paths, store=store, ffmpeg=find_ffmpeg(), cores=2, **options)


def test_a_track_is_measured_once_even_under_another_name(store, measured, tmp_path):
    song = write_wav(tmp_path / "Band - First.wav", sine(440, 2))
    first = run([song], store)[0].analysis
    other = shutil.copy(song, tmp_path / "Group - Second.wav")
    second = run([tmp_path / other], store)[0].analysis
    assert measured == ["Band - First.wav"]
    assert first.sha256 == second.sha256
    assert (first.tags.title, second.tags.title) == ("First", "Second")


def test_a_known_song_under_the_name_of_a_picture_is_refused_as_an_unknown_one_is(store, tmp_path):
    song = write_wav(tmp_path / "a.wav", sine(440, 2))
    run([song], store)
    picture = shutil.copy(song, tmp_path / "a.png")
    with pytest.raises(DecodeError, match="name is that of a picture"):
        run([picture], store)


@pytest.mark.parametrize("damage", ["", "{}", '{"name": "a.wav", "analysis": {"version": 0}}', "{]"])
def test_a_damaged_or_old_record_is_measured_again(store, measured, tmp_path, damage):
    song = write_wav(tmp_path / "a.wav", sine(440, 2))
    sha256 = run([song], store)[0].analysis.sha256
    store.path(sha256).write_text(damage)
    assert run([song], store)[0].analysis.sha256 == sha256
    assert len(measured) == 2


def test_no_incomplete_file_is_left(store, tmp_path, monkeypatch):
    song = write_wav(tmp_path / "a.wav", sine(440, 2))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(analysis_store.json, "dump", fail)
    assert run([song], store)[0].analysis
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_results_keep_the_order_of_the_files(store, tmp_path):
    songs = [write_wav(tmp_path / f"{i}.wav", sine(440, 3 - i)) for i in range(3)]
    assert [result.path for result in run(songs, store)] == songs


def test_a_bad_file_fails_everything_or_is_listed(store, tmp_path):
    good = write_wav(tmp_path / "good.wav", sine(440, 2))
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music")
    with pytest.raises(DecodeError, match=r"bad\.mp3"):
        run([good, bad], store)
    results = run([good, bad], store, skip_bad=True)
    assert [result.error is None for result in results] == [True, False]


def test_a_stop_request_cancels_the_analysis(store, tmp_path):
    with pytest.raises(Cancelled):
        run([write_wav(tmp_path / "a.wav", sine(440, 60))], store, should_stop=lambda: True)


def test_progress_rises_to_one(store, tmp_path):
    seen = []
    songs = [write_wav(tmp_path / f"{i}.wav", sine(440 + i, 2)) for i in range(3)]
    run(songs, store, on_progress=lambda stage, fraction: seen.append((stage, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert {stage for stage, _ in seen} == {"analyse"}
    assert fractions[-1] == 1.0 and fractions == sorted(fractions)
