"""`manage.py reprocess`: selection, effect and output."""

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mixes.leases import State
from mixes.models import AnalysisJob, MixJob, Track
from mixes.services import storage
from mixes.tests.factories import make_job_row, make_mix_row, make_track_row

pytestmark = pytest.mark.django_db


def reprocess(*arguments):
    """Return (exit status, stdout, stderr)."""
    out, err = StringIO(), StringIO()
    try:
        call_command("reprocess", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as error:
        return error.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def states():
    return set(MixJob.objects.values_list("state", flat=True))


def test_named_jobs_are_queued_from_a_stage_on(mix):
    job, other = make_job_row(mix, State.DONE), make_job_row(mix, State.DONE)
    status, out, _ = reprocess(job.pk, "--from-stage", "video")
    job.refresh_from_db()
    other.refresh_from_db()
    assert (status, job.state, job.from_stage, other.state) == (0, State.QUEUED, "video", State.DONE)
    assert f"Queued: {job.pk} Evenings in the North" in out and "1 of 1 queued." in out


def test_failed_jobs_are_found(alice):
    failed, done = (make_job_row(make_mix_row(alice), state) for state in (State.FAILED, State.DONE))
    reprocess("--state", "failed")
    failed.refresh_from_db()
    done.refresh_from_db()
    assert (failed.state, done.state) == (State.QUEUED, State.DONE)


def test_jobs_since_a_day_are_found(alice):
    old, new = (make_job_row(make_mix_row(alice), State.DONE) for _ in range(2))
    MixJob.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=3))
    day = (timezone.localdate() - timedelta(days=1)).isoformat()
    _, out, _ = reprocess("--since", day)
    assert str(new.pk) in out and str(old.pk) not in out


def test_a_dry_run_changes_nothing(mix):
    job = make_job_row(mix, State.FAILED)
    status, out, _ = reprocess("--state", "failed", "--dry-run")
    assert (status, states()) == (0, {State.FAILED})
    assert f"Would process again: {job.pk}" in out and "1 in all; nothing was changed." in out


def test_open_jobs_are_skipped_with_an_exit_status(alice):
    running, failed = (make_job_row(make_mix_row(alice), state) for state in (State.RUNNING, State.FAILED))
    status, out, err = reprocess(running.pk, failed.pk)
    failed.refresh_from_db()
    assert (status, failed.state) == (1, State.QUEUED)
    assert f"Left alone: {running.pk}" in err and "1 of 2 queued." in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Give ids of jobs"),
        (("nonsense",), "not the id of a job"),
        ((uuid.uuid4(),), "There is no job"),
        (("--since", "yesterday"), "not a day"),
        (("--since", "2026-13-40"), "not a day"),
        (("--from-stage", "nonsense", "--state", "failed"), "invalid choice"),
    ],
)
def test_invalid_options_are_refused(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("reprocess", *map(str, arguments))


def test_every_track_is_measured_again(alice):
    make_track_row(alice)
    make_track_row(alice, state=Track.State.UPLOADING)
    status, out, _ = reprocess("--all-analysis")
    assert (status, AnalysisJob.objects.get().state) == (0, State.QUEUED)
    assert "1 of 1 queued." in out


def test_run_now_reports_failures_with_their_reason(mix):
    """The files of these tracks are missing."""
    job = make_job_row(mix, State.FAILED)
    status, out, _ = reprocess(job.pk, "--now")
    job.refresh_from_db()
    assert (status, job.state) == (1, State.FAILED)
    assert "Failed (“" in out and "was deleted" in out and "0 of 1 done." in out


@pytest.mark.django_db(transaction=True)
def test_run_now_processes_the_job_here_with_progress(mix, monkeypatch):
    from mixes import tasks
    from mixes.jobs.runner import JobKind

    def run(run):
        for fraction in (0.0, 0.5, 1.0):
            run.on_progress("render", fraction)
        return lambda: {"check_sheet": {}, "from_stage": ""}

    monkeypatch.setitem(tasks.KINDS, "long", (JobKind(MixJob, run, lambda job, state, sentence: None),))
    job = make_job_row(mix, State.FAILED)
    status, out, err = reprocess(job.pk, "--now")
    job.refresh_from_db()
    assert (status, job.state) == (0, State.DONE)
    assert "Done: " in out and "1 of 1 done." in out
    assert "Evenings in the North: 50%" in err


def test_earlier_files_stay_until_the_new_ones_are_there(mix):
    job = make_job_row(mix, State.DONE, files=["mp3"])
    reprocess(job.pk)
    assert storage.path_of(job.artifacts.get().file).exists()
