"""Mix jobs with real sounds: their results, and what is left when they do not finish."""

import hashlib
import uuid
from dataclasses import replace

import pytest
from django.core import mail
from django.utils import timezone

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.engine.errors import Cancelled
from mixes.engine.passthrough.facts import Mp3Facts
from mixes.engine.pipeline import stages
from mixes.engine.pipeline.request import MixOutputs
from mixes.engine.pipeline.work_folder import lock
from mixes.engine.timeline import Timeline
from mixes.jobs import mix_job
from mixes.jobs.mix_job import JobProgress, stage_costs
from mixes.jobs.runner import JobKind, run_claimed
from mixes.leases import MAX_ATTEMPTS, State
from mixes.models import AnalysisJob, Artifact, MixJob, Track
from mixes.services import storage
from mixes.services.editing import plans
from mixes.services.rendering import artifacts, mix_requests
from mixes.services.rendering.earlier_mix import MADE_WITH, earlier_mix
from mixes.tests.factories import make_artwork_row

pytestmark = pytest.mark.django_db
KIND = JobKind(MixJob, mix_job.handle, mix_job.on_failure)


@pytest.fixture
def mix(mix_of_sounds):
    return mix_of_sounds


@pytest.fixture
def run_job(django_capture_on_commit_callbacks):
    """Claim a job and run it as a worker does, stopped in `stop_in`; return its progress reports."""

    def run(job, *, stop_in="", reason="drain"):
        reported = []

        def handle(run):
            tell = run.on_progress

            def watch(stage, fraction):
                tell(stage, fraction)
                reported.append((stage, fraction))
                if stage == stop_in:
                    run.stop_reason = reason

            run.on_progress = watch
            return mix_job.handle(run)

        token = MixJob.objects.claim(job.pk, "test")
        if reason == "cancel" and stop_in:
            MixJob.objects.request_cancel(job.pk)
        with django_capture_on_commit_callbacks(execute=True):
            run_claimed(replace(KIND, handle=handle), job.pk, token, beats=False)
        job.refresh_from_db()
        return reported

    return run


def stages_of(reported):
    return list(dict.fromkeys(stage for stage, _ in reported))


def contents(job):
    return {row.kind: storage.path_of(row.file).read_bytes() for row in Artifact.objects.filter(job=job)}


