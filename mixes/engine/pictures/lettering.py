"""Draw text on pictures, in every script with a font on the system, never with missing-glyph boxes.

In: a text, a width, the allowed font sizes. Out: lines that fit, drawn on a picture. Right-to-left and mixed
text is reordered here (UAX 9); raqm shapes scripts whose letters join.
"""

import functools
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from mixes.engine.pictures.font_files import SYSTEM_FOLDERS, FontFallback
from mixes.engine.text import ELLIPSIS, clean_text

LINE_HEIGHT = 1.24  # as a share of the font size
ASCENT = 0.93  # from the top of a line to its baseline, as a share of the font size
SHRINK = 0.94  # ratio of one font size to the next one tried
MEASURE_SIZE = 100  # pixels: widths are measured once at this size, then scaled
BALANCE_STEPS = 20
MIRRORED = str.maketrans("()[]{}<>\u00ab\u00bb", ")(][}{><\u00bb\u00ab")
# Scripts that need shaping; without raqm they would be drawn wrong, so they are omitted
SHAPED_SCRIPTS = (
    *("ARABIC", "SYRIAC", "MANDAIC", "NKO", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI"),
    *("ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "TIBETAN", "MYANMAR", "KHMER"),
    *("BALINESE", "JAVANESE", "SUNDANESE", "CHAKMA", "LEPCHA", "ADLAM"),
)


@dataclass(frozen=True, slots=True)
class TextRun:
    """Neighbouring graphemes of one font and one direction."""

    text: str
    font: Path
    level: int  # embedding level, odd is right to left (UAX 9)


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A text broken into lines, ready to draw."""

    lines: tuple[str, ...]
    size: int  # font size in pixels

    @property
    def height(self) -> int:
        return round(len(self.lines) * self.size * LINE_HEIGHT)


class Lettering:
    """Breaks text into lines and draws it in one font weight, with fallback fonts."""

    def __init__(
        self, *, bold: bool = False, folders: Sequence[Path] = SYSTEM_FOLDERS, shaping: bool | None = None
    ) -> None:
        """Use the bundled font, then the fonts in `folders`; `shaping` is whether raqm is available."""
        self._fonts = FontFallback(bold=bold, folders=tuple(folders))
        self._shaping = bool(features.check("raqm")) if shaping is None else shaping
        self._widths: dict[str, float] = {}

    def drawable(self, text: str) -> tuple[str, str]:
        """Return `text` as one line without the graphemes that no font draws, and each of those once."""
        graphemes = list(split_graphemes(clean_text(text)))
        missing = [grapheme for grapheme in graphemes if not self._font(grapheme)]
        kept = "".join(grapheme for grapheme in graphemes if self._font(grapheme))
        return " ".join(kept.split()), "".join(dict.fromkeys(missing))

    def fit(self, text: str, *, width: float, size: int, smallest: int, lines: int) -> TextBlock:
        """Break drawable `text` into at most `lines` lines of `width` pixels, in the largest font that fits.

        Font sizes go from `size` down to `smallest`. Only at `smallest` are words broken and the text cut.
        """
        pieces = list(split_at_breaks(text))
        while size > smallest:
            em_width = width / size
            whole = all(self._width_em(piece.rstrip()) <= em_width for piece in pieces)
            if whole and len(self._wrap(pieces, em_width)) <= lines:
                return TextBlock(self._balanced(pieces, em_width), size)
            size = max(smallest, int(size * SHRINK))
        return TextBlock(self._cut_short(text, width / smallest, lines), smallest)

    def draw(
        self,
        image: Image.Image,
        block: TextBlock,
        corner: tuple[int, int],
        colour: tuple[int, ...],
        *,
        right: int | None = None,
        centred: bool = False,
    ) -> None:
        """Draw `block` on an RGB picture from its upper left `corner`, or flush right at `right` (pixels).

        With `centred` each line stands in the middle of the picture.

        `colour` is red, green, blue and opacity, each 0 to 255.
        """
        overhang = block.size  # room for accents and scripts that exceed the height of Latin letters
        mask = Image.new("L", (image.width, block.height + 2 * overhang))
        pen = ImageDraw.Draw(mask)
        for index, line in enumerate(block.lines):
            width = self._width_em(line) * block.size
            x = corner[0] if right is None else right - width
            if centred:
                x = (image.width - width) / 2
            baseline = overhang + block.size * (LINE_HEIGHT * index + ASCENT)
            for run in self._runs(line):
                font = _font_at(run.font, block.size, self._shaping)
                pen.text(
                    (x, baseline),
                    self._text_for_font(run),
                    colour[3],
                    font,
                    "ls",
                    direction=self._direction(run),
                )
                x += font.getlength(self._text_for_font(run), direction=self._direction(run))
        image.paste(colour[:3], (0, corner[1] - overhang), mask)

    def _font(self, grapheme: str) -> Path | None:
        if grapheme.isspace():
            return self._fonts.shipped
        if not self._shaping and unicodedata.name(grapheme[0], "").partition(" ")[0] in SHAPED_SCRIPTS:
            return None
        return self._fonts.find(grapheme)

    def _width_em(self, text: str) -> float:
        """Return the width of `text` in em (multiples of the font size)."""
        if text not in self._widths:
            lengths = (
                _font_at(run.font, MEASURE_SIZE, self._shaping).getlength(
                    self._text_for_font(run), direction=self._direction(run)
                )
                for run in self._runs(text)
            )
            self._widths[text] = sum(lengths) / MEASURE_SIZE
        return self._widths[text]

    def _wrap(self, pieces: Sequence[str], em_width: float) -> tuple[str, ...]:
        """Fill lines greedily, `em_width` em each; a piece wider than a line is broken between graphemes."""
        lines, filled = [""], 0.0
        for piece in pieces:
            fits_alone = self._width_em(piece.rstrip()) <= em_width
            for part in (piece,) if fits_alone else split_graphemes(piece):
                if lines[-1] and filled + self._width_em(part.rstrip()) > em_width:
                    lines.append("")
                    filled = 0.0
                lines[-1] += part
                filled += self._width_em(part)
        return tuple(line.rstrip() for line in lines)

    def _balanced(self, pieces: Sequence[str], em_width: float) -> tuple[str, ...]:
        """Break into as few lines as possible, with lengths as equal as possible."""
        widest = max((self._width_em(piece.rstrip()) for piece in pieces), default=0.0)
        count = len(self._wrap(pieces, em_width))
        widths = (em_width * step / BALANCE_STEPS for step in range(1, BALANCE_STEPS + 1))
        tries = (self._wrap(pieces, max(width, widest)) for width in widths)
        return next(lines for lines in tries if len(lines) <= count)

    def _cut_short(self, text: str, em_width: float, lines: int) -> tuple[str, ...]:
        """Break into at most `lines` lines, cutting as much of the end as needed."""
        graphemes = list(split_graphemes(text))

        def broken(kept: int) -> tuple[str, ...]:
            end = "" if kept == len(graphemes) else ELLIPSIS
            return self._wrap(list(split_at_breaks("".join(graphemes[:kept]).rstrip() + end)), em_width)

        fewest, most = 0, len(graphemes)
        while fewest < most:
            middle = (fewest + most + 1) // 2
            fewest, most = (middle, most) if len(broken(middle)) <= lines else (fewest, middle - 1)
        return broken(fewest)

    def _runs(self, line: str) -> list[TextRun]:
        """Return the runs of a line in visual order, from the left."""
        graphemes = list(split_graphemes(line))
        levels = bidi_levels(graphemes)
        fonts: list[Path] = []
        for grapheme in graphemes:
            fonts.append(self._font_beside(fonts[-1] if fonts else None, grapheme))
        runs: list[TextRun] = []
        groups = itertools.groupby(zip(fonts, levels, graphemes, strict=True), key=lambda item: item[:2])
        for (font, level), items in groups:
            runs.append(TextRun("".join(grapheme for *_, grapheme in items), font, level))
        return in_visual_order(runs)

    def _font_beside(self, neighbour: Path | None, grapheme: str) -> Path:
        """Return the font of a grapheme; spaces and signs keep their neighbour's font if it has them."""
        if (
            neighbour
            and unicodedata.category(grapheme[0])[0] in "ZPS"
            and self._fonts.has(neighbour, grapheme)
        ):
            return neighbour
        return self._font(grapheme) or self._fonts.shipped

    def _text_for_font(self, run: TextRun) -> str:
        """Return the text to draw: without raqm, right-to-left text is reversed here."""
        if self._shaping or run.level % 2 == 0:
            return run.text
        return "".join(reversed(list(split_graphemes(run.text)))).translate(MIRRORED)

    def _direction(self, run: TextRun) -> str | None:
        if not self._shaping:
            return None
        return "rtl" if run.level % 2 else "ltr"


@functools.lru_cache(maxsize=64)
def _font_at(path: Path, size: int, shaping: bool) -> ImageFont.FreeTypeFont:
    engine = ImageFont.Layout.RAQM if shaping else ImageFont.Layout.BASIC
    return ImageFont.truetype(path, size, layout_engine=engine)


def split_graphemes(text: str) -> Iterator[str]:
    """Yield the graphemes of `text`: each a character with its combining marks and joined characters."""
    grapheme = ""
    for character in text:
        if "\ufe00" <= character <= "\ufe0f":  # variation selectors, which are not drawn
            continue
        if grapheme and unicodedata.category(character)[0] != "M":
            yield grapheme
            grapheme = ""
        grapheme += character
    if grapheme:
        yield grapheme


def split_at_breaks(text: str) -> Iterator[str]:
    """Yield the pieces between which a line may break: after spaces and hyphens, around wide letters."""
    piece = ""
    for grapheme in split_graphemes(text):
        wide = unicodedata.east_asian_width(grapheme[0]) in "WF"
        closes = unicodedata.category(grapheme[0]) in ("Pe", "Pf", "Po")  # may not start a line
        may_break = piece and (piece[-1] in " -\u2010" or wide or _is_wide(piece)) and not closes
        if may_break and grapheme != " ":
            yield piece
            piece = ""
        piece += grapheme
    if piece:
        yield piece


def _is_wide(piece: str) -> bool:
    wide = unicodedata.east_asian_width(piece[-1]) in "WF"
    return wide and unicodedata.category(piece[-1]) not in ("Ps", "Pi")  # an opening sign may not end a line


def is_right_to_left(text: str) -> bool:
    """Return whether the first letter with a direction is right to left: it sets the line's direction."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def bidi_levels(graphemes: Sequence[str]) -> list[int]:
    """Return the embedding level of each grapheme of a line, by the rules of UAX 9 that titles need."""
    classes = [unicodedata.bidirectional(grapheme[0]) for grapheme in graphemes]
    base = "R" if is_right_to_left("".join(graphemes)) else "L"
    kinds: list[str] = []  # L, R, N: a number inside right-to-left text, "": neutral
    context = base
    for kind in classes:
        if kind in ("L", "R", "AL"):
            context = "L" if kind == "L" else "R"
        number = "N" if context == "R" else "L"
        kinds.append(context if kind in ("L", "R", "AL") else number if kind in ("EN", "AN") else "")
    for index in range(1, len(kinds) - 1):  # 12:30, 3.5
        if classes[index] in ("CS", "ES") and kinds[index - 1] == kinds[index + 1] == "N":
            kinds[index] = "N"
    level = {"L": 0 if base == "L" else 2, "R": 1, "N": 2}
    return [level[kind] for kind in _resolve_neutrals(kinds, base)]


def _resolve_neutrals(kinds: Sequence[str], base: str) -> list[str]:
    """Give neutral graphemes the direction of both neighbours, or of the line where these differ."""
    result: list[str] = []
    before = base
    for index, kind in enumerate(kinds):
        if kind:
            before = "L" if kind == "L" else "R"
            result.append(kind)
            continue
        after = next((later for later in kinds[index:] if later), base)
        result.append(before if before == ("L" if after == "L" else "R") else base)
    return result


def in_visual_order(runs: Sequence[TextRun]) -> list[TextRun]:
    """Return the runs reversed from the highest level down to the lowest odd one (UAX 9, rule L2)."""
    ordered = list(runs)
    for level in range(max((run.level for run in runs), default=0), 0, -1):
        groups = itertools.groupby(ordered, key=lambda run: run.level >= level)
        ordered = [run for deep, group in groups for run in (reversed(list(group)) if deep else group)]
    return ordered
