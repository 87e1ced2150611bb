"""`prune_media`: what is deleted, what is kept, and that everything is reported."""

import io
import os
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mixes.models import Artifact, Artwork, Mix, MixJob, Track, Upload
from mixes.services import storage
from mixes.services.editing import edits
from mixes.services.editing.arrangement import change_settings
from mixes.services.maintenance import pruning
from mixes.tests.factories import make_artwork_row, make_job_row, make_mix_row, make_track_row

pytestmark = pytest.mark.django_db
DAYS_AGO = timezone.now() - timedelta(days=31)


def put_file(name, *, old=False):
    path = storage.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    return age(path) if old else path


def age(path, days=2):
    then = path.stat().st_mtime - days * 86_400
    os.utime(path, (then, then))
    return path


@pytest.fixture(autouse=True)
def by_written_time(monkeypatch):
    """Use the time of the last write: the time of the last move cannot be set back in a test."""
    monkeypatch.setattr(pruning, "age_s", lambda path: pruning.time.time() - path.stat().st_mtime)


@pytest.fixture
def library(alice):
    """A user with so many good files that one orphan is below the limit."""
    tracks = [make_track_row(alice) for _ in range(30)]
    return [put_file(track.file, old=True) for track in tracks]


@pytest.fixture
def prune(django_capture_on_commit_callbacks):
    def run(*arguments):
        out = io.StringIO()
        with django_capture_on_commit_callbacks(execute=True):
            call_command("prune_media", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_a_clean_site_has_nothing_to_delete(library, prune):
    assert "nothing to delete" in prune("--yes")
    assert all(path.exists() for path in library)


def test_without_yes_it_reports_and_deletes_nothing(library, alice, prune):
    orphan = put_file("tracks/zz/orphan", old=True)
    said = prune()
    assert "1  orphaned files" in said and "1000 bytes" in said and "--yes" in said
    assert orphan.exists()


def test_orphaned_files_are_kept_in_the_bin_for_thirty_days(library, prune):
    orphan = put_file("tracks/zz/orphan", old=True)
    prune("--yes")
    today = timezone.localdate()
    kept = storage.path_of(f"bin/{today}/tracks/zz/orphan")
    assert not orphan.exists() and kept.read_bytes() == b"x" * 1000
    assert "nothing to delete" in prune("--yes") and kept.exists()
    kept.parents[2].rename(storage.path_of(f"bin/{today - timedelta(days=31)}"))
    assert "days of media/bin" in prune("--yes")
    assert list(storage.path_of("bin").iterdir()) == []


def test_recent_orphans_are_kept(library, prune):
    young = put_file("artifacts/aa/young")
    assert "nothing to delete" in prune("--yes") and young.exists()


def test_a_wrong_database_is_detected_and_nothing_is_deleted(library, alice, prune):
    orphans = [put_file(f"tracks/zz/{n}", old=True) for n in range(2)]
    binned = make_mix_row(alice, deleted_at=DAYS_AGO)
    with pytest.raises(CommandError, match=r"2 of 32 files .* wrong database"):
        prune("--yes")
    assert all(path.exists() for path in orphans) and Mix.objects.filter(pk=binned.pk).exists()
    prune("--yes", "--many-orphans")
    assert not any(path.exists() for path in orphans)


def make_upload(owner, **fields):
    track = make_track_row(owner, state=Track.State.UPLOADING)
    fields = {"expires_at": timezone.now() + timedelta(days=1), **fields}
    upload = Upload.objects.create(owner=owner, track=track, size=5000, **fields)
    return upload, put_file(f"uploads/{upload.pk.hex}.part", old=True)


def test_expired_uploads_are_deleted(library, alice, prune):
    dead, dead_part = make_upload(alice, expires_at=timezone.now() - timedelta(hours=1))
    alive, alive_part = make_upload(alice)
    assert "1  unfinished uploads" in prune("--yes")
    assert not dead_part.exists() and not Track.objects.filter(pk=dead.track_id).exists()
    assert alive_part.exists() and Upload.objects.get() == alive


def test_a_file_moved_before_its_row_was_updated_is_no_orphan(library, alice, prune):
    upload, part = make_upload(alice)
    whole = put_file(pruning.tracks.file_name(upload.track_id), old=True)
    part.unlink()
    assert "nothing to delete" in prune("--yes") and whole.exists()


def put_result(mix):
    """Store the file of a job of `mix` that ended long ago."""
    job = MixJob.objects.create(
        owner=mix.owner,
        mix=mix,
        title="M",
        snapshot={},
        queue="long",
        state="done",
        check_sheet={},
        finished_at=DAYS_AGO,
    )
    name = "artifacts/aa/mix"
    Artifact.objects.create(job=job, kind="mp3", file=name, name="m.mp3", size=1000, sha256="0" * 64)
    return put_file(name, old=True)


def test_deleted_items_stay_in_the_bin_for_thirty_days(library, alice, prune):
    old, young = make_mix_row(alice, deleted_at=DAYS_AGO), make_mix_row(alice, deleted_at=timezone.now())
    gone = make_track_row(alice, deleted_at=DAYS_AGO)
    song = put_file(gone.file, old=True)
    result = put_result(old)
    said = prune("--yes")
    assert "1  mixes from the bin" in said and "1  tracks from the bin" in said
    assert not song.exists() and not result.exists()
    assert Mix.objects.get() == young and not Track.objects.filter(pk=gone.pk).exists()


def test_results_never_expire(library, alice, prune):
    result = put_result(make_mix_row(alice, tracks=0))
    assert "nothing to delete" in prune("--yes") and result.exists()


def test_scratch_folders_are_deleted_unless_their_job_is_open(library, alice, prune):
    job = MixJob.objects.create(
        owner=alice, mix=make_mix_row(alice, tracks=0), title="M", snapshot={}, queue="long"
    )
    working, stale, fresh = (storage.scratch_path("mix", pk) for pk in (job.pk, uuid.uuid4(), uuid.uuid4()))
    for folder in (working, stale, fresh):
        folder.mkdir(parents=True)
        (folder / "mix.wav").write_bytes(b"x")
    age(working), age(stale)
    assert "1  leftovers of jobs" in prune("--yes")
    assert working.exists() and fresh.exists() and not stale.exists()


def test_items_restored_from_the_bin_meanwhile_are_kept(library, alice):
    mix = make_mix_row(alice, deleted_at=DAYS_AGO)
    rubbish = pruning.find_rubbish()
    Mix.objects.filter(pk=mix.pk).update(deleted_at=None)
    pruning.remove_rubbish(rubbish)
    assert Mix.objects.filter(pk=mix.pk).exists()


def test_pictures_are_deleted_once_no_mix_revision_or_job_uses_them(library, alice, prune):
    shown, undone, run_with, unused, young = (make_artwork_row(alice) for _ in range(5))
    files = [put_file(name, old=True) for row in Artwork.objects.all() for name in (row.file, row.shown_file)]
    mix = make_mix_row(alice, artwork=shown)
    for picture in (undone.pk, None):
        mix = edits.edit(mix, None, "Picture", lambda a, pk=picture: change_settings(a, artwork_id=pk))
    mix = edits.edit(mix, None, "Picture", lambda a: change_settings(a, artwork_id=shown.pk))
    job = make_job_row(mix, "done")
    MixJob.objects.filter(pk=job.pk).update(snapshot={**job.snapshot, "picture": run_with.file})
    Artwork.objects.exclude(pk=young.pk).update(created_at=DAYS_AGO)
    assert "1  unused pictures: 1000 bytes" in prune("--yes")
    assert set(Artwork.objects.all()) == {shown, undone, run_with, young}
    assert [path for path in files if not path.exists()] == [
        storage.path_of(unused.file),
        storage.path_of(unused.shown_file),
    ]


def test_a_picture_used_again_meanwhile_is_kept(library, alice):
    picture = make_artwork_row(alice)
    Artwork.objects.update(created_at=DAYS_AGO)
    rubbish = pruning.find_rubbish()
    make_mix_row(alice, artwork=picture)
    pruning.remove_rubbish(rubbish)
    assert rubbish.pictures == (picture,) and Artwork.objects.get() == picture
