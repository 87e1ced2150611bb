"""Forms sent twice, from two tabs or by a double click: the second one changes nothing and fails nowhere."""

import io

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from mixes.leases import State
from mixes.models import Mix, MixJob, Track
from mixes.services import storage
from mixes.services.editing import edits
from mixes.services.rendering import mix_requests
from mixes.tests.factories import make_artifact_row, make_job_row, make_track_row

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 4096  # 1 MB, more than one read
LONG_AGO = "2020-01-01T00:00:00Z"


def binned_mix(mix):
    edits.bin_mix(mix)
    return mix


def binned_track(mix):
    track = mix.items.first().track
    Track.objects.filter(pk=track.pk).update(deleted_at=timezone.now())
    return track


FORMS = {  # the row each form acts on, from a mix
    "mix_make": lambda mix: mix,
    "mix_delete": lambda mix: mix,
    "mix_restore": binned_mix,
    "track_delete": lambda mix: make_track_row(mix.owner),  # unused: for others it asks first
    "track_restore": binned_track,
    "job_cancel": lambda mix: make_job_row(mix),
    "job_retry": lambda mix: make_job_row(mix, State.FAILED),
    "job_delete": lambda mix: make_job_row(mix, State.DONE, files=["mp3"]),
}


def count_all():
    return {
        "mixes": Mix.objects.count(),
        "binned mixes": Mix.objects.exclude(deleted_at=None).count(),
        "tracks": Track.objects.count(),
        "binned tracks": Track.objects.exclude(deleted_at=None).count(),
        "jobs": sorted(MixJob.objects.values_list("state", flat=True)),
    }


@pytest.mark.parametrize("name", FORMS)
def test_a_form_sent_twice_takes_effect_once(as_alice, mix, name):
    place = reverse(f"mixes:{name}", args=[FORMS[name](mix).pk])
    before = count_all()
    assert as_alice.post(place).status_code == 302
    after = count_all()
    assert after != before
    second = as_alice.post(place)
    assert count_all() == after
    if second.status_code != 302:
        assert second.status_code == 404 and "<h1" in second.content.decode(), "it has no page"


def delete_the_job(artifact):
    mix_requests.delete_job(artifact.job)


def put_the_file_aside(artifact):
    storage.move_to_bin(artifact.file, "2030-01-01")


def delete_the_mix(artifact):
    edits.purge_mix(artifact.job.mix)


def sweep(artifact):
    Mix.objects.update(deleted_at=LONG_AGO)
    call_command("prune_media", "--yes", stdout=io.StringIO())


@pytest.mark.parametrize("deed", [delete_the_job, put_the_file_aside, delete_the_mix, sweep])
def test_a_download_completes_after_its_file_is_deleted(
    as_alice, mix, deed, django_capture_on_commit_callbacks
):
    artifact = make_artifact_row(make_job_row(mix, State.DONE), content=CONTENT)
    place = reverse("mixes:artifact_download", args=[artifact.pk])
    download = iter(as_alice.get(place))
    begin = next(download)
    assert len(begin) < len(CONTENT)
    with django_capture_on_commit_callbacks(execute=True):
        deed(artifact)
    assert not storage.path_of(artifact.file).exists()
    assert begin + b"".join(download) == CONTENT
    late = as_alice.get(place)
    assert late.status_code == 404 and "<h1" in late.content.decode()
