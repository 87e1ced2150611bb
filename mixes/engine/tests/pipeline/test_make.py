"""Tests that resumed runs and runs from a later stage make the same bytes as an undisturbed run."""

import platform
import shutil
from dataclasses import replace

import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.cancellation import never
from mixes.engine.errors import Cancelled, FolderInUseError
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.engine.pipeline.make import make_mix, plan_request, resume_mix
from mixes.engine.pipeline.request import SUFFIXES, MixRequest, Source, ignore_progress
from mixes.engine.pipeline.reuse import ReusedOutputs
from mixes.engine.pipeline.stages import MixRun
from mixes.engine.pipeline.work_folder import lock
from mixes.engine.tests.heap import FILLED_BYTES, fragment_heap, resident_bytes

SMALLEST = min(VIDEO_SIZES)


@pytest.fixture(scope="module")
def request_of_all(request, ffmpeg, song_files):
    sources = tuple(Source(path, analyse_track(ffmpeg, path)) for path in song_files[:2])
    settings = MixSettings(copy_into_kbps=320 if getattr(request, "param", "") == "copied" else None)
    shape = {"formats": ("mp3", "mp4"), "size": SMALLEST, "cores": 2}
    return MixRequest(sources, title="Two songs", date="today", settings=settings, **shape)


@pytest.fixture(scope="module")
def finished(ffmpeg, request_of_all, tmp_path_factory):
    """Return the outputs of one undisturbed run of `make_mix`."""
    return make_mix(request_of_all, tmp_path_factory.mktemp("finished"), ffmpeg=ffmpeg)


class Watcher:
    """Records which stages did some work, and cancels the run in one of them."""

    def __init__(self, stop_in=""):
        self.worked, self.now, self.stop_in = set(), "", stop_in

    def on_progress(self, stage, fraction):
        self.now = stage
        if fraction not in (0, 0.5, 1):  # 0.5 is also the end of the first of two checks
            self.worked.add(stage)

    def should_stop(self):
        return bool(self.stop_in) and self.now == self.stop_in

    def run(self, request, work, ffmpeg, reused=None):
        return resume_mix(
            request,
            work,
            ffmpeg=ffmpeg,
            reused=reused,
            on_progress=self.on_progress,
            should_stop=self.should_stop,
        )


def contents(artifacts):
    return {kind: path.read_bytes() for kind, path in artifacts.items()}


def stopped_run(request, work, ffmpeg, stage):
    with pytest.raises(Cancelled):
        Watcher(stop_in=stage).run(request, work, ffmpeg)


BOTH = pytest.mark.parametrize("request_of_all", ["encoded", "copied"], indirect=True)


@BOTH
@pytest.mark.parametrize(
    ("stopped_in", "made_later"),
    [
        ("render", {"render", "video", "check"}),
        ("video", {"video", "check"}),
        ("check", {"check"}),
    ],
)
def test_a_stopped_run_resumes_at_its_last_stage(
    stopped_in, made_later, ffmpeg, request_of_all, finished, tmp_path
):
    stopped_run(request_of_all, tmp_path, ffmpeg, stopped_in)
    watcher = Watcher()
    outputs = watcher.run(request_of_all, tmp_path, ffmpeg)
    assert watcher.worked == made_later
    assert contents(outputs.artifacts) == contents(finished.artifacts)
    assert outputs.checks == finished.checks
    assert outputs.notes == finished.notes


def test_resuming_a_finished_run_runs_no_stage(ffmpeg, request_of_all, finished, tmp_path):
    first = Watcher().run(request_of_all, tmp_path, ffmpeg)
    watcher = Watcher()
    second = watcher.run(request_of_all, tmp_path, ffmpeg)
    assert watcher.worked == set()
    assert (second.checks, second.notes, second.sha256) == (first.checks, first.notes, first.sha256)
    assert second.timings_s == first.timings_s
    assert set(second.sha256) == set(finished.artifacts) == set(SUFFIXES)


