"""The cover of a mix on pages: an SVG version of the picture the engine generates from its title."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mixes.engine.pictures.backdrop import palette_of, spot_colours
from mixes.engine.pictures.pictures import Layout, layout_of
from mixes.models import Mix

BAR_SHARE = 0.6  # fraction of the space per bar
SPREAD = 0.75  # fraction of the longer side: radius of a colour
LEAST_PERCENT = 4
QUIET_BARS = (LEAST_PERCENT,) * 56  # shown for a mix without a plan
LETTER = 0.56  # mean width of a letter, as a fraction of its size
LINE = 1.16  # line height, as a fraction of the size


@dataclass(frozen=True, slots=True)
class Spot:
    """The centre of a colour gradient, in pixels."""

    x: int
    y: int
    colour: str


@dataclass(frozen=True, slots=True)
class TitleLine:
    """A line of the title; `y` is its baseline."""

    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Cover:
    """A generated picture of `width` x `height` pixels; its bars are one path of vertical strokes."""

    mix: UUID
    width: int
    height: int
    spots: tuple[Spot, ...]
    radius: int
    left: str  # bar colours, left and right
    right: str
    bars: str
    bar_width: int
    margin: int
    right_edge: int
    title_size: int
    title_lines: tuple[TitleLine, ...]
    artist: str
    artist_size: int
    artist_y: int


def cover_of(mix: Mix, size: tuple[int, int], *, with_words: bool = True) -> Cover:
    """Draw the generated picture of a mix as in the video; without a title its bars are centred."""
    width, height = size
    palette, layout = palette_of(mix.title), layout_of(size)
    colours = zip(palette.spots, spot_colours(palette), strict=True)
    left, right = map(_hex, palette.accents)
    percents = mix.bars or QUIET_BARS
    _, top, _, bottom = layout.wave
    middle = (top + bottom) // 2 if with_words else height // 2
    return Cover(
        mix=mix.pk,
        width=width,
        height=height,
        spots=tuple(Spot(round(x * width), round(y * height), _hex(rgb)) for (x, y, _), rgb in colours),
        radius=round(SPREAD * max(size)),
        left=left,
        right=right,
        bars=_bars(percents, layout, middle),
        bar_width=max(1, round(BAR_SHARE * layout.width / len(percents))),
        margin=layout.margin,
        right_edge=width - layout.margin,
        title_size=layout.title_size,
        title_lines=_title_lines(mix, layout) if with_words else (),
        artist=mix.artist if with_words else "",
        artist_size=layout.artist_size,
        artist_y=layout.text_bottom,
    )


def _bars(percents: Sequence[int], layout: Layout, middle: int) -> str:
    left, top, right, bottom = layout.wave
    pitch = (right - left) / len(percents)
    strokes = []
    for place, percent in enumerate(percents):
        half = max(LEAST_PERCENT, percent) / 200 * (bottom - top)
        strokes.append(
            f"M{round(left + (place + 0.5) * pitch)} {round(middle - half)}V{round(middle + half)}"
        )
    return "".join(strokes)


def _title_lines(mix: Mix, layout: Layout) -> tuple[TitleLine, ...]:
    """Break the title into as many lines as fit; the last one is at the bottom."""
    letters = max(8, int(layout.width / (LETTER * layout.title_size)))
    lines = textwrap.wrap(mix.title, letters, max_lines=layout.title_lines, placeholder="…")
    last_y = layout.text_bottom - (round(1.7 * layout.artist_size) if mix.artist else 0)
    step = round(LINE * layout.title_size)
    return tuple(
        TitleLine(last_y - step * (len(lines) - 1 - place), text) for place, text in enumerate(lines)
    )


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
