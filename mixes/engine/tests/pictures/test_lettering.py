"""Tests of lettering: font fallback, text direction and fitting."""

import struct

import pytest
from PIL import Image, ImageFont

from mixes.engine.pictures.font_files import SHIPPED, FontFallback, character_map, has_characters
from mixes.engine.pictures.lettering import (
    Lettering,
    TextRun,
    bidi_levels,
    in_visual_order,
    is_right_to_left,
    split_at_breaks,
    split_graphemes,
)


def test_a_font_is_checked_by_its_map_and_by_a_test_drawing(tmp_path):
    font = SHIPPED / "NotoSans-Regular.ttf"
    starts, ends = character_map(font)
    assert len(starts) == len(ends) > 50
    assert all(has_characters(font, letter) for letter in ("A", "é", "Ж", "Ω", "e\u0301"))
    assert not any(has_characters(font, letter) for letter in ("夜", "ش", "\ue000", "\U0010fffd"))
    (tmp_path / "rubbish.ttf").write_bytes(b"\0\1\0\0" + bytes(range(256)))
    assert not has_characters(tmp_path / "rubbish.ttf", "A")


def test_the_map_of_a_collection_with_all_planes_is_read(tmp_path):
    groups = [(0x41, 0x5A, 1), (0x1F600, 0x1F64F, 27)]
    subtable = struct.pack(">HHIII", 12, 0, 28, 0, len(groups))
    subtable += b"".join(struct.pack(">III", *group) for group in groups)
    table = struct.pack(">HHHHI", 0, 1, 3, 10, 12) + subtable
    start = 16
    font = b"\0\1\0\0" + struct.pack(">HHHH", 1, 0, 0, 0)
    font += struct.pack(">4sIII", b"cmap", 0, start + 28, len(table)) + table
    path = tmp_path / "collection.ttc"
    path.write_bytes(struct.pack(">4sHHII", b"ttcf", 1, 0, 1, start) + font)

    starts, ends = character_map(path)

    assert list(zip(starts, ends, strict=True)) == [(0x41, 0x5A), (0x1F600, 0x1F64F)]


def test_a_font_that_maps_a_letter_but_draws_a_box_does_not_have_it(tmp_path):
    data = bytearray((SHIPPED / "NotoSans-Regular.ttf").read_bytes())
    (entry,) = (12 + 16 * index for index in range(30) if data[12 + 16 * index :][:4] == b"cmap")
    (start,) = struct.unpack_from(">I", data, entry + 8)
    (offset,) = struct.unpack_from(">I", data, start + 8)
    table = start + offset  # format 4: end codes, padding, start codes and glyph deltas of all segments
    (length,) = struct.unpack_from(">H", data, table + 6)
    for at in range(table + 14, table + 14 + length, 2):
        last, first = (struct.unpack_from(">H", data, place)[0] for place in (at, at + 2 + length))
        if first <= ord("\u20ac") <= last:
            struct.pack_into(">H", data, at + 2 + 2 * length, 65536 - ord("\u20ac"))  # glyph 0: the box
            struct.pack_into(">H", data, at + 2 + 3 * length, 0)
    lying = tmp_path / "lying.ttf"
    lying.write_bytes(data)

    assert has_characters(lying, "A")
    assert has_characters(SHIPPED / "NotoSans-Regular.ttf", "\u20ac")
    assert not has_characters(lying, "\u20ac")


