"""Messages for each listed fault except YouTube's: what happened, what was kept, what to do.

Each fault is caused through the site's own code with real sounds. The page is then opened, its text read and
its button pressed: the result equals one made without the fault, byte for byte.
"""

import contextlib
import dataclasses
import errno
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from mixes import access, tasks
from mixes.engine.codecs import encode
from mixes.engine.processes import sandbox
from mixes.jobs.runner import JobRun
from mixes.leases import LEASE, State
from mixes.management.commands.worker import MAINTAIN_EVERY_S
from mixes.models import MixJob
from mixes.services import storage
from mixes.services.rendering import mix_requests
from mixes.tests.torture.harness.fault_checks import (
    UNDISTURBED,
    at_stage,
    backoff_is_over,
    check_undisturbed,
    die,
    fault,
    hashes,
    in_order,
    lease_runs_out,
    note_faults,
    page_of,
)
from mixes.tests.torture.harness.pages import Page

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("faults in words")]


@pytest.fixture(scope="module", autouse=True)
def row():
    yield
    note_faults("words on jobs", __name__)


# 1, 22, 23, 24: the worker is killed


@fault(1, 23, 24)
@pytest.mark.parametrize("stage", ["draw", "render", "check"] if FULL else ["render"])
def test_a_dead_worker_is_reported_and_the_result_is_the_same(mix, work, look, stage):
    job = mix_requests.request_mix(mix)
    work(job, at_stage(stage, die))
    assert job.state == State.RUNNING  # not noticed yet
    look(page_of(job))
    lease_runs_out(job)
    page = look(page_of(job))
    in_order(
        page.words,
        "Restarting (2nd try)",
        "It was interrupted. What was finished before is kept. It goes on as soon as a worker is free.",
    )
    work(job)
    assert job.attempt == 2
    assert "Restarting" not in look(page_of(job)).words
    check_undisturbed(job, work)


@fault(1)
def test_a_dead_worker_is_reported_within_ninety_seconds():
    assert LEASE.total_seconds() + MAINTAIN_EVERY_S <= 90


@fault(1)
def test_a_killed_process_is_reported_at_once_by_its_worker(mix, work, look):
    """The worker command is alive, so the lease of its killed process need not expire."""
    job = mix_requests.request_mix(mix)
    work(job, at_stage("render", die))
    tasks.maintain_queue("long")
    assert "Restarting (2nd try)" in look(page_of(job)).words


@fault(22)
def test_a_job_that_always_kills_its_worker_fails_and_others_run(mix, alice, work, look, press):
    job = mix_requests.request_mix(mix)
    for words in ("Restarting (2nd try)", "Restarting (3rd try)", ""):
        work(job, at_stage("render", die))
        lease_runs_out(job)
        assert words in look(page_of(job)).words
    page = look(page_of(job))
    in_order(page.words, "stopped this job again and again, so it was given up.", "What you added is safe")
    assert tasks.claim_best("long") is None  # other jobs run
    assert "Restarting" not in press(page, "Try again").words
    work(job)
    check_undisturbed(job, work)


# 2, 3: ffmpeg


