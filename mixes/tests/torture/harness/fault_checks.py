"""Shared by the tests of fault messages: inject faults, find sentences, compare results."""

import functools
import hashlib
from base64 import b64encode
from collections import defaultdict
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from mixes import tasks
from mixes.jobs import analysis_job, mix_job
from mixes.jobs.runner import JobKind, run_claimed
from mixes.leases import State
from mixes.models import AnalysisJob, Artifact, MixJob, Track
from mixes.services import storage
from mixes.services.library import uploads
from mixes.services.rendering import mix_requests
from mixes.tests.torture.harness.table import note_row

MIXING = JobKind(MixJob, mix_job.handle, mix_job.on_failure, mix_job.clean_up)
ANALYSING = JobKind(AnalysisJob, analysis_job.handle, analysis_job.on_failure)
# Numbers of listed faults per test module: those tested, and those whose test passed
FAULTS, PASSED = defaultdict(set), defaultdict(set)
UNDISTURBED = {}  # hashes of the same mix made without a fault


class Died(BaseException):
    """The worker is dead and writes nothing more."""


def fault(*numbers):
    """Mark a test with the numbers of the listed faults; they count once the test has passed."""

    def named(test):
        FAULTS[test.__module__].update(numbers)

        @functools.wraps(test)
        def wrapped(**fixtures):
            test(**fixtures)
            PASSED[test.__module__].update(numbers)

        return wrapped

    return named


def note_faults(part, module):
    note_row(part, tried=len(FAULTS[module]), wrong=len(FAULTS[module] - PASSED[module]))


def page_of(job):
    return reverse("mixes:job_detail", args=[job.pk])


def lease_runs_out(job):
    MixJob.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.maintain_queue("long")


def backoff_is_over(job):
    MixJob.objects.filter(pk=job.pk).update(not_before=timezone.now() - timedelta(seconds=1))


def hashes(job):
    """Return the hashes of the files of a result."""
    rows = Artifact.objects.filter(job=job)
    return {row.kind: hashlib.sha256(storage.path_of(row.file).read_bytes()).hexdigest() for row in rows}


def check_undisturbed(job, work):
    """Check that the result equals one made without a fault and that nothing else is left."""
    job.refresh_from_db()
    assert job.state == State.DONE, job.error_text
    if not UNDISTURBED:
        other = mix_requests.request_mix(job.mix)
        work(other)
        UNDISTURBED.update(hashes(other))
    assert hashes(job) == UNDISTURBED
    assert not storage.scratch_path("mix", job.pk).exists()
    kept = {name for name in storage.stored_names() if name.startswith(storage.ARTIFACTS)}
    assert kept == set(Artifact.objects.values_list("file", flat=True))


def at_stage(wanted, deed):
    """Return a progress callback that calls `deed` once, during a stage."""
    done = []

    def at(stage, fraction):
        if stage == wanted and not done:
            done.append(stage)
            deed()

    return at


def die():
    raise Died


def in_order(text, *wanted):
    """Check that all sentences occur in this order."""
    place = 0
    for words in wanted:
        found = text.find(words, place)
        assert found >= 0, f"“{words}” is missing in: {text[:3000]}"
        place = found + len(words)


def listen(track):
    job = AnalysisJob.objects.get(track=track)
    token = AnalysisJob.objects.claim(job.pk, "test")
    run_claimed(ANALYSING, job.pk, token, beats=False)
    return Track.objects.get(pk=track.pk)


def add_file(owner, path, name, mix=None):
    copy = storage.uploads_folder() / f"copy-{path.name}"
    copy.write_bytes(path.read_bytes())
    return uploads.add_file(owner, name, copy, mix=mix).track


def announce(client, name, size, mix=None):
    metadata = f"filename {b64encode(name.encode()).decode()}"
    metadata += f",mix {b64encode(str(mix.pk).encode()).decode()}" if mix else ""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
    answer = client.post("/uploads/", b"", content_type="application/octet-stream", headers=headers)
    assert answer.status_code == 201, answer.content
    return answer["Location"]


def send(client, place, data, offset=0):
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    return client.patch(place, data, content_type="application/offset+octet-stream", headers=headers)
