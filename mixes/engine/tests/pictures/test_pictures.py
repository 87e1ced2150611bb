"""Tests of pictures: reading untrusted files, generated pictures and title cards."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms

from mixes.engine.errors import Cancelled, EngineError, PictureError
from mixes.engine.pictures import picture_reader, pictures
from mixes.engine.pictures.backdrop import bar_heights, palette_of
from mixes.engine.pictures.lettering import Lettering
from mixes.engine.pictures.pictures import (
    COVER_MAX_BYTES,
    COVER_SIZE,
    VIDEO_SIZES,
    cover_jpeg,
    generated_picture,
    layout_of,
    safe_picture,
    title_card,
)

SIZE = (320, 180)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
ORIENTATION = 0x0112  # EXIF tag
# Corner of the red quarter after the correction, by EXIF orientation
RED_CORNER = {1: "nw", 2: "ne", 3: "se", 4: "sw", 5: "nw", 6: "ne", 7: "se", 8: "sw"}


def corner_picture(size=(160, 90)):
    """Return a black picture whose upper left quarter is red."""
    picture = Image.new("RGB", size)
    picture.paste(RED, (0, 0, size[0] // 2, size[1] // 2))
    return picture


def red_corner(picture):
    """Return the name of the red corner; fail unless there is exactly one."""
    width, height = picture.size
    points = {"nw": (2, 2), "ne": (width - 3, 2), "sw": (2, height - 3), "se": (width - 3, height - 3)}
    (corner,) = [name for name, point in points.items() if picture.getpixel(point)[0] > 200]
    return corner


def opened(path, size=SIZE):
    return picture_reader.open_picture(path, size)


def close_to(colour, wanted, tolerance=6):
    return max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) <= tolerance


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_declaring(width, height):
    """Return a small PNG file whose header declares a picture of this size."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture
def peaks(rng):
    heights = np.clip(0.6 + 0.3 * np.sin(np.linspace(0, 30, 800)) + rng.normal(0, 0.05, 800), 0, 1)
    return [(-float(height), float(height)) for height in heights]


