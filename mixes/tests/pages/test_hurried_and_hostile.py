"""Requests that no button sends: concurrent presses and hostile searches."""

import dataclasses
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from mixes.models import Artwork, Mix
from mixes.services import demo, limits
from mixes.services.library import artwork
from mixes.tests.factories import make_mix_row

pytestmark = pytest.mark.django_db


def test_of_two_presses_at_once_one_adds_the_demo_set(alice, monkeypatch):
    write = demo._write_missing

    def write_slowly(ready, folder):
        monkeypatch.setattr(demo, "_write_missing", write)
        demo.add_demo_set(alice)  # the concurrent press, which is faster
        return write(ready, folder)

    monkeypatch.setattr(demo, "_write_missing", write_slowly)
    demo.add_demo_set(alice)
    assert Mix.objects.get().items.count() == 3


def test_concurrent_pictures_do_not_exceed_the_limit(alice, settings, monkeypatch):
    read = artwork.safe_picture

    def picture():
        buffer = io.BytesIO()
        Image.new("RGB", (300, 500)).save(buffer, "PNG")
        return SimpleUploadedFile("cover.png", buffer.getvalue())

    def read_slowly(*args, **kwargs):
        monkeypatch.setattr(artwork, "safe_picture", read)
        size = artwork.add_artwork(alice, picture()).size  # the concurrent request, which is faster
        settings.LIMITS = dataclasses.replace(settings.LIMITS, storage_bytes=size + 1)
        return read(*args, **kwargs)

    monkeypatch.setattr(artwork, "safe_picture", read_slowly)
    with pytest.raises(limits.LimitReached):
        artwork.add_artwork(alice, picture())
    assert Artwork.objects.count() == 1


@pytest.mark.parametrize("name", ["mix_list", "mix_add", "track_list"])
def test_a_search_with_a_thousand_words_works(as_alice, alice, name):
    args = (make_mix_row(alice, tracks=1).pk,) if name == "mix_add" else ()
    assert as_alice.get(reverse(f"mixes:{name}", args=args), {"q": "a " * 2000}).status_code == 200
