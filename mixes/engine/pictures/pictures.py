"""Make the pictures of the video and the cover: from a user's picture, generated, and title cards.

In: a user's file, or a title and the peaks of the sound. Out: RGB PNG files of exactly the video's size,
without metadata. Only a sandboxed child (picture_reader.py) opens a user's file; it returns raw pixels.
"""

import io
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled, EngineError, PictureError
from mixes.engine.pictures.backdrop import Colour, draw_waveform, gradient, palette_of
from mixes.engine.pictures.font_files import SYSTEM_FOLDERS
from mixes.engine.pictures.lettering import Lettering, TextBlock, is_right_to_left
from mixes.engine.pictures.look import PLACES, VideoLook
from mixes.engine.processes.readers import call_reader
from mixes.engine.processes.sandbox import READER

Size = tuple[int, int]

USUAL = VideoLook()
VIDEO_SIZES: tuple[Size, ...] = ((1920, 1080), (1280, 720), (3840, 2160), (1080, 1920), (1080, 1080))
COVER_SIZE: Size = (1000, 1000)
COVER_MAX_BYTES = 300_000  # players read the tag with its cover before they start to play
JPEG_QUALITY = 88
PNG_COMPRESS_LEVEL = 1  # of 9: the files exist only for minutes
UNREADABLE = "could not be read safely."
WHITE: Colour = (255, 255, 255)
TITLE_OPACITY, DETAIL_OPACITY = 255, 190  # 0 to 255, of titles and of the other text
GAP = 0.2  # between number, title and artist, as a share of the artist's font size
SHADE: Colour = (8, 8, 12)
SCRIM_TOP, SCRIM_BOTTOM = 0.58, 0.85  # opacity of the shadow at the text and at the foot of a title card
SCRIM_RISE = 0.3  # from the text up to its upper edge, as a share of the height


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions and font sizes on a picture of one size, in pixels."""

    margin: int
    width: int  # between the margins
    height: int  # of the picture
    text_top: int
    text_bottom: int
    wave: tuple[int, int, int, int]
    title_size: int
    title_lines: int
    artist_size: int


@dataclass(frozen=True, slots=True)
class _CardText:
    title: str = ""
    artist: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class _PlacedText:
    lettering: Lettering
    block: TextBlock
    colour: tuple[int, ...]  # red, green, blue, opacity
    top: int  # pixels from the upper edge


def layout_of(size: Size) -> Layout:
    """Return the layout for landscape, square or portrait."""
    width, height = size
    side = min(size)
    portrait, square = height > width, height == width
    margin = round(side * (0.08 if portrait or square else 0.095))
    middle = 0.36 if portrait else 0.34
    half = side * (0.17 if portrait or square else 0.2)
    wave_top, wave_bottom = round(height * middle - half), round(height * middle + half)
    return Layout(
        margin=margin,
        width=width - 2 * margin,
        height=height,
        text_top=round(height * 0.12) if portrait else margin,
        # Players draw their buttons over the lowest fifth of portrait videos
        text_bottom=round(height * 0.78) if portrait else height - margin,
        wave=(margin, wave_top, width - margin, wave_bottom),
        title_size=round(side * 0.1),
        title_lines=4 if portrait else 3 if square else 2,
        artist_size=round(side * 0.046),
    )


def wave_box(layout: Layout, place: str) -> tuple[int, int, int, int]:
    """Return where the waveform is drawn beside a title at a place of PLACES."""
    left, top, right, bottom = layout.wave
    if place.startswith("bottom"):
        return left, top, right, bottom
    if place == "middle":
        quarter = (bottom - top) // 4
        middle = round(0.86 * layout.text_bottom)
        return left, middle - quarter, right, middle + quarter
    return left, layout.height - bottom, right, layout.height - top


def safe_picture(
    source: Path,
    size: Size,
    out: Path,
    *,
    name: str | None = None,
    look: VideoLook = USUAL,
    should_stop: ShouldStop = never,
) -> None:
    """Write the picture of an untrusted file as an RGB PNG of `size`: upright, scaled to fit, not stretched.

    A look with `fill` crops it around its focus instead. `name` is the user's name of the file. Raises
    PictureError when the picture is missing or cannot be used, Cancelled when `should_stop` says so.
    """
    shown = Path(name) if name else source
    if not source.is_file():
        raise PictureError(shown, "could not be found.")
    with tempfile.TemporaryDirectory(prefix=".picture-", dir=out.parent) as folder:
        pixels = Path(folder, "pixels").absolute()
        pixels.touch()
        try:
            refused = _read_pixels(source.absolute(), size, pixels, look, should_stop)
        except Cancelled:
            raise
        except EngineError as error:
            raise PictureError(shown, UNREADABLE) from error
        if not refused and pixels.stat().st_size != 3 * size[0] * size[1]:
            refused = UNREADABLE
        if refused:
            raise PictureError(shown, refused)
        Image.frombytes("RGB", size, pixels.read_bytes()).save(out, "PNG", compress_level=PNG_COMPRESS_LEVEL)


def _read_pixels(source: Path, size: Size, out: Path, look: VideoLook, should_stop: ShouldStop) -> str:
    """Run the child that writes the raw pixels; return its refusal, or an empty text.

    Raises EngineError when the child fails or writes too little.
    """
    focus = [look.focus_x, look.focus_y] if look.fill else None
    answer = call_reader(
        "pictures.picture_reader",
        {"source": str(source), "out": str(out), "width": size[0], "height": size[1], "focus": focus},
        read=[source],
        write=[out],
        limits=replace(READER, file_bytes=3 * size[0] * size[1]),
        should_stop=should_stop,
    )
    return str(answer.get("refused", ""))


def generated_picture(
    title: str,
    artist: str,
    peaks: Sequence[tuple[float, float]],
    size: Size,
    out: Path,
    *,
    text: bool = True,
    look: VideoLook = USUAL,
    font_folders: Sequence[Path] = SYSTEM_FOLDERS,
) -> str:
    """Write a picture of the title and the waveform in the title's colours; return characters without a font.

    `peaks` are (lowest, highest) pairs from -1 to 1 over the whole mix. Without `text` the picture is the
    background for title cards.
    """
    palette = palette_of(title)
    layout = layout_of(size)
    picture = gradient(palette, size)
    place = look.title_place if text else PLACES[0]
    draw_waveform(picture, peaks, wave_box(layout, place), palette.accents)
    words = _CardText(title, artist) if text else _CardText()
    placed, missing = _fit_text(words, layout, font_folders, place, look.title_scale)
    _draw_text(picture, placed, layout, place)
    picture.save(out, "PNG", compress_level=PNG_COMPRESS_LEVEL)
    return missing


def title_on(
    background: Path,
    title: str,
    artist: str,
    out: Path,
    *,
    look: VideoLook = USUAL,
    font_folders: Sequence[Path] = SYSTEM_FOLDERS,
) -> str:
    """Write the title of the mix over `background`, a PNG of this module.

    Return the characters without a font.
    """
    words = _CardText(title, artist)
    return _write_over(background, words, out, look.title_place, look.title_scale, font_folders)


def title_card(
    background: Path,
    title: str,
    artist: str,
    number: int,
    out: Path,
    *,
    look: VideoLook = USUAL,
    font_folders: Sequence[Path] = SYSTEM_FOLDERS,
) -> str:
    """Write track number, title and artist over `background`, a PNG of this module.

    Return the characters without a font.
    """
    words = _CardText(title, artist if look.card_artist else "", str(number))
    return _write_over(background, words, out, look.card_place, look.title_scale, font_folders)


def _write_over(
    background: Path, words: _CardText, out: Path, place: str, scale: float, folders: Sequence[Path]
) -> str:
    with Image.open(background, formats=("PNG",)) as opened:
        picture = opened.convert("RGB")
    layout = layout_of(picture.size)
    placed, missing = _fit_text(words, layout, folders, place, scale)
    if placed:
        _darken(picture, placed[-1].top, placed[0].top + placed[0].block.height, place)
    _draw_text(picture, placed, layout, place)
    picture.save(out, "PNG", compress_level=PNG_COMPRESS_LEVEL)
    return missing


def cover_jpeg(picture: Path) -> bytes:
    """Return a PNG of this module (best of COVER_SIZE) as a JPEG below COVER_MAX_BYTES, for the MP3's tag."""
    with Image.open(picture, formats=("PNG",)) as opened:
        cover = opened.convert("RGB")
    cover.thumbnail(COVER_SIZE, Image.Resampling.LANCZOS)
    for quality in range(92, 0, -8):
        buffer = io.BytesIO()
        cover.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() < COVER_MAX_BYTES:
            break
    return buffer.getvalue()