def our_ffmpegs():
    """Yield the ids of the ffmpeg processes of this process."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"ffmpeg" in (folder / "cmdline").read_bytes():
                yield int(folder.name)


def meddle(monkeypatch, number):
    """Send a signal to the first encoder; return a list that is not empty once that was done."""
    begin, done = sandbox.Child.__init__, []

    def begun(self, *arguments, **options):
        begin(self, *arguments, **options)
        if not done and options["limits"] is encode.ENCODE:
            done.append(self._process.pid)
            os.kill(self._process.pid, number)

    monkeypatch.setattr(sandbox.Child, "__init__", begun)
    return done


@fault(2)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV] if FULL else [signal.SIGSEGV])
def test_a_killed_ffmpeg_is_reported_and_retried_soon(mix, work, look, number, monkeypatch):
    job = mix_requests.request_mix(mix)
    killed = meddle(monkeypatch, number)
    work(job)
    monkeypatch.undo()
    assert killed and job.state == State.QUEUED, job.error_text
    page = look(page_of(job))
    in_order(
        page.words,
        "Restarting (2nd try)",
        "What was finished before is kept.",
        "It is tried again in about 5 s.",
    )
    assert "status" not in page.words.split("Restarting")[1][:300] and "ffmpeg" not in page.words
    backoff_is_over(job)
    assert "It goes on as soon as a worker is free." in look(page_of(job)).words
    work(job)
    check_undisturbed(job, work)


@fault(3)
def test_a_hung_ffmpeg_is_reported_as_stalled(mix, work, look, monkeypatch):
    job = mix_requests.request_mix(mix)
    monkeypatch.setattr(encode, "ENCODE", dataclasses.replace(encode.ENCODE, stall_s=1.0))
    stopped = meddle(monkeypatch, signal.SIGSTOP)
    work(job)
    assert stopped and job.state == State.QUEUED, job.error_text
    assert list(our_ffmpegs()) == []
    page = look(page_of(job))
    in_order(
        page.words,
        "Restarting (2nd try)",
        "so it was stopped.",
        "is kept.",
        "It is tried again in about 5 s.",
    )
    monkeypatch.undo()
    backoff_is_over(job)
    work(job)
    check_undisturbed(job, work)


# 4: a full disk


@fault(4)
@pytest.mark.parametrize("when", ["before", "while", "at the end"] if FULL else ["at the end"])
def test_a_full_disk_is_reported_and_nothing_is_lost(mix, work, look, press, when, monkeypatch):
    earlier = mix_requests.request_mix(mix)
    work(earlier)  # its result must be kept
    job = mix_requests.request_mix(mix)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_room(*_):
        raise full

    if when == "before":
        monkeypatch.setattr(storage, "free_bytes", lambda: 1000)
    elif when == "at the end":
        monkeypatch.setattr(storage, "store", no_room)
    work(job, at_stage("check", no_room if when == "while" else lambda: None))
    monkeypatch.undo()
    page = look(page_of(job))
    in_order(page.words, "Failed", "disk is too full", "Nothing was lost; try again later.")
    assert not storage.scratch_path("mix", job.pk).exists()
    assert hashes(earlier) == (UNDISTURBED or hashes(earlier))
    press(page, "Try again")
    work(job)
    check_undisturbed(job, work)


# 6: the database


@fault(6)
def test_an_unavailable_database_is_reported_as_busy_and_the_page_recovers(mix, work, as_alice, monkeypatch):
    job = mix_requests.request_mix(mix)
    monkeypatch.setattr(
        access, "get_job", lambda *_: (_ for _ in ()).throw(OperationalError("database is locked"))
    )
    answer = as_alice.get(page_of(job))
    monkeypatch.undo()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    page = Page(answer.content.decode())
    in_order(
        page.words,
        "Back in a moment",
        "busy; this page tries again by itself",
        "Your songs and mixes are safe",
    )
    assert '<meta http-equiv="refresh" content="5">' in answer.content.decode() and page.alarming == []
    assert as_alice.get(page_of(job)).status_code == 200


@fault(6)
def test_a_missed_heartbeat_does_not_end_a_job(mix, work, look, monkeypatch):
    job = mix_requests.request_mix(mix)
    real, missed = JobRun._beat, []

    def gone(self):
        if len(missed) < 3:
            missed.append(1)
            raise OperationalError("server closed the connection")
        real(self)

    monkeypatch.setattr(JobRun, "_beat", gone)
    work(job)
    assert len(missed) == 3
    check_undisturbed(job, work)


# 8, 9, 10: two presses, two workers, a cancel at any time


@fault(8)
def test_two_presses_make_one_job_and_lead_to_one_page(mix, work, look, as_alice):
    address = look(reverse("mixes:mix_detail", args=[mix.pk])).address_of("Make the mix")
    pages = {as_alice.post(address).url for _ in range(5)}
    assert len(pages) == 1 and MixJob.objects.count() == 1
    job = MixJob.objects.get()
    assert "Next in the queue" in look(page_of(job)).words
    work(job)
    again = [as_alice.post(reverse("mixes:job_retry", args=[job.pk]), follow=True) for _ in range(2)]
    in_order(Page(again[1].content.decode()).words, "It is still being made.")
    assert MixJob.objects.count() == 1


@fault(9)
def test_two_workers_run_a_job_once_and_the_page_shows_one(mix, work, look):
    job = mix_requests.request_mix(mix)
    first, second = (MixJob.objects.claim(job.pk, f"w:{n}") for n in (1, 2))
    assert first and second is None and tasks.claim_best("long") is None
    in_order(look(page_of(job)).words, "Getting ready", "0 %")
    MixJob.objects.release()
    work(job)
    check_undisturbed(job, work)


@fault(10)
@pytest.mark.parametrize(
    "when", ["queued", "render", "last second", "done"] if FULL else ["last second", "done"]
)
def test_a_cancel_is_reported_at_any_time(mix, work, look, press, when):
    job = mix_requests.request_mix(mix)
    if when == "done":
        work(job)
        stale = look(page_of(job))
        page = Page("")
        page.forms, page.buttons = (
            stale.forms,
            [{"words": "Cancel", "form": {"action": reverse("mixes:job_cancel", args=[job.pk])}}],
        )
        assert "It had already ended." in press(page, "Cancel").words
        job.refresh_from_db()
        assert job.state == State.DONE
        return
    if when == "queued":
        press(look(page_of(job)), "Cancel")
    else:
        said = []

        def cancel():
            said.append(press(look(page_of(job)), "Cancel").words)

        at = at_stage("check" if when == "last second" else when, cancel)
        work(job, at if when != "last second" else lambda stage, f: at(stage, f) if f == 1.0 else None)
        assert "Stopping" in said[0]
    page = look(page_of(job))
    in_order(page.words, "Cancelled", "You cancelled this. No files of it were kept.")
    assert not storage.scratch_path("mix", job.pk).exists() and not list(storage.stored_names(("artifacts",)))
    press(page, "Try again")
    work(job)
    check_undisturbed(job, work)


# 11: clocks


@fault(11)
@pytest.mark.parametrize("hours", [-1, 1] if FULL else [1])
def test_a_clock_jump_keeps_the_job_and_shows_no_odd_times(mix, work, look, hours):
    job = mix_requests.request_mix(mix)
    work(job, at_stage("render", die))
    lease = timezone.now() + timedelta(hours=hours)  # the lease after the clock jump
    MixJob.objects.filter(pk=job.pk).update(lease_until=lease, worker="elsewhere:1:2")
    tasks.maintain_queue("long")
    words = look(page_of(job)).words
    in_order(words, "Restarting (2nd try)", "It goes on as soon as a worker is free.")
    assert "-" not in words.split("Restarting")[1].split("Cancel")[0]
    work(job)
    check_undisturbed(job, work)


# 19: the site is restarted


@fault(19)
def test_a_restart_is_a_short_pause_and_does_not_count_as_an_attempt(mix, work, look, monkeypatch):
    job = mix_requests.request_mix(mix)
    monkeypatch.setattr("mixes.jobs.runner.is_stopping", lambda: True)
    work(job, lambda stage, fraction: None)
    monkeypatch.undo()
    assert (job.state, job.attempt) == (State.QUEUED, 0)
    words = look(page_of(job)).words
    assert "Next in the queue" in words and "Restarting" not in words
    work(job)
    assert job.attempt == 1
    check_undisturbed(job, work)


# 20: a missing file


@fault(20)
def test_a_running_download_completes_and_a_later_one_explains_what_to_do(mix, work, look, press, as_alice):
    job = mix_requests.request_mix(mix)
    work(job)
    mp3 = job.artifacts.get(kind="mp3")
    whole, address = storage.path_of(mp3.file).read_bytes(), reverse("mixes:artifact_download", args=[mp3.pk])
    answer = as_alice.get(address)
    stream = iter(answer.streaming_content)
    storage.remove(mp3.file)
    assert b"".join(stream) == whole
    in_order(look(address, status=404).words, "This file is not there any more.", "make it again")
    page = look(page_of(job))
    in_order(page.words, "A file of this result is missing. Your songs are still here: make it again")
    retry = reverse("mixes:job_retry", args=[job.pk])
    assert retry in [
        button["form"].get("action") for button in page.buttons if button["words"] == "Make again"
    ]
    as_alice.post(retry)
    work(job)
    assert "is missing" not in look(page_of(job)).words
    check_undisturbed(job, work)
