"""A show as one file: it comes back with everything, and a file that holds none is refused in words."""

import io
import json
import zipfile
from datetime import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from mixes.models import Artwork, Show, Track
from mixes.services import storage
from mixes.services.library.artwork import add_artwork
from mixes.services.shows import presets
from mixes.tests.factories import make_mix_row, make_track_row, make_track_with_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def show(alice, sounds):
    fields = {
        "style": "radio",
        "transition_s": 6.5,
        "target_lufs": None,
        "max_play_s": 150.0,
        "make_mp4": True,
        "description_template": "{title}\n{tracklist}",  # without spaces at its end, which forms take off
    }
    show = presets.save_as_show(make_mix_row(alice, "Évenings #41", hashtags="a b", artist="Ada", **fields))
    picture = io.BytesIO()
    Image.new("RGB", (320, 180), "teal").save(picture, "PNG")
    artwork = add_artwork(alice, SimpleUploadedFile("sea.png", picture.getvalue()))
    intro = make_track_with_file(alice, "Rain", *sounds[0], name="Rain.wav")
    about = {"publish_hour": time(20, 30), "playlist": "PL1", "tags": "deep, house", "intro": intro}
    presets.change_show(show, {"artwork_id": artwork.pk}, **about)
    return Show.objects.get(pk=show.pk)


def exported(client, show):
    return b"".join(client.get(reverse("mixes:show_file", args=[show.pk])))


def send(client, content, name="a.mixtape-show.zip"):
    return client.post(reverse("mixes:show_import"), {"file": SimpleUploadedFile(name, content)}, follow=True)


def repacked(content, change):
    """Return the archive with its JSON changed."""
    source = zipfile.ZipFile(io.BytesIO(content))
    data = json.loads(source.read("show.json"))
    change(data)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, json.dumps(data) if name == "show.json" else source.read(name))
    return target.getvalue()


def test_a_show_comes_back_for_another_user(as_alice, as_bob, bob, show):
    answer = send(as_bob, exported(as_alice, show))
    assert answer.status_code == 200
    back = Show.objects.get(owner=bob)
    assert {**back.preset, "artwork_id": None} == {**show.preset, "artwork_id": None}
    same = (
        "name",
        "title_pattern",
        "next_number",
        "ends_unlisted",
        "privacy",
        "publish_hour",
        "playlist",
        "tags",
    )
    assert [getattr(back, name) for name in same] == [getattr(show, name) for name in same]
    assert back.next_number == 42
    pictures = [Artwork.objects.get(pk=one.preset["artwork_id"]) for one in (show, back)]
    assert pictures[1].owner == bob
    originals = [storage.path_of(picture.file).read_bytes() for picture in pictures]
    assert originals[0] == originals[1]
    assert back.intro.owner == bob
    files = [storage.path_of(one.intro.file).read_bytes() for one in (show, back)]
    assert files[0] == files[1]
    assert back.outro is None


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"PK\x05\x06" + bytes(18)],
    ids=["empty", "other file", "empty archive"],
)
def test_another_file_is_refused_in_words(as_bob, content):
    answer = send(as_bob, content)
    assert b"holds no show" in answer.content or b"Choose a file" in answer.content
    assert not Show.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["settings"].update(style="explode"),
        lambda data: data["settings"].update(transition_s=1e9),
        lambda data: data["settings"].update(target_lufs=float("nan")),
        lambda data: data["settings"].update(make_mp3=False, make_mp4=False),
        lambda data: data["about"].update(title_pattern="{nothing}"),
        lambda data: data["about"].update(next_number=-1),
        lambda data: data["about"].update(privacy="everyone"),
        lambda data: data["about"].update(name=[1]),
        lambda data: data.update(format=99),
        lambda data: data.update(settings=[]),
    ],
)
def test_values_that_no_page_sends_are_refused(as_alice, as_bob, bob, show, change):
    answer = send(as_bob, repacked(exported(as_alice, show), change))
    assert answer.status_code == 200
    assert not Show.objects.filter(owner=bob).exists()


def test_unknown_values_and_missing_files_do_no_harm(as_alice, as_bob, bob, show):
    def change(data):
        data["settings"].update(later_setting=True, title="Taken over", artwork_id="x")
        data["files"].update(outro="outro/nowhere.wav", secret="../../etc/passwd")
        del data["settings"]["soften"]

    send(as_bob, repacked(exported(as_alice, show), change))
    back = Show.objects.get(owner=bob)
    assert back.outro is None
    assert back.preset["title"] == ""
    assert not back.preset["soften"]


def test_a_damaged_song_is_left_out_and_named(as_alice, as_bob, bob, show):
    content = exported(as_alice, show)
    place = content.index(b"RIFF") + 1000
    answer = send(as_bob, content[:place] + b"\xff\xff\xff" + content[place + 3 :])
    assert b"damaged" in answer.content
    assert Show.objects.get(owner=bob).intro is None
    assert not Track.objects.filter(owner=bob).exists()


def test_songs_of_others_are_in_no_file(as_alice, alice, bob, show):
    make_track_row(bob, "Secret")
    names = zipfile.ZipFile(io.BytesIO(exported(as_alice, show))).namelist()
    assert names == ["show.json", "picture/sea.png", "intro/rain.wav"]
