"""An ffmpeg that hangs, truncates, floods or dies at any task: detected, and nothing incomplete is stored."""

import contextlib
import hashlib
import json
import os
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.codecs import decode, encode, mp4
from mixes.engine.processes import sandbox
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.rendering import preview as preview_module
from mixes.engine.tests.signals import pink_noise, write_wav
from mixes.jobs import analysis_job, mix_job, preview_job
from mixes.jobs.runner import JobKind, run_claimed
from mixes.leases import MAX_ATTEMPTS, State
from mixes.models import AnalysisJob, Artifact, MixJob, Preview, Track
from mixes.services import storage
from mixes.services.library import tracks
from mixes.services.library import uploads as upload_service
from mixes.services.rendering import mix_requests, previews
from mixes.tests.factories import make_mix_row, make_track_with_file
from mixes.tests.torture.harness.faulty import FLOOD, HANGS, faults_of, write_faulty
from mixes.tests.torture.harness.live import LiveSite, wait_until
from mixes.tests.torture.harness.table import note_row

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
FLOOD_BYTES = 1_000_000_000 if FULL else 50_000_000
KINDS = {
    AnalysisJob: JobKind(AnalysisJob, analysis_job.handle, analysis_job.on_failure),
    MixJob: JobKind(MixJob, mix_job.handle, mix_job.on_failure),
    Preview: JobKind(Preview, preview_job.handle, preview_job.on_failure),
}
# Timeout of a task without output. Too short a time would only turn slowness into a fault.
STALLS = {
    **dict.fromkeys(("decode", "decode the result", "resample"), (decode, "DECODE", 1.0)),
    **dict.fromkeys(("mp3", "aac"), (encode, "ENCODE", 1.0)),
    "picture": (mp4, "VIDEO", 1.0),
    "listening copy": (preview_module, "PREVIEW_LIMITS", 1.0),
}
OF_A_MIX = ("mp3", "aac", "resample", "decode", "picture", "decode the result")
NOT_PLAIN = re.compile(r"/|status|Errno|Error|None|\bffmpeg\b|[0-9a-f]{12}")

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("faulty ffmpeg")]


@pytest.fixture(scope="module")
def counted():
    """Count tried and failed cases per part; each becomes a row of the report."""
    tried, wrong = Counter(), Counter()

    @contextlib.contextmanager
    def count(part):
        tried[part] += 1
        wrong[part] += 1
        yield
        wrong[part] -= 1

    yield count
    for part in tried:
        note_row(part, tried=tried[part], wrong=wrong[part])


