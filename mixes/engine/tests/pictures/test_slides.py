"""Slides of a video: when each is shown, how pictures fill the frame, where words stand."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mixes.engine.pictures.look import PLACES, VideoLook
from mixes.engine.pictures.picture_reader import contain, crop, open_picture
from mixes.engine.pictures.pictures import (
    generated_picture,
    layout_of,
    safe_picture,
    title_card,
    title_on,
    wave_box,
)
from mixes.engine.pictures.slides import PlannedSlide, Scene, draw_background, plan_slides
from mixes.engine.tracklist.chapters import Chapter

RATE = 1000
SIZES = ((640, 360), (360, 640), (360, 360))
SCENE = Scene("A mix", "Ada", None, VideoLook(), has_cards=True, outline=((-0.5, 0.5),) * 100)
CHAPTERS = tuple(Chapter(start, RATE, f"Song {start}", "Band") for start in (0, 10_000, 12_500))


@pytest.mark.parametrize(
    ("card_s", "wanted"),
    [
        (None, [(1, 0), (2, 10_000), (3, 12_500)]),
        (
            2.0,
            [(1, 0), (None, 2_000), (2, 10_000), (3, 12_500), (None, 14_500)],
        ),  # half a second is too short
        (600.0, [(1, 0), (2, 10_000), (3, 12_500)]),
    ],
)
def test_a_card_is_shown_as_long_as_asked_or_until_the_next(card_s, wanted):
    scene = replace(SCENE, look=VideoLook(card_s=card_s))
    assert plan_slides(scene, CHAPTERS, 30_000, RATE) == [PlannedSlide(*slide) for slide in wanted]


def test_without_cards_or_songs_there_is_one_picture():
    assert plan_slides(replace(SCENE, has_cards=False), CHAPTERS, 30_000, RATE) == [PlannedSlide(None, 0)]
    assert plan_slides(SCENE, (), 30_000, RATE) == [PlannedSlide(None, 0)]


def ramp(width, height):
    """Return a picture whose red is its column and whose green is its row, both from 0 to 255."""
    columns, rows = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.dstack([columns, rows, 0 * rows]).round().astype(np.uint8))


@pytest.mark.parametrize(
    ("focus", "middle"),
    [((0.5, 0.5), (127, 127)), ((0.0, 0.5), (42, 127)), ((1.0, 0.5), (212, 127)), ((0.4, 0.9), (102, 127))],
)
def test_a_filled_frame_shows_the_focus_in_its_middle_as_far_as_the_picture_reaches(focus, middle):
    shown = crop(ramp(300, 100), (100, 100), focus)
    red, green, _blue = shown.getpixel((50, 50))
    assert abs(red - middle[0]) <= 2
    assert abs(green - middle[1]) <= 2
    sides = np.asarray(shown)[50, [0, -1], 0].astype(int)
    assert abs(int(sides[1] - sides[0]) - 84) <= 2, "it is stretched"


def test_filling_is_done_by_the_limited_child(tmp_path):
    ramp(300, 100).save(tmp_path / "ramp.png")
    safe_picture(
        tmp_path / "ramp.png", (100, 100), tmp_path / "out.png", look=VideoLook(fill=True, focus_x=1.0)
    )
    wanted = crop(ramp(300, 100), (100, 100), (1.0, 0.5))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(wanted))
    safe_picture(tmp_path / "ramp.png", (100, 100), tmp_path / "whole.png")
    wanted = contain(ramp(300, 100), (100, 100))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "whole.png")), np.asarray(wanted))


def test_a_long_picture_keeps_enough_pixels_to_fill_the_frame(tmp_path):
    ramp(4000, 200).save(tmp_path / "long.png")
    assert open_picture(tmp_path / "long.png", (160, 90), covers=True).height == 200
    assert open_picture(tmp_path / "long.png", (160, 90)).height < 50


def letters(path):
    """Return first and last row and column of the white letters, as shares of the picture."""
    pixels = np.asarray(Image.open(path)).min(axis=2) > 200
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    height, width = pixels.shape
    return rows[0] / height, rows[-1] / height, columns[0] / width, columns[-1] / width


@pytest.fixture
def grey(tmp_path):
    def make(size):
        Image.new("RGB", size, (120, 120, 120)).save(tmp_path / "grey.png")
        return tmp_path / "grey.png"

    return make


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("title_size", ["small", "large"])
def test_words_stand_where_they_are_asked_to(tmp_path, grey, size, place, title_size):
    look = VideoLook(title_place=place, card_place=place, title_size=title_size)
    title_on(grey(size), "Evenings", "Ada", tmp_path / "title.png", look=look)
    title_card(grey(size), "Evenings", "Ada", 3, tmp_path / "card.png", look=look)
    for name in ("title.png", "card.png"):
        top, bottom, left, right = letters(tmp_path / name)
        margin = layout_of(size).margin / size[0]
        assert left >= margin - 0.02
        assert right <= 1 - margin + 0.02
        if "left" in place:
            assert left < margin + 0.03
        else:
            assert abs((left + right) / 2 - 0.5) < 0.02
        wanted = {"bottom": bottom > 0.65, "top": top < 0.35 and bottom < 0.5, "middle": top < 0.5 < bottom}
        assert wanted[place.partition("-")[0]]


def test_larger_words_are_larger(tmp_path, grey):
    heights = []
    for title_size in ("small", "normal", "large"):
        title_on(grey((640, 360)), "H", "", tmp_path / "a.png", look=VideoLook(title_size=title_size))
        top, bottom, _left, _right = letters(tmp_path / "a.png")
        heights.append(bottom - top)
    assert heights[0] < heights[1] < heights[2]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES)
def test_the_waveform_of_a_drawn_picture_makes_room_for_the_title(size, place):
    _left, top, _right, bottom = wave_box(layout_of(size), place)
    assert 0 <= top < bottom <= size[1]
    if place.startswith("top"):
        assert top > 0.4 * size[1]
    if place == "middle":
        assert top > 0.55 * size[1]


@pytest.mark.parametrize(
    ("title", "has_cards", "has_picture", "is_cover", "shows"),
    [
        ("drawn", False, False, False, True),
        ("drawn", True, False, False, False),
        ("drawn", True, False, True, True),
        ("drawn", False, True, False, False),
        ("always", True, False, False, True),
        ("always", True, True, False, True),
        ("never", False, False, False, False),
        ("never", False, False, True, False),
    ],
)
def test_the_title_stands_on_the_pictures_that_are_asked_for(
    tmp_path, grey, title, has_cards, has_picture, is_cover, shows
):
    size, picture = (640, 360), None
    if has_picture:
        picture = grey(size)
    scene = replace(SCENE, picture=picture, has_cards=has_cards, look=VideoLook(title=title))
    bare = replace(scene, look=VideoLook(title="never"))
    draw_background(scene, size, tmp_path / "a.png", is_cover=is_cover)
    draw_background(bare, size, tmp_path / "b.png", is_cover=is_cover)
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes() or not shows
    assert shows or (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_artist_can_be_left_off_a_card(tmp_path, grey):
    cards = []
    for artist, card_artist in (("Ada", True), ("Ada", False), ("", True)):
        title_card(
            grey((640, 360)), "Song", artist, 1, tmp_path / "c.png", look=VideoLook(card_artist=card_artist)
        )
        cards.append((tmp_path / "c.png").read_bytes())
    assert cards[0] != cards[1] == cards[2]


def test_only_what_differs_from_the_usual_look_is_stored():
    assert VideoLook().to_json() == {}
    look = VideoLook(fill=True, card_s=4.0)
    assert look.to_json() == {"fill": True, "card_s": 4.0}
    assert VideoLook(**look.to_json()) == look


def test_a_drawn_picture_without_words_has_its_wave_where_it_was(tmp_path):
    peaks = ((-0.5, 0.5),) * 100
    for name, look in (("a", VideoLook()), ("b", VideoLook(title_place="top"))):
        generated_picture("Mix", "Ada", peaks, (640, 360), tmp_path / f"{name}.png", text=False, look=look)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