def save_jpeg(picture: Path, out: Path) -> None:
    """Write a PNG of this module as a JPEG of the same size, for the browser."""
    with Image.open(picture, formats=("PNG",)) as opened:
        opened.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)


def _fit_text(
    words: _CardText, layout: Layout, folders: Sequence[Path], place: str, scale: float
) -> tuple[list[_PlacedText], str]:
    """Return the texts fitted and stacked, the lowest first, and the characters without a font."""
    bold, regular = Lettering(bold=True, folders=folders), Lettering(folders=folders)
    title, missing_title = bold.drawable(words.title)
    artist, missing_artist = regular.drawable(words.artist)
    width, large, small = layout.width, round(scale * layout.title_size), round(scale * layout.artist_size)
    stack: list[tuple[Lettering, TextBlock, tuple[int, ...]]] = []
    if artist:
        block = regular.fit(artist, width=width, size=small, smallest=round(0.75 * small), lines=1)
        stack.append((regular, block, (*WHITE, DETAIL_OPACITY)))
    if title:
        smallest, lines = round(0.5 * large), layout.title_lines
        block = bold.fit(title, width=width, size=large, smallest=smallest, lines=lines)
        stack.append((bold, block, (*WHITE, TITLE_OPACITY)))
    if words.number:
        stack.append((bold, TextBlock((words.number,), small), (*WHITE, TITLE_OPACITY)))
    tops = list(itertools.accumulate(-block.height - round(GAP * small) for _, block, _ in stack))
    height = -tops[-1] if tops else 0
    bottom = layout.text_bottom
    if place == "middle":
        bottom = (layout.height + height) // 2
    elif place.startswith("top"):
        bottom = layout.text_top + height
    placed = [_PlacedText(*item, bottom + top) for item, top in zip(stack, tops, strict=True)]
    return placed, "".join(dict.fromkeys(missing_title + missing_artist))