def cases(tasks, some):
    """Return all faults at all tasks, or some of them."""
    everything = [(task, fault) for task in tasks for fault in faults_of(task)]
    assert set(some) <= set(everything)
    return everything if FULL else some


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Two short sounds of different rates with their analyses."""
    folder = tmp_path_factory.mktemp("sounds")
    paths = [
        write_wav(folder / f"{rate}.wav", pink_noise(6.0, rate, seed=seed), rate)
        for seed, rate in ((1, 44_100), (2, 48_000))
    ]
    return [(path, analyse_track(find_ffmpeg(), path)) for path in paths]


@pytest.fixture
def add_track(alice, sounds):
    def add(number, **fields):
        path, analysis = sounds[number]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return make_track_with_file(alice, f"Song {number}", path, analysis, sha256=sha256, **fields)

    return add


@pytest.fixture(scope="module")
def undisturbed():
    """The results without a fault, by request; filled by the first use."""
    return {}


@pytest.fixture
def hurry():
    """The patches that shorten timeouts, which must not apply to a good ffmpeg on a busy machine."""
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture
def make_good(hurry, settings):
    """Restore the real ffmpeg with its usual timeouts."""

    def make():
        hurry.undo()
        settings.FFMPEG = None

    return make


@pytest.fixture
def break_ffmpeg(tmp_path, monkeypatch, settings, hurry):
    """Replace ffmpeg by a faulty program with short timeouts; return its folder."""
    folder = tmp_path / "faulty"
    folder.mkdir()
    monkeypatch.setattr(sandbox, "SYSTEM_PATHS", (*sandbox.SYSTEM_PATHS, find_ffmpeg()))

    def break_it(task, script, *, hurried=True):
        settings.FFMPEG = str(write_faulty(folder, task, script))
        if hurried:
            module, name, stall_s = STALLS[task]
            hurry.setattr(module, name, replace(getattr(module, name), stall_s=stall_s))
        return folder

    return break_it


@pytest.fixture
def run_once(django_capture_on_commit_callbacks):
    """Claim a row and run it as a worker does, even if it is not due yet."""

    def run(job):
        model = type(job)
        model.objects.filter(pk=job.pk).update(not_before=None)
        token = model.objects.claim(job.pk, "test")
        assert token, job.state
        with django_capture_on_commit_callbacks(execute=True):
            run_claimed(KINDS[model], job.pk, token, beats=False)
        job.refresh_from_db()
        return job.state

    return run


@pytest.fixture
def fails_three_times(run_once):
    """Run a row until it fails; check its message, and that nothing is left."""

    def run(job, folder):
        states = [run_once(job) for _ in range(MAX_ATTEMPTS)]
        assert states == [State.QUEUED] * (MAX_ATTEMPTS - 1) + [State.FAILED], job.error_text
        assert job.error_text.endswith(".") and not NOT_PLAIN.search(job.error_text), job.error_text
        assert running_from(folder) == []
        left = [path for path in storage.path_of(storage.SCRATCH).rglob("*") if path.is_file()]
        assert left == [] and list(storage.stored_names((storage.ARTIFACTS, storage.PREVIEWS))) == []
        return job.error_text

    return run


def running_from(folder):
    """Return command lines that mention a folder; a killed process may take a moment to go."""
    until_s = time.monotonic() + 5.0
    while True:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(folder) in command and int(path.parent.name) != os.getpid():
                found.append(command)
        if not found or time.monotonic() > until_s:
            return found
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("task", "fault"),
    cases(
        ("decode",),
        [("decode", "trickles"), ("decode", "gives half")],
    ),
)
def test_an_upload_is_analysed_completely_or_not_at_all(
    counted, alice, sounds, break_ffmpeg, fails_three_times, run_once, make_good, task, fault
):
    with counted("ffmpeg that hangs, lies or dies: uploads"):
        path = storage.uploads_folder() / "song.wav"
        path.write_bytes(sounds[0][0].read_bytes())
        track = upload_service.add_file(alice, "song.wav", path, mix=None).track
        job = AnalysisJob.objects.get(track=track)
        folder = break_ffmpeg(task, faults_of(task)[fault])
        sentence = fails_three_times(job, folder)
        track.refresh_from_db()
        assert (track.state, track.problem) == (Track.State.REFUSED, sentence)
        assert storage.path_of(track.file).is_file()
        make_good()
        tracks.retry_analysis(track)
        job.refresh_from_db()
        assert run_once(job) == State.DONE
        track.refresh_from_db()
        assert track.state == Track.State.READY
        expected = json.loads(json.dumps(sounds[0][1].to_json()))
        assert {**job.result, "tags": None} == {**expected, "tags": None}  # it had another name


@pytest.mark.parametrize(
    ("task", "fault"),
    cases(
        OF_A_MIX,
        [
            ("mp3", "sleeps"),
            ("aac", "gives half"),
            ("resample", "takes half"),
            ("picture", "gives half"),
        ],
    ),
)
def test_a_mix_is_complete_or_absent(
    counted, alice, add_track, undisturbed, break_ffmpeg, fails_three_times, run_once, make_good, task, fault
):
    with counted("ffmpeg that hangs, lies or dies: mixes"):
        mix = make_mix_row(alice, "Weather", [add_track(0), add_track(1)], transition_s=2.0, make_mp4=True)
        job = mix_requests.request_mix(mix)
        folder = break_ffmpeg(task, faults_of(task)[fault])
        fails_three_times(job, folder)
        make_good()
        mix_requests.retry(job)
        job.refresh_from_db()
        assert run_once(job) == State.DONE, job.error_text
        found = {row.kind: row.sha256 for row in Artifact.objects.filter(job=job)}
        if "mix" not in undisturbed:
            mix_requests.remake(job)
            job.refresh_from_db()
            assert run_once(job) == State.DONE
            undisturbed["mix"] = {row.kind: row.sha256 for row in Artifact.objects.filter(job=job)}
        assert found == undisturbed["mix"]


@pytest.mark.parametrize(
    ("task", "fault"),
    cases(
        ("listening copy", "decode"),
        [
            ("listening copy", "gives half"),
            ("listening copy", "takes half"),
            ("decode", "gives half"),
        ],
    ),
)
def test_a_preview_is_complete_or_absent(
    counted, add_track, undisturbed, break_ffmpeg, fails_three_times, run_once, make_good, task, fault
):
    with counted("ffmpeg that hangs, lies or dies: listening copies"):
        preview = previews.request_track(add_track(0))
        folder = break_ffmpeg(task, faults_of(task)[fault])
        fails_three_times(preview, folder)
        make_good()
        contents = []
        for _ in range(1 if "copy" in undisturbed else 2):
            storage.remove(preview.file)
            preview = previews.retry(preview)
            assert run_once(preview) == State.DONE
            contents.append(storage.path_of(preview.file).read_bytes())
        assert contents[0] == undisturbed.setdefault("copy", contents[-1])


@pytest.fixture
def kept(monkeypatch):
    """Measure how many bytes a reader of stderr has kept after each look; return the list of them."""
    real, found = sandbox.Child._drain_stderr, []

    def drain(child):
        real(child)
        lines = sum(map(len, child.first_errors))
        found.append(len(child._stderr_tail) + len(child._captured) + len(child._unfinished_line) + lines)

    monkeypatch.setattr(sandbox.Child, "_drain_stderr", drain)
    return found


@pytest.mark.parametrize("task", ["decode", "listening copy", "mp3", "picture"] if FULL else ["decode"])
def test_a_flood_of_stderr_changes_nothing(
    counted, alice, sounds, add_track, break_ffmpeg, run_once, kept, task
):
    """However much it logs, its output is used, and only the end of its log is kept.

    The memory of the whole process says little: its other parts vary by more than a flood may take.
    """
    with counted("ffmpeg that floods its stderr"):

        def make_job():
            if task == "decode":
                path = storage.uploads_folder() / "song.wav"
                path.write_bytes(sounds[0][0].read_bytes())
                AnalysisJob.objects.all().delete()
                Track.objects.all().delete()
                return AnalysisJob.objects.get(
                    track=upload_service.add_file(alice, "song.wav", path, mix=None).track
                )
            if task == "listening copy":
                Preview.objects.all().delete()
                return previews.request_track(Track.objects.first() or add_track(0))
            if job := MixJob.objects.first():
                mix_requests.remake(job)
                return MixJob.objects.get()
            return mix_requests.request_mix(
                make_mix_row(alice, "Weather", [add_track(0), add_track(1)], transition_s=2.0, make_mp4=True)
            )

        def result():
            job = make_job()
            assert run_once(job) == State.DONE, job.error_text
            if task == "decode":
                return job.result
            return {row.kind: row.sha256 for row in Artifact.objects.all()}

        usual = result()
        break_ffmpeg(task, FLOOD.format(size=FLOOD_BYTES), hurried=False)
        kept.clear()
        assert result() == usual
        assert len(kept) > FLOOD_BYTES / (sandbox.READ_BYTES * sandbox.READS_AT_ONCE), "it read no flood"
        assert max(kept) <= 3 * sandbox.STDERR_TAIL_BYTES


class HurriedSite(LiveSite):
    """A live site with timeouts of seconds and a replacement of ffmpeg."""

    def __init__(self, folder, program):
        super().__init__(folder)
        hurried = "mixes.tests.torture.harness.hurried"
        self.environment |= {"DJANGO_SETTINGS_MODULE": hurried, "MIXTAPE_FFMPEG": str(program)}

    def job(self, pk):
        (row,) = self.query(
            f"select state, attempt, error_text from mixes_mixjob where id = '{pk.replace('-', '')}'"
        )
        return row


@pytest.mark.skipif(not FULL, reason="a whole site takes half a minute: make torture")
def test_a_real_worker_is_free_again_after_an_encoder_that_hangs(tmp_path, counted):
    program = write_faulty(tmp_path, "mp3", HANGS["stops itself"])
    song = write_wav(tmp_path / "song.wav", pink_noise(6.0, seed=3))
    with counted("a real worker whose ffmpeg hangs"), HurriedSite(tmp_path, program) as site:
        mix = site.create_mix()
        site.upload(song, mix)
        site.wait_until_ready(mix, 1)
        job = site.make(mix)
        wait_until(lambda: site.job(job)[0] in ("failed", "done"), seconds=90)
        state, attempt, sentence = site.job(job)
        assert (state, attempt) == ("failed", MAX_ATTEMPTS) and "Nothing moved" in sentence
        wait_until(lambda: not list((tmp_path / "media" / "scratch").glob("mix-*")), seconds=10)
        assert not [line for line in running_from(tmp_path) if "libmp3lame" in line]
        write_faulty(tmp_path, "mp3", 'exec ffmpeg "$@"')
        site.post(f"/jobs/{job}/retry/")
        wait_until(lambda: site.job(job)[0] in ("failed", "done"), seconds=60)
        assert site.job(job)[0] == "done"
