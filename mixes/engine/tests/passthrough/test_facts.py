"""Tests of what an analysis keeps of an MP3's frames."""

import numpy as np
import pytest

from mixes.engine.analysis.frame_peaks import FramePeaks
from mixes.engine.analysis.track import TrackAnalysis, analyse_track
from mixes.engine.passthrough.facts import LOWEST_PEAK_DBTP, STEP_DB, Mp3Facts, read_facts, to_peak
from mixes.engine.tests.signals import write_wav
from mixes.engine.timeline import MP3_FRAME as FRAME


def peaks_of(sound, delay=0, block=5_000):
    meter = FramePeaks(delay)
    for at in range(0, len(sound), block):
        meter.push(sound[at : at + block])
    frames = -(-(len(sound) + delay) // FRAME)
    return LOWEST_PEAK_DBTP + np.frombuffer(meter.finish(frames), np.uint8) / 10


def test_each_frame_has_its_own_peak():
    sound = np.zeros((4 * FRAME, 2), np.float32)
    sound[FRAME + 500, 0], sound[2 * FRAME + 3, 1] = 0.5, -1.0
    peaks = peaks_of(sound)
    assert peaks[0] == LOWEST_PEAK_DBTP
    assert peaks[1] == pytest.approx(-6.02, abs=0.11)
    assert peaks[2] == pytest.approx(0.0, abs=0.11)


def test_a_peak_between_samples_counts():
    tone = 0.9 * np.sin(np.pi / 2 * np.arange(3 * FRAME) + np.pi / 4)  # no sample is over 0.64
    peaks = peaks_of(np.stack((tone, tone), 1).astype(np.float32))
    assert peaks[1] == pytest.approx(20 * np.log10(0.9), abs=0.25)


@pytest.mark.parametrize("delay", [0, 1105, 2500])
def test_blocks_and_delay_do_not_change_them(rng, delay):
    sound = rng.uniform(-1, 1, (20_000, 2)).astype(np.float32)
    assert np.array_equal(peaks_of(sound, delay, 777), peaks_of(sound, delay, 20_000))
    shifted = peaks_of(np.concatenate((np.zeros((delay, 2), np.float32), sound)))
    assert np.array_equal(peaks_of(sound, delay)[delay // FRAME :], shifted[delay // FRAME :])


def test_stored_peaks_are_rounded_up():
    levels = np.array([0.0, 0.5, 1.0, 1.001, 1e9])
    stored = LOWEST_PEAK_DBTP + to_peak(levels) / 10
    assert (stored[1:4] >= 20 * np.log10(levels[1:4])).all()
    assert stored[0] == LOWEST_PEAK_DBTP


def test_hot_frames_depend_on_the_step():
    facts = Mp3Facts(frames=3, peaks=bytes([190, 200, 255]))  # -1.0, 0.0 dBTP and absurd
    assert facts.is_hot(0, -1.0).tolist() == [False, True, True]
    assert facts.is_hot(-1, -1.0).tolist() == [False, False, True]
    assert facts.is_hot(1, -1.0).tolist() == [True, True, True]
    assert pytest.approx(1.505, abs=0.001) == STEP_DB


def test_an_analysis_keeps_the_facts(ffmpeg, song_files):
    analysis = analyse_track(ffmpeg, song_files[0])
    facts = analysis.mp3
    assert facts is not None
    assert facts.reason == ""
    assert facts.samples == analysis.frames
    assert len(facts.peaks) == facts.frames
    loudest = LOWEST_PEAK_DBTP + max(facts.peaks) / 10
    assert loudest == pytest.approx(analysis.true_peak_dbtp, abs=0.11)
    assert TrackAnalysis.from_json(analysis.to_json()).mp3 == facts


def test_analyses_without_facts_stay_readable(ffmpeg, song_files):
    data = analyse_track(ffmpeg, song_files[0]).to_json()
    del data["mp3"]
    assert TrackAnalysis.from_json({**data, "version": 3}).mp3 is None


def test_other_files_have_none(ffmpeg, tmp_path, rng):
    noise = rng.uniform(-0.1, 0.1, (44_100, 2)).astype(np.float32)
    assert analyse_track(ffmpeg, write_wav(tmp_path / "noise.wav", noise)).mp3 is None


def test_a_damaged_mp3_is_not_copied(ffmpeg, song_files, tmp_path):
    data = bytearray(song_files[0].read_bytes())
    middle = len(data) * 3 // 4
    data[middle : middle + 5_000] = bytes(range(250)) * 20
    path = tmp_path / "damaged.mp3"
    path.write_bytes(data)
    facts = analyse_track(ffmpeg, path).mp3
    assert facts is not None
    assert facts.reason


def test_a_file_that_went_away_is_not_copied(tmp_path):
    assert read_facts(tmp_path / "gone.mp3").reason == "its file could not be read"
