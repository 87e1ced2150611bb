"""Generate the picture of a mix that has none: a gradient in colours of its title, and its waveform.

In: a title, which determines the colours, the peaks of the sound, a size. Out: an RGB picture, the same for
the same input. Colours are mixed in OKLab (Björn Ottosson, 2020), where equal steps look equal, so a gradient
does not turn grey.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
Lab = tuple[float, float, float]
Floats = NDArray[np.float32]

HUE_RANGE = (150.0, 395.0)  # degrees in OKLab, where red is 29, green 142 and blue 264
# the gradient is computed at this many points a side and interpolated: it is smooth
GRADIENT_POINTS = 96
SPREAD = 0.33  # standard deviation of a colour spot, as a share of the picture's side
DITHER = 1.0  # levels of noise: hides banding on large dark areas
SUPERSAMPLE = 3  # bars are drawn larger by this factor and reduced, for smooth round ends
BARS_PER_SIDE = 62  # the distance between bars is the picture's shorter side divided by this
BAR_SHARE = 0.55  # width of a bar as a share of that distance
SHORTEST_BAR = 0.05  # of the greatest height
LAB_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]],
    np.float32,
)
LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ],
    np.float32,
)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours for one title."""

    spots: tuple[tuple[float, float, Lab], ...]  # x and y (0 to 1 from the top left) and colour
    accents: tuple[Colour, Colour]  # of bars and signs, from left to right
    seed: int


def palette_of(title: str) -> Palette:
    """Return the colours of a title, derived from its SHA-256: the same on every machine."""
    digest = hashlib.sha256(title.encode("utf-8", "replace")).digest()
    # Two hues from green over blue and violet to orange: dark colours between orange and green look muddy
    span = 35 + 50 * digest[2] / 255
    first = HUE_RANGE[0] + (HUE_RANGE[1] - HUE_RANGE[0] - span) * int.from_bytes(digest[:2]) / 65535
    one, other = (first, first + span) if digest[3] % 2 else (first + span, first)
    left, right = (0.1, 0.85) if digest[4] % 2 else (0.9, 0.15)
    shift = 0.2 * digest[5] / 255
    spots = (
        (left, 0.05 + shift, _lab(0.52, 0.17, one)),
        (right, 0.25 - shift, _lab(0.43, 0.15, other)),
        (0.5, 0.6, _lab(0.31, 0.11, (one + other) / 2)),
        (left, 1.0, _lab(0.18, 0.05, other)),
        (right, 1.0, _lab(0.22, 0.07, one)),
    )
    accents = (_rgb(_lab(0.88, 0.09, other)), _rgb(_lab(0.83, 0.13, one)))
    return Palette(spots, accents, int.from_bytes(digest[6:10]))


def spot_colours(palette: Palette) -> list[Colour]:
    """Return the colour of each spot, to draw the same gradient elsewhere (SVG, CSS)."""
    return [_rgb(colour) for _, _, colour in palette.spots]


def gradient(palette: Palette, size: tuple[int, int]) -> Image.Image:
    """Return a smooth gradient of the palette's spots as an RGB picture of `size`, dithered."""
    y, x = np.mgrid[0 : 1 : GRADIENT_POINTS * 1j, 0 : 1 : GRADIENT_POINTS * 1j].astype(np.float32)
    weighted = np.zeros((GRADIENT_POINTS, GRADIENT_POINTS, 3), np.float32)
    weights = np.zeros((GRADIENT_POINTS, GRADIENT_POINTS, 1), np.float32)
    for spot_x, spot_y, colour in palette.spots:
        weight = np.exp(-((x - spot_x) ** 2 + (y - spot_y) ** 2) / (2 * SPREAD**2))[..., None]
        weighted += weight * np.array(colour, np.float32)
        weights += weight
    levels = 255 * _lab_to_srgb(weighted / weights)
    rng = np.random.default_rng(palette.seed)
    return Image.merge("RGB", [_upscale(levels[..., channel], size, rng) for channel in range(3)])