def test_a_damaged_file_makes_its_stage_run_again(ffmpeg, request_of_all, finished, tmp_path):
    stopped_run(request_of_all, tmp_path, ffmpeg, "check")
    sound = tmp_path / "two-songs.mp3"
    data = bytearray(sound.read_bytes())
    data[len(data) // 2] ^= 1
    sound.write_bytes(data)
    watcher = Watcher()
    outputs = watcher.run(request_of_all, tmp_path, ffmpeg)
    assert "render" in watcher.worked and "video" not in watcher.worked
    assert contents(outputs.artifacts) == contents(finished.artifacts)


def test_checkpoints_of_another_request_are_ignored(ffmpeg, request_of_all, tmp_path):
    stopped_run(request_of_all, tmp_path, ffmpeg, "video")
    watcher = Watcher(stop_in="video")
    with pytest.raises(Cancelled):
        watcher.run(replace(request_of_all, artist="Somebody"), tmp_path, ffmpeg)
    assert "render" in watcher.worked


def test_an_incomplete_record_is_ignored(ffmpeg, request_of_all, tmp_path):
    stopped_run(request_of_all, tmp_path, ffmpeg, "video")
    record = tmp_path / "done-render.json"
    record.write_text(record.read_text()[:-20])
    watcher = Watcher(stop_in="video")
    with pytest.raises(Cancelled):
        watcher.run(request_of_all, tmp_path, ffmpeg)
    assert "render" in watcher.worked


@BOTH
@pytest.mark.parametrize(
    ("from_stage", "made"),
    [("video", {"video", "check"}), ("write", {"check"}), ("check", {"check"})],
)
def test_a_run_from_a_later_stage_keeps_the_earlier_stages(
    from_stage, made, ffmpeg, request_of_all, finished, tmp_path
):
    before = contents(finished.artifacts)
    watcher = Watcher()
    outputs = watcher.run(
        request_of_all,
        tmp_path,
        ffmpeg,
        ReusedOutputs(from_stage, finished.artifacts, finished.passed_through),
    )
    assert watcher.worked == made
    assert outputs.artifacts["mp3"].samefile(finished.artifacts["mp3"])
    assert outputs.artifacts["cue"].samefile(finished.artifacts["cue"]) == (from_stage == "check")
    assert contents(outputs.artifacts) == before == contents(finished.artifacts)
    assert outputs.checks == finished.checks


@pytest.fixture
def two_copied(ffmpeg, song_files):
    """Return the request of an MP3 of two copied songs."""
    sources = tuple(Source(path, analyse_track(ffmpeg, path)) for path in song_files[:2])
    settings = MixSettings(copy_into_kbps=320, target_lufs=None)
    return MixRequest(sources, title="Two songs", date="today", settings=settings, cores=2)


def test_songs_that_do_not_sound_as_in_their_files_are_encoded_after_all(
    ffmpeg, two_copied, tmp_path, monkeypatch
):
    monkeypatch.setattr("mixes.engine.checks.passed_through.is_same", lambda heard, wanted: False)
    outputs = resume_mix(two_copied, tmp_path, ffmpeg=ffmpeg)
    assert not any(clip.is_copied for clip in outputs.timeline.clips)
    assert "did not fit" in outputs.timeline.clips[0].encoded_because
    assert "did not fit" in outputs.artifacts["timeline"].read_text()
    assert [item.verdict for item in outputs.checks["mp3"].items if item.name == "length"] == ["ok"]
    assert "passed_through" not in {item.name for item in outputs.checks["mp3"].items}
    assert outputs.passed_through.frames == 0
    watcher = Watcher()
    again = watcher.run(two_copied, tmp_path, ffmpeg)
    assert watcher.worked == set()
    assert (again.checks, again.timeline) == (outputs.checks, outputs.timeline)


def test_sound_extracted_from_a_video_is_unchanged(ffmpeg, request_of_all, finished, tmp_path):
    (there := tmp_path / "there").mkdir()
    stopped_run(request_of_all, there, ffmpeg, "video")
    with pytest.raises(Cancelled):
        reused = ReusedOutputs("video", finished.artifacts)
        Watcher(stop_in="video").run(request_of_all, tmp_path, ffmpeg, reused)
    assert (tmp_path / "sound.aac").read_bytes() == (there / "sound.aac").read_bytes()


def test_a_missing_or_truncated_earlier_file_is_made_again(ffmpeg, request_of_all, finished, tmp_path):
    cut = shutil.copy(finished.artifacts["mp4"], tmp_path / "cut.mp4")
    with cut.open("r+b") as file:
        file.truncate(cut.stat().st_size // 2)
    (work := tmp_path / "work").mkdir()
    watcher = Watcher()
    reused = ReusedOutputs("video", {**finished.artifacts, "mp4": cut})
    outputs = watcher.run(request_of_all, work, ffmpeg, reused)
    assert "render" in watcher.worked
    assert outputs.notes[-1] == "The earlier sound could not be used as it was, so it was made again."
    assert contents(outputs.artifacts) == contents(finished.artifacts)


def test_making_again_does_not_change_the_earlier_files(ffmpeg, request_of_all, finished, tmp_path):
    """The new file is written at a path that is a link to an earlier file."""
    before = contents(finished.artifacts)
    stopped_run(request_of_all, tmp_path, ffmpeg, "render")
    for path in finished.artifacts.values():
        (tmp_path / path.name).hardlink_to(path)
    Watcher().run(replace(request_of_all, artist="Somebody"), tmp_path, ffmpeg)
    assert contents(finished.artifacts) == before


def test_two_runs_never_work_in_one_folder(ffmpeg, request_of_all, tmp_path, monkeypatch):
    monkeypatch.setattr("mixes.engine.pipeline.checkpoints.LOCK_TIMEOUT_S", 0.0)
    with lock(tmp_path), pytest.raises(FolderInUseError):
        Watcher().run(request_of_all, tmp_path, ffmpeg)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries give memory back by themselves"
)
def test_a_stage_leaves_no_free_memory_to_the_next(ffmpeg, request_of_all, tmp_path):
    run = MixRun(request_of_all, plan_request(request_of_all), tmp_path, ffmpeg, ignore_progress, never)
    used, full = [], []

    def make(report):
        blocks, size = fragment_heap()
        used.extend(blocks)
        full.append(size)
        return (), {}

    run.run_stage("render", make)
    assert resident_bytes() < full[0] - 0.9 * FILLED_BYTES