def test_system_fonts_are_used_for_letters_missing_in_the_bundled_font(tmp_path):
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    (folder / "aaa.ttf").write_bytes(b"no font")
    (folder / "Some-Regular.ttf").write_bytes((SHIPPED / "NotoSans-Regular.ttf").read_bytes())
    (folder / "Some-Bold.ttf").write_bytes((SHIPPED / "NotoSans-Bold.ttf").read_bytes())
    (folder / "LastResort.ttf").write_bytes((SHIPPED / "NotoSans-Bold.ttf").read_bytes())
    fonts = FontFallback(bold=True, folders=(tmp_path,))
    assert fonts.find("A") == SHIPPED / "NotoSans-Bold.ttf"
    assert fonts.find("夜") is None

    fonts.shipped = tmp_path / "gone.ttf"
    assert fonts.find("A") == folder / "Some-Bold.ttf"


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("abc 12", "000000"),
        ("אבג", "111"),
        ("אב ab", "11122"),
        ("ab אב", "00011"),
        ("אב 12", "11122"),
        ("אב 12:30", "11122222"),
        ("ab (אב) c", "000011000"),
        ("אב (ab) ג", "111122111"),
        ("", ""),
    ],
)
def test_mixed_directions_get_the_levels_of_uax_9(text, levels):
    assert "".join(map(str, bidi_levels(list(text)))) == levels


def test_runs_are_in_visual_order(tmp_path):
    def runs(*levels):
        return [TextRun(str(index), tmp_path, level) for index, level in enumerate(levels)]

    def seen(*levels):
        return "".join(run.text for run in in_visual_order(runs(*levels)))

    assert seen(0, 0) == "01"
    assert seen(1, 2, 1) == "210"
    assert seen(0, 1, 2, 1, 0) == "03214"
    assert seen(1, 2, 2, 1) == "3120"
    assert is_right_to_left("12 שלום abc")
    assert not is_right_to_left("12 abc שלום")


def test_without_raqm_hebrew_is_reversed_and_arabic_omitted():
    lettering = Lettering(folders=(), shaping=False)
    assert lettering.drawable("ش A") == ("A", "ش")
    assert lettering._text_for_font(TextRun("אב(ג", SHIPPED, 1)) == "ג)בא"
    block = lettering.fit("Plain words", width=300, size=30, smallest=20, lines=1)
    picture = Image.new("RGB", (300, 60))
    lettering.draw(picture, block, (0, 0), (255, 255, 255, 255))
    assert picture.getbbox() is not None


def test_text_is_fitted_by_size_then_lines_then_an_ellipsis():
    lettering = Lettering(bold=True, folders=())
    short = lettering.fit("Short", width=400, size=40, smallest=20, lines=2)
    assert (short.lines, short.size) == (("Short",), 40)
    two = lettering.fit(
        "Ten little words in a row are here to stay", width=420, size=40, smallest=20, lines=2
    )
    assert len(two.lines) == 2
    assert abs(len(two.lines[0]) - len(two.lines[1])) < 12
    long = lettering.fit("endless " * 40, width=400, size=40, smallest=20, lines=2)
    assert (len(long.lines), long.size) == (2, 20)
    assert long.lines[1].endswith("…")
    one_word = lettering.fit("w" * 100, width=200, size=40, smallest=20, lines=2)
    assert len(one_word.lines) == 2
    assert one_word.lines[-1].endswith("…")


@pytest.mark.parametrize("top", [60, 0])
def test_high_accents_are_not_cut_off(top):
    lettering = Lettering(folders=())
    picture = Image.new("RGB", (200, 200))
    block = lettering.fit("A\u0302\u0301\u030a\u0302", width=200, size=60, smallest=20, lines=1)

    lettering.draw(picture, block, (10, top), (255, 255, 255, 255))

    font = ImageFont.truetype(SHIPPED / "NotoSans-Regular.ttf", 60)
    _, ink_top, _, ink_bottom = font.getbbox(block.lines[0])
    _, first, _, last = picture.getbbox()
    assert first < 60
    if top:
        assert last - first == pytest.approx(ink_bottom - ink_top, abs=2)


def test_letters_keep_their_accents_and_lines_break_where_they_may():
    assert list(split_graphemes("e\u0301a\ufe0fक्")) == ["e\u0301", "a", "क्"]
    assert list(split_at_breaks("one two-three")) == ["one ", "two-", "three"]
    assert list(split_at_breaks("夜の道、again")) == ["夜", "の", "道、", "again"]
    assert "".join(split_at_breaks("any text (at all) - yes")) == "any text (at all) - yes"