def _draw_text(picture: Image.Image, placed: Sequence[_PlacedText], layout: Layout, place: str) -> None:
    main = next((item for item in placed if item.colour[3] == TITLE_OPACITY), None) or next(
        iter(placed), None
    )
    from_right = main is not None and is_right_to_left(main.block.lines[0])
    right = layout.margin + layout.width if from_right else None
    for item in placed:
        item.lettering.draw(
            picture,
            item.block,
            (layout.margin, item.top),
            item.colour,
            right=right,
            centred="left" not in place,
        )


def _darken(picture: Image.Image, top: int, bottom: int, place: str) -> None:
    """Darken the picture around text from row `top` to `bottom`, so that white is readable on light pictures.

    Text at the foot or the head has a dark edge; text in the middle is in a dark band.
    """
    height = picture.height
    if place == "middle":
        opacity = np.minimum(
            _shade(height, top, to_edge=False), _shade(height, height - bottom, to_edge=False)[::-1]
        )
    elif place.startswith("top"):
        opacity = _shade(height, height - bottom, to_edge=True)[::-1]
    else:
        opacity = _shade(height, top, to_edge=True)
    shade = Image.fromarray(opacity.round().astype(np.uint8)[:, None]).resize(picture.size)
    picture.paste(SHADE, (0, 0), shade)


def _shade(height: int, top: int, *, to_edge: bool) -> NDArray[np.floating]:
    """Return the opacity, 0 to 255, of each row: rising up to row `top`, then as it is or to the edge."""
    start = max(0, top - round(SCRIM_RISE * height))
    rows = np.arange(height, dtype=np.float32)
    rise = np.clip((rows - start) / max(1, top - start), 0, 1)
    ease = rise * rise * (3 - 2 * rise)
    fall = np.clip((rows - top) / max(1, height - top), 0, 1) if to_edge else 0 * rows
    opacity: NDArray[np.floating] = 255 * (SCRIM_TOP * ease + (SCRIM_BOTTOM - SCRIM_TOP) * fall)
    return opacity
