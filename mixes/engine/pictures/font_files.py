"""Find font files and the characters each can draw.

In: folders. Out: the best font for a grapheme, or none. The character map of a font is verified by drawing:
a font that draws its missing-glyph box for a character does not count as having it.
"""

import contextlib
import functools
import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import ImageFont

SHIPPED = Path(__file__).with_name("fonts")
SYSTEM_FOLDERS = tuple(
    map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts"))
)
SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
MAX_FONTS = 2000  # files searched; reading one character map takes about 0.3 ms
MAX_MAP_BYTES = 2 << 20  # the map of a font for all of Chinese, Japanese and Korean has 0.2 MB
PROBE_SIZE = 32  # pixels: large enough to distinguish a letter from the missing-glyph box
MISSING_CHARACTER = "\U0010ffff"  # a noncharacter: draws the missing-glyph box of every font
# Words in file names of fonts that match plain sans-serif letters less well
UNSUITABLE = ("italic", "oblique", "condensed", "narrow", "mono", "serif", "light", "thin", "black", "emoji")
BOX_FONTS = ("lastresort", "adobeblank", "tofu")  # they draw a box, or nothing, for every character


class FontFallback:
    """The fonts of one weight, best first: the bundled one, then the system's."""

    def __init__(self, *, bold: bool, folders: tuple[Path, ...] = SYSTEM_FOLDERS) -> None:
        self.shipped = SHIPPED / ("NotoSans-Bold.ttf" if bold else "NotoSans-Regular.ttf")
        self._bold = bold
        self._folders = folders

    @functools.cached_property
    def _system(self) -> list[Path]:
        """The system's fonts, searched only when a character needs them."""
        return sorted(font_files(self._folders), key=lambda path: _preference(path, self._bold))

    def has(self, font: Path, grapheme: str) -> bool:
        """Return whether `font` draws every character of `grapheme`."""
        return grapheme.isspace() or has_characters(font, grapheme)

    def find(self, grapheme: str) -> Path | None:
        """Return the best font that draws every character of `grapheme`, or None."""
        if has_characters(self.shipped, grapheme):
            return self.shipped
        return next((path for path in self._system if has_characters(path, grapheme)), None)


@functools.cache
def font_files(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return at most MAX_FONTS font files below `folders`, in a deterministic order."""
    found: list[Path] = []
    for folder in folders:
        for root, subfolders, names in os.walk(folder):
            subfolders.sort()
            found += (Path(root, name) for name in sorted(names) if name.lower().endswith(SUFFIXES))
            if len(found) > MAX_FONTS:
                return tuple(found[:MAX_FONTS])
    return tuple(found)


def _preference(path: Path, bold: bool) -> tuple[bool, bool, bool, str, str]:
    name = path.name.lower()
    unsuitable = any(word in name for word in UNSUITABLE)
    return (unsuitable, ("bold" in name) != bold, not name.startswith("notosans"), name, str(path))


@functools.lru_cache(maxsize=50_000)
def has_characters(font: Path, grapheme: str) -> bool:
    """Return whether `font` draws all characters of `grapheme`, by its character map and a test drawing."""
    starts, ends = character_map(font)
    for character in grapheme:
        index = bisect_right(starts, ord(character)) - 1
        if index < 0 or ord(character) > ends[index]:
            return False
    return _draws(font, grapheme)


def _draws(path: Path, grapheme: str) -> bool:
    """Return whether no character of `grapheme` is drawn as the missing-glyph box."""
    with contextlib.suppress(OSError):  # not a font, or a bitmap font of fixed sizes
        font = ImageFont.truetype(path, PROBE_SIZE, layout_engine=ImageFont.Layout.BASIC)
        missing = _glyph_bitmap(font, MISSING_CHARACTER)
        return all(_glyph_bitmap(font, character) != missing for character in grapheme)
    return False


def _glyph_bitmap(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


@functools.cache
def character_map(font: Path) -> "tuple[array[int], array[int]]":
    """Return first and last code points of a font's character ranges, ascending; empty for a broken font."""
    ranges: list[tuple[int, int]] = []
    if not any(word in font.name.lower() for word in BOX_FONTS):
        with contextlib.suppress(OSError, struct.error), font.open("rb") as file:
            ranges = sorted(_mapped_ranges(file))
    return array("I", (first for first, _ in ranges)), array("I", (last for _, last in ranges))


def _mapped_ranges(file: BinaryIO) -> list[tuple[int, int]]:
    """Read the best Unicode subtable of the OpenType table `cmap`: format 12 (all planes), else 4."""
    table = _cmap_table(file)
    (count,) = struct.unpack_from(">H", table, 2)
    by_format: dict[int, int] = {}
    for index in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", table, 4 + 8 * index)
        if platform == 0 or (platform == 3 and encoding in (1, 10)):  # Unicode; Windows' Unicode
            by_format[struct.unpack_from(">H", table, offset)[0]] = offset
    if 12 in by_format:
        return list(_ranges_of_format_12(table, by_format[12]))
    return list(_ranges_of_format_4(table, by_format[4])) if 4 in by_format else []


def _cmap_table(file: BinaryIO) -> bytes:
    """Return the `cmap` table of a font file, or of the first font of a collection."""
    start = 0
    head = file.read(16)
    if head[:4] == b"ttcf":
        (start,) = struct.unpack_from(">I", head, 12)
    file.seek(start + 4)
    (count,) = struct.unpack(">H", file.read(2))
    file.seek(start + 12)
    for tag, _, offset, length in struct.iter_unpack(">4sIII", file.read(16 * count)):
        if tag == b"cmap":
            file.seek(offset)
            return file.read(min(length, MAX_MAP_BYTES))
    return b""


def _ranges_of_format_12(table: bytes, offset: int) -> Iterator[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", table, offset + 12)
    groups = table[offset + 16 : offset + 16 + 12 * count]
    for first, last, _ in struct.iter_unpack(">III", groups):
        yield first, last


def _ranges_of_format_4(table: bytes, offset: int) -> Iterator[tuple[int, int]]:
    (doubled,) = struct.unpack_from(">H", table, offset + 6)
    count = doubled // 2
    lasts = struct.unpack_from(f">{count}H", table, offset + 14)
    firsts = struct.unpack_from(f">{count}H", table, offset + 16 + doubled)
    yield from zip(firsts, lasts, strict=True)
