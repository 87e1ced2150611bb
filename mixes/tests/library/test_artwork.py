"""Artwork: safe pictures are stored and re-encoded, all others refused with a sentence."""

import io
import uuid

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from mixes.models import Artwork, Mix
from mixes.services import limits, storage
from mixes.services.editing import history
from mixes.services.library.artwork import add_artwork, purge_artwork
from mixes.services.library.tracks import restore_track


def picture(name="cover.png", size=(300, 500), colour=(200, 30, 30)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return SimpleUploadedFile(name, buffer.getvalue())


def messages_of(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_picture_is_stored_unchanged_and_shown_as_our_own_jpeg(as_alice, mix):
    before = limits.storage_used(mix.owner)
    response = as_alice.post(f"/mixes/{mix.pk}/artwork/", {"picture": picture()})
    assert response.headers["Location"] == f"/mixes/{mix.pk}/look/"
    artwork = Artwork.objects.get()
    mix.refresh_from_db()
    assert mix.artwork == artwork
    assert storage.path_of(artwork.file).read_bytes() == picture().read()
    shown = as_alice.get(f"/artworks/{artwork.pk}/")
    assert shown["Content-Type"] == "image/jpeg"
    seen = Image.open(io.BytesIO(b"".join(shown)))
    assert (seen.format, seen.size) == ("JPEG", (1280, 720))
    red, green, blue = seen.getpixel((640, 360))
    assert red > 150 > 80 > max(green, blue)
    assert artwork.size == sum(
        storage.path_of(name).stat().st_size for name in (artwork.file, artwork.shown_file)
    )
    assert limits.storage_used(mix.owner) - before == artwork.size
    assert list(storage.uploads_folder().iterdir()) == []


def test_undo_restores_a_removed_picture(as_alice, mix):
    as_alice.post(f"/mixes/{mix.pk}/artwork/", {"picture": picture()})
    as_alice.post(f"/mixes/{mix.pk}/artwork/", {"remove": "1"})
    assert Mix.objects.get().artwork is None
    history.undo(Mix.objects.get(), None, restore_track)
    assert Mix.objects.get().artwork == Artwork.objects.get()


@pytest.mark.parametrize("data", [b"<svg onload=alert(1)>", b"", picture().read()[:60]])
def test_a_file_that_is_no_picture_is_refused_by_name(as_alice, mix, data):
    response = as_alice.post(f"/mixes/{mix.pk}/artwork/", {"picture": SimpleUploadedFile("x.png", data)})
    assert messages_of(response)[0].startswith("x.png: " if data else "x.png")
    assert not Artwork.objects.exists()
    assert not list(storage.path_of("pictures").rglob("*.jpg"))


def test_a_picture_that_is_too_large_is_refused(as_alice, mix, settings):
    settings.LIMITS = type(settings.LIMITS)(picture_bytes=100)
    response = as_alice.post(f"/mixes/{mix.pk}/artwork/", {"picture": picture()})
    assert "a picture may have 100\xa0bytes at most" in messages_of(response)[0]


def test_an_empty_picture_form_is_reported(as_alice, mix):
    assert messages_of(as_alice.post(f"/mixes/{mix.pk}/artwork/")) == ["Choose a picture first."]


def test_only_the_owner_sees_a_picture(as_alice, as_bob, as_nobody, alice, mix):
    artwork = add_artwork(alice, picture())
    address = f"/artworks/{artwork.pk}/"
    assert as_bob.get(address).status_code == 404
    assert as_bob.post(f"/mixes/{mix.pk}/artwork/", {"picture": picture()}).status_code == 404
    for response in (as_nobody.get(address), as_nobody.post(f"/mixes/{mix.pk}/artwork/")):
        assert "/accounts/login/" in response.headers["Location"]
    assert as_alice.post(address).status_code == 405
    assert as_alice.get(f"/mixes/{mix.pk}/artwork/").status_code == 405
    assert as_alice.get(f"/artworks/{uuid.uuid4()}/").status_code == 404


def test_purging_a_picture_removes_its_files(alice, mix, django_capture_on_commit_callbacks):
    artwork = add_artwork(alice, picture())
    with django_capture_on_commit_callbacks(execute=True):
        purge_artwork(artwork)
    assert not [path for path in storage.path_of("pictures").rglob("*") if path.is_file()]
