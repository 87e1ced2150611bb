"""Files of dead processes are removed soon; files in use are kept."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mixes.jobs import preview_job
from mixes.models import Preview
from mixes.services import storage
from mixes.services.library import artwork, scratch
from mixes.services.library.form_uploads import ReceivedFile


@pytest.fixture
def long_ago(monkeypatch):
    """Make all files old enough to be removed."""
    monkeypatch.setattr(scratch, "MIN_AGE_S", -1)


def put_leftovers():
    folder = storage.uploads_folder()
    (folder / "form-abc.part").write_bytes(b"x")
    (folder / "picture-abc").mkdir()
    (folder / "picture-abc" / "source").write_bytes(b"x")
    upload = f"{uuid.uuid4().hex}.part"
    (folder / upload).write_bytes(b"it can be gone on with")
    return upload


def uploaded_names():
    return sorted(path.name for path in storage.uploads_folder().iterdir())


def test_unlocked_files_are_removed_and_uploads_stay(long_ago):
    upload = put_leftovers()
    scratch.clean_up()
    assert uploaded_names() == [upload]


def test_recent_files_are_kept_because_they_may_not_be_locked_yet():
    put_leftovers()
    scratch.clean_up()
    assert len(uploaded_names()) == 3


def test_a_form_file_is_kept_while_its_request_runs(long_ago):
    file = ReceivedFile("song.mp3", "audio/mpeg", None, None)
    scratch.clean_up()
    assert file.path.exists()
    path = file.path
    file.path = path.with_name("elsewhere")  # a dying request removes nothing
    file.close()
    scratch.clean_up()
    assert not path.exists()


def test_a_picture_is_kept_while_it_is_read(long_ago, monkeypatch, alice):
    seen = []

    def read_slowly(source, *_, **__):
        scratch.clean_up()
        seen.append(source.exists())
        raise artwork.PictureError(source, "is damaged and cannot be read.")

    monkeypatch.setattr(artwork, "safe_picture", read_slowly)
    with pytest.raises(artwork.PictureRefused):
        artwork.add_artwork(alice, SimpleUploadedFile("cover.png", b"x"))
    assert seen == [True] and uploaded_names() == []


def test_work_folders_of_previews_without_a_worker_are_removed(alice):
    waiting = Preview.objects.create(owner=alice, kind="join", key="k", recipe={"tracks": []}, queue="short")
    for pk in (waiting.pk, uuid.uuid4()):
        storage.scratch_path("preview", pk).mkdir(parents=True)
    preview_job.clean_up()
    assert list(storage.path_of(storage.SCRATCH).iterdir()) == [storage.scratch_path("preview", waiting.pk)]
