"""Thumbnails: the mix's own picture, or an uploaded one, which is untrusted."""

import errno

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mixes.services import storage
from mixes.services.limits import LimitReached
from mixes.tests.factories import make_artwork_row
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubePublication
from youtube_integration.services import publications
from youtube_integration.services.thumbnails import draw_thumbnail, read_thumbnail
from youtube_integration.tests.results import as_pixels, picture

pytestmark = pytest.mark.django_db


def test_an_uploaded_picture_is_re_encoded_and_made_small():
    jpeg = read_thumbnail(SimpleUploadedFile("mine.png", picture((3000, 3000))))
    assert as_pixels(jpeg).size == (1280, 720) and as_pixels(jpeg).format == "JPEG"
    with pytest.raises(LimitReached, match="svg"):
        read_thumbnail(SimpleUploadedFile("mine.svg", b"<svg onload='alert(1)'/>"))


def test_the_picture_is_the_one_of_the_mix(alice, job):
    artwork = make_artwork_row(alice)
    path = storage.path_of(artwork.shown_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture((1280, 720), "JPEG"))
    job.snapshot["picture"] = artwork.file
    red, green, blue = as_pixels(draw_thumbnail(job)).getpixel((5, 5))
    assert red < 10 and 120 < green < 136 and 120 < blue < 136
    path.unlink()
    assert as_pixels(draw_thumbnail(job)).size == (1280, 720)


def test_a_full_disk_is_reported(credential, job, monkeypatch):
    def no_room(source, name):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "store", no_room)
    with pytest.raises(LimitReached, match="disk is full"):
        publications.request_publication(job.owner, job, VideoDetails("Evenings", "0:00 A", ("mix",)))
    assert not YouTubePublication.objects.exists()