def test_a_picture_becomes_a_plain_png_of_the_video_s_size(tmp_path):
    source, out = tmp_path / "stored", tmp_path / "safe.png"
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    corner_picture((640, 480)).save(source, "JPEG", quality=95, exif=exif, icc_profile=profile)

    safe_picture(source, SIZE, out)

    with Image.open(out) as result:
        assert (result.format, result.mode, result.size) == ("PNG", "RGB", SIZE)
        assert result.info == {}
        assert close_to(result.getpixel((80, 45)), RED)
        assert close_to(result.getpixel((240, 135)), (0, 0, 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["safe.png", "stored"]


def test_the_whole_picture_shows_unstretched_over_a_darker_fill(tmp_path):
    stripes = Image.new("RGB", (100, 100), (200, 200, 200))
    stripes.paste(RED, (0, 0, 10, 100))
    stripes.paste(BLUE, (90, 0, 100, 100))

    result = picture_reader.contain(stripes, SIZE)

    assert result.size == SIZE
    row = [result.getpixel((x, 90)) for x in range(SIZE[0])]
    reds = [x for x, colour in enumerate(row) if close_to(colour, RED, 40)]
    blues = [x for x, colour in enumerate(row) if close_to(colour, BLUE, 40)]
    assert (reds[0], blues[-1]) == (70, 249)  # 180 pixels in the middle of 320
    assert len(reds) == pytest.approx(18, abs=1)
    assert max(max(colour) for colour in row[:68]) < 150


@pytest.mark.parametrize("size", [(2, 5000), (5000, 2), (333, 77), (1921, 1081), (319, 180), (2, 2)])
@pytest.mark.parametrize("wanted", [(192, 108), (108, 192), (108, 108)])
def test_a_picture_of_any_shape_gets_exactly_the_requested_size(size, wanted):
    assert picture_reader.contain(Image.new("RGB", size, GREEN), wanted).size == wanted


@pytest.mark.parametrize("orientation", RED_CORNER)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_exif_orientation_is_applied(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    corner_picture().save(tmp_path / "turned", kind, exif=exif)

    result = opened(tmp_path / "turned")

    assert (result.width > result.height) == (orientation < 5)
    assert red_corner(result) == RED_CORNER[orientation]


def half_transparent(mode):
    picture = Image.new("RGBA", (40, 40), (*BLUE, 0))
    picture.paste((*RED, 255), (0, 0, 20, 40))
    return picture.convert(mode) if mode != "RGBA" else picture


def test_a_transparent_picture_gets_a_contrasting_backdrop(tmp_path):
    half_transparent("RGBA").save(tmp_path / "colour.png")
    half_transparent("P").save(tmp_path / "palette.gif", transparency=half_transparent("P").getpixel((30, 0)))
    white = Image.new("LA", (40, 40), (255, 0))
    white.paste((255, 255), (0, 0, 20, 40))
    white.save(tmp_path / "white.png")
    Image.new("RGB", (40, 40), GREEN).save(tmp_path / "key.png", transparency=GREEN)

    for name in ("colour.png", "palette.gif"):
        assert close_to(opened(tmp_path / name).getpixel((5, 20)), RED)
        assert close_to(opened(tmp_path / name).getpixel((35, 20)), picture_reader.LIGHT)
    assert close_to(opened(tmp_path / "white.png").getpixel((5, 20)), (255, 255, 255))
    assert close_to(opened(tmp_path / "white.png").getpixel((35, 20)), picture_reader.DARK)
    with pytest.raises(picture_reader.RefusedPicture, match="transparent everywhere"):
        opened(tmp_path / "key.png")


def test_every_pixel_format_keeps_its_colour(tmp_path):
    grey = np.full((40, 40), 0x8000, np.uint16)
    Image.fromarray(grey).save(tmp_path / "16 bit.png")
    Image.fromarray(grey.astype(np.int32)).save(tmp_path / "32 bit.tiff")
    Image.fromarray(np.full((40, 40), 0.5, np.float32)).save(tmp_path / "float.tiff")
    Image.new("L", (40, 40), 128).save(tmp_path / "grey.bmp")
    Image.new("LA", (40, 40), (128, 255)).save(tmp_path / "grey alpha.png")
    for path in tmp_path.iterdir():
        assert close_to(opened(path).getpixel((20, 20)), (128, 128, 128)), path.name
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    Image.new("RGB", (40, 40), RED).quantize(4).save(tmp_path / "palette.png")
    for name in ("print.jpg", "palette.png"):
        assert close_to(opened(tmp_path / name).getpixel((20, 20)), RED, 12), name
    Image.new("1", (40, 40), 1).save(tmp_path / "black and white.png")
    assert opened(tmp_path / "black and white.png").getpixel((20, 20)) == (255, 255, 255)


def test_a_colour_profile_is_applied_and_a_broken_one_ignored(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.new("RGB", (40, 40), RED).save(tmp_path / "wrong kind.png", icc_profile=lab)
    Image.new("RGB", (40, 40), RED).save(tmp_path / "rubbish.png", icc_profile=b"rubbish")
    for name in ("wrong kind.png", "rubbish.png"):
        assert opened(tmp_path / name).getpixel((20, 20)) == RED

    linear = linear_srgb_profile()
    Image.new("RGB", (40, 40), (55, 55, 55)).save(tmp_path / "linear.png", icc_profile=linear)
    assert close_to(opened(tmp_path / "linear.png").getpixel((20, 20)), (128, 128, 128), 3)


def linear_srgb_profile():
    """Return the sRGB profile with linear curves: its 55 of 255 is 128 in sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    for index in range(count):
        tag, offset, length = struct.unpack_from(">4sII", data, 132 + 12 * index)
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(8)  # a curve of no points: a straight line
            assert length >= 12
    return bytes(data)


def test_only_the_first_frame_of_an_animation_is_used(tmp_path):
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "AVIF", "PNG", "TIFF", "MPO"):
        frames[0].save(tmp_path / "moving", kind, save_all=True, append_images=frames[1:])
        assert close_to(opened(tmp_path / "moving").getpixel((20, 20)), RED), kind


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", picture_reader.NOT_A_PICTURE),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/passwd'/></svg>",
            picture_reader.NOT_A_PICTURE,
        ),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", picture_reader.NOT_A_PICTURE),
        (png_declaring(12000, 12000), picture_reader.TOO_LARGE),
        (png_declaring(60000, 60000), picture_reader.TOO_LARGE),
        (png_declaring(30000, 100), picture_reader.TOO_LONG),
        (png_declaring(1, 1), picture_reader.TOO_SMALL),
        (png_declaring(400, 400), picture_reader.DAMAGED),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), picture_reader.UNIDENTIFIED),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0shn=\xbf" + bytes(40), picture_reader.UNIDENTIFIED),
        (b"GIF89a" + bytes(40), picture_reader.UNIDENTIFIED),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), picture_reader.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40), picture_reader.HEIC),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(40), picture_reader.UNIDENTIFIED),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41" + bytes(40), picture_reader.NOT_A_PICTURE),
    ],
    ids=[
        "empty",
        "svg",
        "eps",
        "bomb",
        "larger bomb",
        "line",
        "dot",
        "cut short",
        "broken PNG",
        "broken JPEG",
        "empty GIF",
        "HEIC",
        "HEIF",
        "empty AVIF",
        "film",
    ],
)
def test_an_unusable_picture_is_refused_in_one_sentence(tmp_path, content, reason):
    source, out = tmp_path / "a7", tmp_path / "safe.png"
    source.write_bytes(content)

    with pytest.raises(PictureError) as refusal:
        safe_picture(source, SIZE, out, name="my photo.jpg")

    assert str(refusal.value) == f"my photo.jpg: {reason}"
    assert list(tmp_path.iterdir()) == [source]


def test_a_missing_picture_and_a_failed_reader_are_reported_in_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(PictureError, match="could not be found"):
        safe_picture(tmp_path / "none.png", SIZE, tmp_path / "safe.png")
    (tmp_path / "some.png").write_bytes(b"x")

    def dies(*_, **__):
        raise EngineError("killed")

    for reader in (dies, lambda *_, **__: {}):  # the second reports success but writes nothing
        monkeypatch.setattr(pictures, "call_reader", reader)
        with pytest.raises(PictureError, match=r"^some\.png: could not be read safely\.$"):
            safe_picture(tmp_path / "some.png", SIZE, tmp_path / "safe.png")


def test_reading_a_picture_can_be_cancelled(tmp_path):
    corner_picture().save(tmp_path / "some.png")

    with pytest.raises(Cancelled):
        safe_picture(tmp_path / "some.png", SIZE, tmp_path / "safe.png", should_stop=lambda: True)


def test_an_avif_picture_is_opened_by_the_limited_child(tmp_path):
    corner_picture((1600, 900)).save(tmp_path / "corner.avif")
    safe = safe_picture(tmp_path / "corner.avif", SIZE, tmp_path / "safe.png")
    assert red_corner(Image.open(safe or tmp_path / "safe.png")) == "nw"


def test_the_cover_of_any_picture_is_a_small_jpeg(tmp_path, rng):
    wild = tmp_path / "wild.png"
    Image.fromarray(rng.integers(0, 256, (1000, 1000, 3), np.uint8)).save(wild)
    large = tmp_path / "large.png"
    Image.new("RGB", (1920, 1080), GREEN).save(large)

    for path, size in ((wild, (1000, 1000)), (large, (1000, 563))):
        data = cover_jpeg(path)
        assert len(data) < COVER_MAX_BYTES
        with Image.open(io.BytesIO(data)) as cover:
            assert (cover.format, cover.mode, cover.size) == ("JPEG", "RGB", size)


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (180, 180)])
def test_a_generated_picture_is_the_same_each_time_and_differs_by_title(tmp_path, peaks, size):
    outs = [tmp_path / name for name in ("one.png", "same.png", "other.png")]
    for out, title in zip(outs, ("Night drive", "Night drive", "Day drive"), strict=True):
        assert generated_picture(title, "Anna", peaks, size, out) == ""

    with Image.open(outs[0]) as picture:
        assert (picture.mode, picture.size) == ("RGB", size)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert outs[0].read_bytes() != outs[2].read_bytes()
    assert palette_of("Night drive") != palette_of("Day drive")


@pytest.mark.parametrize("size", [(480, 270), (270, 480), (270, 270)])
@pytest.mark.parametrize("title", ["Hi", "word " * 60, "w" * 300, "Ночь и дорога: " * 20])
def test_text_of_any_length_stays_within_the_margins(tmp_path, peaks, size, title):
    bare, full = tmp_path / "bare.png", tmp_path / "full.png"
    generated_picture(title, "Somebody with a long name " * 9, peaks, size, bare, text=False)
    generated_picture(title, "Somebody with a long name " * 9, peaks, size, full)

    with Image.open(bare) as without, Image.open(full) as with_words:
        left, top, right, bottom = ImageChops.difference(without, with_words).getbbox()
    layout = layout_of(size)
    assert layout.margin - 2 <= left
    assert right <= size[0] - layout.margin + 2
    assert bottom <= layout.text_bottom
    assert top > size[1] * 0.3


def test_characters_without_a_font_are_omitted_and_reported(tmp_path, peaks):
    missing = generated_picture(
        "Night 夜 \U0001f9ff drive \ue123", "夜", peaks, SIZE, tmp_path / "a.png", font_folders=()
    )
    assert missing == "夜\U0001f9ff\ue123"

    lettering = Lettering(folders=())
    assert lettering.drawable("Night 夜 \ue123 drive") == ("Night drive", "夜\ue123")
    assert lettering.drawable("Żółć Ωmega Ещё\n\u202ex") == ("Żółć Ωmega Ещё x", "")


def test_a_title_that_no_font_draws_still_gives_a_picture(tmp_path, peaks):
    assert generated_picture("夜", "", peaks, SIZE, tmp_path / "a.png", font_folders=()) == "夜"
    assert title_card(tmp_path / "a.png", "夜", "", 3, tmp_path / "b.png", font_folders=()) == "夜"


def test_text_is_readable_on_a_white_picture(tmp_path):
    background, card = tmp_path / "white.png", tmp_path / "card.png"
    Image.new("RGB", (480, 270), (255, 255, 255)).save(background)

    title_card(background, "Snow on snow on snow on snow on snow", "Winter", 12, card)

    with Image.open(card) as picture:
        assert picture.size == (480, 270)
        pixels = np.asarray(picture.convert("L"))
    rows = np.flatnonzero((pixels[:, :240] > 240).any(axis=1) & (pixels[:, -2] < 200))
    assert len(rows) > 40
    assert pixels[rows[0] :, -2].max() < 120  # the shadow behind the text
    assert pixels[0].min() == 255


def test_cards_of_different_tracks_differ_only_below(tmp_path, peaks):
    background = tmp_path / "background.png"
    generated_picture("Mix", "", peaks, (480, 270), background, text=False)
    cards = [tmp_path / "1.png", tmp_path / "2.png"]
    for number, card in enumerate(cards, 1):
        title_card(background, f"Track {number}", "Anna", number, card)

    with Image.open(cards[0]) as one, Image.open(cards[1]) as two:
        assert ImageChops.difference(one, two).getbbox()[1] > 120


@pytest.mark.parametrize("size", [*VIDEO_SIZES, COVER_SIZE])
def test_the_parts_of_a_layout_do_not_overlap(size):
    layout = layout_of(size)
    left, top, right, bottom = layout.wave
    assert 0 < left < right <= size[0] - layout.margin
    assert 0 < top < bottom < layout.text_bottom - layout.title_size - layout.artist_size
    assert layout.text_bottom < size[1]


def test_bars_follow_the_sound():
    rising = [(-level / 100, level / 100) for level in range(100)]
    heights = bar_heights(rising, 20)
    assert heights == sorted(heights)
    assert heights[0] < 0.1
    assert heights[-1] == 1.0
    assert bar_heights([(0.0, 0.0)] * 50, 20) == []
    assert bar_heights([], 20) == []
    assert set(bar_heights([(-1.0, 1.0)] * 50, 20)) == {1.0}
    assert len(bar_heights([(-0.5, 1.0)], 20)) == 20