def test_a_job_stores_files_and_check_sheet_and_removes_its_work_folder(mix, run_job):
    job = mix_requests.request_mix(mix)
    reported = run_job(job)
    assert (job.state, job.progress, job.error_text) == (State.DONE, 1000, "")
    rows = {row.kind: row for row in job.artifacts.all()}
    assert set(rows) == {"mp3", "description", "cue", "chapters", "timeline"}
    assert rows["mp3"].name == "weather.mp3"
    for row in rows.values():
        content = storage.path_of(row.file).read_bytes()
        assert (row.size, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert job.check_sheet["mp3"]["verdict"] in ("ok", "note")
    assert set(job.timings_s) == {"draw", "render", "write", "check"}
    assert Timeline.from_dict(job.snapshot["timeline"]).clips[1].title == "Wind"
    assert len(job.outline["clips"]) == 2
    assert not storage.scratch_path("mix", job.pk).exists()
    fractions = [fraction for _, fraction in reported]
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0


def test_a_job_uses_the_mix_as_it_was_when_requested(mix, run_job):
    job = mix_requests.request_mix(mix)
    mix.title, mix.transition_s = "Climate", 5.0
    mix.save()
    mix.items.select_related("track").first().track.__class__.objects.update(title="Changed")
    run_job(job)
    assert b"Rain" in contents(job)["description"] and b"Changed" not in contents(job)["description"]
    assert job.artifacts.get(kind="mp3").name == "weather.mp3"


def test_a_stopped_job_resumes_where_it_was(mix, run_job):
    job, undisturbed = mix_requests.request_mix(mix), None
    run_job(job, stop_in="check")
    assert (job.state, job.attempt) == (State.QUEUED, 0)
    assert storage.scratch_path("mix", job.pk).is_dir()
    reported = run_job(job)
    assert job.state == State.DONE and stages_of(reported) == ["check"]
    undisturbed = mix_requests.request_mix(mix)
    run_job(undisturbed)
    assert contents(job) == contents(undisturbed)


def test_a_new_version_takes_over_what_sounds_the_same(mix, run_job, monkeypatch):
    first = mix_requests.request_mix(mix)
    run_job(first)
    mix.title = "Climate"
    mix.save()
    rendered = []
    whole = stages.cut_span
    with monkeypatch.context() as patch:
        patch.setattr(stages, "cut_span", lambda *span: rendered.append(span[1:]) or whole(*span))
        run_job(second := mix_requests.request_mix(mix))
    assert rendered == [(0, 44_100)]  # the opening, for the check
    second.snapshot |= {MADE_WITH: "an older encoder"}
    second.save(update_fields=["snapshot"])
    run_job(from_nothing := mix_requests.request_mix(mix))
    assert contents(second) == contents(from_nothing)


def test_the_earlier_version_is_the_last_one_made_here_whose_files_are_whole(mix, run_job):
    first = mix_requests.request_mix(mix)
    assert earlier_mix(first) is None
    run_job(first)
    second = mix_requests.request_mix(mix)
    found = earlier_mix(second)
    assert found.timeline == Timeline.from_dict(first.snapshot["timeline"])
    assert found.sources == tuple(track["sha256"] for track in first.snapshot["tracks"])
    assert set(found.artifacts) == {"mp3", "description", "cue", "chapters", "timeline"}
    mp3 = storage.path_of(first.artifacts.get(kind="mp3").file)
    mp3.write_bytes(mp3.read_bytes()[:-1] + b"?")
    assert "mp3" not in earlier_mix(second).artifacts
    first.snapshot |= {MADE_WITH: "an older encoder"}
    first.save(update_fields=["snapshot"])
    assert earlier_mix(second) is None


def test_a_cancelled_job_leaves_nothing(mix, run_job):
    job = mix_requests.request_mix(mix)
    run_job(job, stop_in="render", reason="cancel")
    assert (job.state, job.artifacts.count()) == (State.CANCELLED, 0)
    assert not storage.scratch_path("mix", job.pk).exists()
    assert not list(storage.path_of(storage.ARTIFACTS).rglob("*"))


def test_a_cancel_at_the_last_moment_wins(mix, run_job):
    job = mix_requests.request_mix(mix)
    run_job(job, stop_in="nothing stops it", reason="cancel")
    assert (job.state, job.artifacts.count()) == (State.CANCELLED, 0)
    assert not storage.scratch_path("mix", job.pk).exists()


def test_a_job_whose_row_was_deleted_cleans_up(mix, run_job, monkeypatch):
    job = mix_requests.request_mix(mix)
    folder = storage.scratch_path("mix", job.pk)
    real = mix_job.make

    def make(*arguments):
        MixJob.objects.filter(pk=job.pk).delete()
        return real(*arguments)

    monkeypatch.setattr(mix_job, "make", make)
    with pytest.raises(MixJob.DoesNotExist):
        run_job(job, stop_in="render", reason="lost")
    assert not folder.exists()


def test_remaking_from_a_stage_reuses_the_stages_before_it(mix, run_job):
    job = mix_requests.request_mix(mix)
    run_job(job)
    before, files = contents(job), set(job.artifacts.values_list("file", flat=True))
    mix_requests.remake(job, "check")
    reported = run_job(job)
    assert stages_of(reported) == ["check"] and job.state == State.DONE and job.from_stage == ""
    assert contents(job) == before
    assert set(job.artifacts.values_list("file", flat=True)) == files  # same content and names
    assert job.artifacts.count() == 5


def test_a_damaged_earlier_file_is_made_again(mix, run_job):
    job = mix_requests.request_mix(mix)
    run_job(job)
    path = storage.path_of(job.artifacts.get(kind="mp3").file)
    path.write_bytes(path.read_bytes()[:-10])
    mix_requests.remake(job, "check")
    reported = run_job(job)
    assert "render" in stages_of(reported)
    assert "The earlier sound could not be used as it was, so it was made again." in job.notes


def test_replaced_files_are_removed(mix, run_job):
    job = mix_requests.request_mix(mix)
    run_job(job)
    old = storage.path_of(job.artifacts.get(kind="description").file)
    job.snapshot["description_template"] = "Other words"
    job.save(update_fields=["snapshot"])
    mix_requests.remake(job, "write")
    run_job(job)
    assert not old.exists()
    assert contents(job)["description"] == b"Other words\n"


def test_a_song_deleted_meanwhile_is_named(mix, run_job):
    job = mix_requests.request_mix(mix)
    mix.items.first().track.delete()
    run_job(job)
    assert job.state == State.FAILED and "“Rain” was deleted" in job.error_text
    assert not storage.scratch_path("mix", job.pk).exists()


def run_often(job, run_job):
    """Run a job more often than it has attempts."""
    for _ in range(MAX_ATTEMPTS + 1):
        MixJob.objects.filter(pk=job.pk).update(not_before=None)
        run_job(job)


def test_a_job_waits_for_a_song_being_reanalysed_without_using_an_attempt(mix, run_job):
    job = mix_requests.request_mix(mix)
    AnalysisJob.objects.update(version=0)
    run_often(job, run_job)
    assert (job.state, job.attempt) == (State.QUEUED, 0)
    assert job.not_before > timezone.now()
    assert job.message == "“Rain” is being analysed again; this mix waits for it."
    AnalysisJob.objects.filter(version=ANALYSIS_VERSION).delete()
    AnalysisJob.objects.update(version=ANALYSIS_VERSION)
    MixJob.objects.update(not_before=None)
    run_job(job)
    assert (job.state, job.waits_since, job.message) == (State.DONE, None, "")


def test_a_job_whose_song_failed_its_new_analysis_names_the_reason(mix, run_job):
    job = mix_requests.request_mix(mix)
    AnalysisJob.objects.update(version=0)
    track = mix.items.first().track
    track.state, track.problem = Track.State.REFUSED, "it is silent."
    track.save()
    run_job(job)
    assert (job.state, job.error_text) == (State.FAILED, "“Rain”: it is silent.")


def test_a_job_waits_for_its_work_folder_without_using_an_attempt(mix, run_job, monkeypatch):
    """A process of an earlier attempt is frozen, and holds the folder."""
    monkeypatch.setattr("mixes.engine.pipeline.checkpoints.LOCK_TIMEOUT_S", 0.0)
    job = mix_requests.request_mix(mix)
    folder = storage.scratch_path("mix", job.pk)
    folder.mkdir(parents=True)
    with lock(folder):
        run_often(job, run_job)
        assert (job.state, job.attempt) == (State.QUEUED, 0)
        assert job.message == "An earlier run of this mix has not ended yet; this one waits for it."
    MixJob.objects.update(not_before=None)
    run_job(job)
    assert (job.state, job.attempt, job.artifacts.count()) == (State.DONE, 1, 5)


def test_a_changed_file_is_reported_by_its_title(mix, run_job):
    job = mix_requests.request_mix(mix)
    storage.path_of(mix.items.first().track.file).write_bytes(b"no sound at all")
    run_job(job)
    assert job.state == State.FAILED and job.error_text.startswith("“Rain”: ")


def test_a_full_disk_is_reported_before_the_work(mix, run_job, monkeypatch):
    job = mix_requests.request_mix(mix)
    monkeypatch.setattr(storage, "free_bytes", lambda: 1000)
    assert run_job(job) == []
    assert job.state == State.FAILED and "Nothing was lost" in job.error_text


def test_a_deleted_picture_is_replaced_by_a_drawn_one_with_a_note(alice, mix, run_job):
    mix.artwork = make_artwork_row(alice)  # its files are missing
    mix.save()
    job = mix_requests.request_mix(mix)
    run_job(job)
    assert job.state == State.DONE
    assert "The picture of this mix was deleted, so one was drawn." in job.notes


@pytest.mark.parametrize("has_mail", [True, False])
def test_an_owner_who_asked_for_a_mail_gets_one(mix, run_job, settings, has_mail):
    settings.HAS_MAIL = has_mail
    job = mix_requests.request_mix(mix, mail=True)
    run_job(job)
    assert len(mail.outbox) == has_mail
    if has_mail:
        assert mail.outbox[0].subject == "“Weather” is ready"
        assert f"{settings.SITE_URL}/jobs/{job.pk}/" in mail.outbox[0].body
        assert mail.outbox[0].to == ["alice@example.org"]


def test_a_failure_is_mailed_too(mix, run_job, settings):
    settings.HAS_MAIL = True
    job = mix_requests.request_mix(mix, mail=True)
    mix.items.first().track.delete()
    run_job(job)
    assert mail.outbox[0].subject == "“Weather” could not be made"
    assert "was deleted" in mail.outbox[0].body


def test_progress_weights_stages_by_their_cost():
    reported = []
    progress = JobProgress(
        {"draw": 1, "render": 6, "video": 0, "write": 0, "check": 3},
        lambda *entry: reported.append(entry),
        skips=False,
    )
    for stage, fraction in (("draw", 0.0), ("render", 0.5), ("check", 1.0)):
        progress(stage, fraction)
    assert reported == [("draw", 0.0), ("render", 0.4), ("check", 1.0)]


def test_a_resumed_job_reports_progress_from_where_work_begins():
    reported = []
    costs = {"draw": 1, "render": 6, "video": 0, "write": 0, "check": 3}
    progress = JobProgress(costs, lambda *entry: reported.append(entry), skips=True)
    for stage, fraction in (("draw", 0.0), ("draw", 1.0), ("render", 0.0), ("render", 1.0), ("check", 0.5)):
        progress(stage, fraction)
    assert reported == [("check", 0.85)]


def test_a_video_and_its_cards_cost_more(mix):
    job = mix_requests.request_mix(mix)
    timeline = Timeline.from_dict(job.snapshot["timeline"])
    sound = mix_job.snapshots.to_request(job.snapshot, cores=2)
    video = replace(sound, formats=("mp3", "mp4"), title_cards=True)
    assert sum(stage_costs(video, timeline).values()) > sum(stage_costs(sound, timeline).values())
    assert stage_costs(sound, timeline)["video"] == 0


def test_copied_songs_cost_less(mix):
    job = mix_requests.request_mix(mix)
    timeline = Timeline.from_dict(job.snapshot["timeline"])
    request = mix_job.snapshots.to_request(job.snapshot, cores=2)
    first = timeline.clips[0]
    facts = Mp3Facts(frames=2_400, delay=1105, samples=2_400 * 1152 - 1105, peaks=bytes(2_400))
    sources = [replace(source, analysis=replace(source.analysis, mp3=facts)) for source in request.sources]
    clip = replace(first, gain_step=0, grid=(first.start - first.cue_in) % 1152)
    copied = replace(timeline, clips=(clip, *timeline.clips[1:]))
    request = replace(request, sources=tuple(sources))
    assert stage_costs(request, copied)["render"] < 0.9 * stage_costs(request, timeline)["render"]


def test_work_folders_of_ended_jobs_are_removed(mix):
    job = mix_requests.request_mix(mix)
    waiting, ended, in_use = (storage.scratch_path("mix", pk) for pk in (job.pk, uuid.uuid4(), uuid.uuid4()))
    for folder in (waiting, ended, in_use):
        folder.mkdir(parents=True)
        (folder / "sound.aac").write_bytes(b"x")
    with lock(in_use):
        mix_job.clean_up()
    assert (waiting.is_dir(), ended.is_dir(), in_use.is_dir()) == (True, False, True)


def test_a_job_deleted_before_its_commit_leaves_nothing(mix):
    job = mix_requests.request_mix(mix)

    def delete(run):
        commit = mix_job.handle(run)
        MixJob.objects.filter(pk=job.pk).delete()
        return commit

    token = MixJob.objects.claim(job.pk, "w:1")
    assert run_claimed(replace(KIND, handle=delete), job.pk, token, beats=False) is None
    assert not storage.scratch_path("mix", job.pk).exists()
    assert list(storage.stored_names((storage.ARTIFACTS,))) == []


def test_a_stop_request_interrupts_the_hashing_of_results(mix, tmp_path):
    path = tmp_path / "mix.mp3"
    path.write_bytes(b"sound")
    outputs = MixOutputs(plans.plan_of(mix).timeline, (), {"mp3": path}, {}, (), {})
    assert artifacts.read_results(outputs)[0].sha256 == hashlib.sha256(b"sound").hexdigest()
    with pytest.raises(Cancelled):
        artifacts.read_results(outputs, lambda: True)