def draw_waveform(
    picture: Image.Image, peaks: Sequence[tuple[float, float]], box: Box, accents: tuple[Colour, Colour]
) -> None:
    """Draw `peaks`, (lowest, highest) pairs from -1 to 1, as round bars within `box` on an RGB picture."""
    left, top, right, bottom = box
    pitch = min(picture.size) / BARS_PER_SIDE
    heights = bar_heights(peaks, int((right - left) / pitch))
    mask = Image.new("L", ((right - left) * SUPERSAMPLE, (bottom - top) * SUPERSAMPLE))
    pen = ImageDraw.Draw(mask)
    thickness = pitch * BAR_SHARE * SUPERSAMPLE
    for index, height in enumerate(heights):
        begin = index * pitch * SUPERSAMPLE
        half = max(thickness, height * mask.height) / 2
        middle = mask.height / 2
        pen.rounded_rectangle(
            (begin, middle - half, begin + thickness - 1, middle + half - 1), thickness / 2, fill=255
        )
    mask = mask.resize((right - left, bottom - top), Image.Resampling.BOX)
    picture.paste(_colour_ramp(accents, mask.size), (left, top), mask)


def bar_heights(peaks: Sequence[tuple[float, float]], count: int) -> list[float]:
    """Return `count` bar heights from 0 to 1 that follow the peaks; an empty list for silence.

    Modern masters are loud throughout, so the heights are stretched from the quietest part to the loudest.
    """
    if not peaks or count < 1:
        return []
    spans = np.abs(np.asarray(peaks, np.float32)).max(axis=1)
    borders = np.linspace(0, len(spans), count + 1)
    firsts = borders[:-1].astype(int)
    lasts = np.maximum(np.ceil(borders[1:]).astype(int), firsts + 1)
    bars = np.array([spans[first:last].mean() for first, last in zip(firsts, lasts, strict=True)])
    low, high = 0.6 * np.percentile(bars, 5), np.percentile(bars, 98)
    if high <= 0:
        return []
    shown = np.clip((bars - low) / max(high - low, 1e-6), 0, 1)
    return [float(max(SHORTEST_BAR, height)) for height in shown**1.3]


def _upscale(levels: Floats, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    smooth = Image.fromarray(np.ascontiguousarray(levels)).resize(size, Image.Resampling.BICUBIC)
    pixels = np.array(smooth)
    pixels += rng.random(pixels.shape, np.float32) * DITHER - DITHER / 2 + 0.5  # 0.5 rounds
    return Image.fromarray(np.clip(pixels, 0, 255, out=pixels).astype(np.uint8))


def _colour_ramp(colours: tuple[Colour, Colour], size: tuple[int, int]) -> Image.Image:
    ramp = np.linspace(colours[0], colours[1], size[0]).round().astype(np.uint8)
    return Image.fromarray(ramp[None]).resize(size, Image.Resampling.NEAREST)


def _lab(lightness: float, chroma: float, hue_degrees: float) -> Lab:
    """Return an OKLab colour, its chroma reduced until it fits sRGB: clipped colours leave edges."""
    hue = math.radians(hue_degrees)
    while True:
        lab = (lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        linear = _lab_to_linear(np.array(lab, np.float32))
        if chroma < 0.01 or (linear.min() >= 0 and linear.max() <= 1):
            return lab
        chroma *= 0.97


def _rgb(lab: Lab) -> Colour:
    red, green, blue = (round(255 * float(level)) for level in _lab_to_srgb(np.array(lab, np.float32)))
    return (red, green, blue)


def _lab_to_srgb(lab: Floats) -> Floats:
    """Convert OKLab to sRGB from 0 to 1, both of shape (..., 3); colours outside sRGB are clipped."""
    linear = np.clip(_lab_to_linear(lab), 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return curved.astype(np.float32)


def _lab_to_linear(lab: Floats) -> Floats:
    return ((lab @ LAB_TO_LMS.T) ** 3 @ LMS_TO_RGB.T).astype(np.float32)
