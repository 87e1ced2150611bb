import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.engine.text import MAX_TEXT_CHARS, clean_text, cut_to_bytes, shorten_to_bytes

any_text = st.text(alphabet=st.characters(), max_size=400)
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # one grapheme of 18 bytes


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain", "plain"),
        ("  two\n lines\r\nand\ttabs ", "two lines and tabs"),
        ("a\x00b\x07c\x7fd\x9fe", "abcde"),
        ("a\x85b\u2028c\u2029d\x0be\x0cf\x1cg", "a b c d e f g"),
        ("song\u202egpj.exe", "songgpj.exe"),
        ("\u2066x\u2069 \u200e\u200fy\u200b\ufeffz\u061c\u2060", "x yz"),
        ("\ud83dlone\udcff", "lone"),
        ("e\u0301tude", "étude"),
        ("\u1112\u1161\u11ab", "한"),
        ("\ufdd0\uffff\U000e0041ok", "ok"),
        ("\u3164\uffa0\u2800", ""),
        ("", ""),
        ("<b>&amp;\"'`", "<b>&amp;\"'`"),
        ("夜の道 🎵", "夜の道 🎵"),
        ("z" + "\u0335" * 3, "z" + "\u0335" * 3),
    ],
)
def test_text_is_cleaned(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_a_megabyte_of_title_is_cut_to_300_characters() -> None:
    assert clean_text("x" * 1_000_000) == "x" * MAX_TEXT_CHARS


def test_cleaning_does_not_cut_an_accent_off() -> None:
    assert clean_text("x" * 299 + "q\u0323\u0307") == "x" * 299


@settings(max_examples=300, deadline=None)
@given(any_text)
def test_clean_text_is_one_visible_line_and_idempotent(raw: str) -> None:
    clean = clean_text(raw)
    assert len(clean) <= MAX_TEXT_CHARS
    assert len(clean.splitlines()) <= 1 and clean == clean.strip()
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in clean)
    assert unicodedata.is_normalized("NFC", clean)
    assert clean_text(clean) == clean
    clean.encode()


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("夜の道", 8, "夜の"),
        ("aé", 2, "a"),
        ("ae\u0323", 3, "a"),
        ("a" + FAMILY, 12, "a"),
        ("a\U0001f44d\U0001f3fd", 7, "a"),
        ("\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea", 12, "\U0001f1eb\U0001f1f7"),
        ("a❤\ufe0f", 5, "a"),
        ("x\u1100\u1161\u11a8", 8, "x"),
        ("", 5, ""),
    ],
)
def test_text_is_cut_between_graphemes(text: str, limit: int, cut: str) -> None:
    assert cut_to_bytes(text, limit) == cut


def test_a_single_grapheme_longer_than_the_limit_is_cut() -> None:
    assert cut_to_bytes("z" + "\u0335" * 50, 11) == "z" + "\u0335" * 5


def test_shortened_text_ends_in_an_ellipsis() -> None:
    assert shorten_to_bytes("Bohemian Rhapsody", 17) == "Bohemian Rhapsody"
    assert shorten_to_bytes("Bohemian Rhapsody", 12) == "Bohemian…"
    assert shorten_to_bytes("夜の道", 8) == "夜…"


@settings(max_examples=300, deadline=None)
@given(any_text, st.integers(3, 300))
def test_shortened_text_fits_and_is_a_prefix(raw: str, limit: int) -> None:
    text = clean_text(raw)
    shortened = shorten_to_bytes(text, limit)
    assert len(shortened.encode()) <= limit
    assert shortened == text or (shortened.endswith("…") and text.startswith(shortened[:-1]))
