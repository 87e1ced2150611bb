"""Child program that decodes an untrusted picture: run by `readers.call_reader`, never imported.

In, as JSON on stdin: `source`, `out`, `width`, `height`, `focus`. Out: raw RGB pixels of exactly that size in
the file `out` (raw, so that an exploited decoder cannot craft a file for another one), and on stdout `{}` or
`{"refused": sentence}`. The picture is scaled to fit, never stretched, over a blurred, darkened fill of
itself; with a focus, two shares from 0 to 1, it is cropped around that to fill the frame.
"""

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import (
    ExifTags,
    Image,
    ImageChops,
    ImageCms,
    ImageFilter,
    ImageOps,
    ImageStat,
    UnidentifiedImageError,
    features,
)

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *(("AVIF",) if features.check("avif") else ()))
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")  # to recognise damaged files
MAX_PIXELS = 50_000_000  # a 50 megapixel camera; 200 MB decoded
MAX_SIDE = 20_000
MIN_SIDE = 2
SHRINK = 8  # the fill is blurred at 1/8 of its size: faster, and not visible
BLUR = 1 / 45  # radius as a share of the longer side
FILL_BRIGHTNESS = 0.5
SHADOW = 0.35  # brightness of the fill at the edge of the picture
HAIRLINE = 4  # pixels: bars this thin look like a defect, so the picture is cropped instead
LIGHT, DARK = (238, 238, 240), (24, 24, 28)  # backdrops of transparent pictures
WHITE_LEVELS = (1.0, 255.0, 65_535.0)  # usual values of white in single-channel pictures

NOT_A_PICTURE = "is not a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF picture."
HEIC = "is a HEIC picture, as phones take them, which cannot be opened here. Save it as JPEG or PNG."
AVIF = "is an AVIF picture, which cannot be opened here. Save it as JPEG or PNG."
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
DAMAGED = "is damaged and cannot be read."
UNIDENTIFIED = "is damaged, or of a rare kind, and cannot be read."
TOO_LARGE = f"has too many pixels: at most {MAX_PIXELS // 1_000_000} million are possible."
TOO_LONG = f"is too wide or too high: at most {MAX_SIDE} pixels a side are possible."
TOO_SMALL = "is too small to be seen."
INVISIBLE = "is transparent everywhere, so there is nothing to see."
# EXIF orientation -> transposition that makes the picture upright
EXIF_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class RefusedPicture(Exception):
    """A picture that can be read but not used; the text is for the user."""


def main() -> None:
    """Answer one request; every exception of a decoder becomes a refusal."""
    request: dict[str, Any] = json.load(sys.stdin)
    answer = {}
    try:
        compose(request)
    except RefusedPicture as refusal:
        answer = {"refused": str(refusal)}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        answer = {"refused": TOO_LARGE}
    except UnidentifiedImageError:
        answer = {"refused": unidentified(Path(request["source"]))}
    except Exception:
        # Pillow raised OSError, ValueError, TypeError, SyntaxError and more for a corpus of broken files.
        answer = {"refused": DAMAGED}
    json.dump(answer, sys.stdout)


def unidentified(source: Path) -> str:
    """Return the refusal for a file that Pillow cannot identify: damaged picture, or no picture at all."""
    with source.open("rb") as file:
        start = file.read(64)
    if start[4:8] == b"ftyp":
        if b"avif" in start[8:]:
            return UNIDENTIFIED if "AVIF" in FORMATS else AVIF
        if start[8:12] in HEIC_BRANDS:
            return HEIC
    return UNIDENTIFIED if start.startswith(SIGNATURES) else NOT_A_PICTURE


def compose(request: dict[str, Any]) -> None:
    """Read the picture and write its pixels. Raises RefusedPicture, and any exception of Pillow."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    size = (int(request["width"]), int(request["height"]))
    focus = request.get("focus")
    picture = open_picture(Path(request["source"]), size, covers=focus is not None)
    shown = crop(picture, size, (float(focus[0]), float(focus[1]))) if focus else contain(picture, size)
    Path(request["out"]).write_bytes(shown.tobytes())


def open_picture(source: Path, size: tuple[int, int], *, covers: bool = False) -> Image.Image:
    """Return the first frame, upright and in RGB, reduced to not much more than `size` needs.

    Raises RefusedPicture, and any exception of Pillow.
    """
    long_side = max(size)  # for both sides, because the picture may be rotated later
    with Image.open(source, formats=FORMATS) as opened:
        check_size(*opened.size)
        opened.draft(None, (long_side, long_side))
        opened.load()
        turn = EXIF_TRANSPOSE.get(opened.getexif().get(ExifTags.Base.Orientation, 1))
        profile = opened.info.get("icc_profile")
        side = min(opened.size) if covers else max(opened.size)
        factor = max(1, side // (2 * long_side))
        picture = to_eight_bit(opened).reduce(factor)  # reduced first, to save memory
    upright = picture if turn is None else picture.transpose(turn)
    return flatten(to_srgb(upright, profile))


def check_size(width: int, height: int) -> None:
    """Raise RefusedPicture when a picture is too large to decode or too small to show; decode nothing."""
    if width * height > MAX_PIXELS:
        raise RefusedPicture(TOO_LARGE)
    if max(width, height) > MAX_SIDE:
        raise RefusedPicture(TOO_LONG)
    if min(width, height) < MIN_SIDE:
        raise RefusedPicture(TOO_SMALL)


def to_eight_bit(picture: Image.Image) -> Image.Image:
    """Return palette, colour-key and deep or floating-point grey pictures with eight bits a channel."""
    if picture.mode in ("P", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode[0] in "IF":
        return deep_grey_to_eight_bit(picture)
    return picture


def deep_grey_to_eight_bit(picture: Image.Image) -> Image.Image:
    """Return a grey picture of 16 or 32 bits or floating point as eight bits, scaled by its likely white."""
    grey = picture.convert("F")
    brightest = float(grey.getextrema()[1])  # type: ignore[arg-type]  # one band gives two numbers
    white = next((level for level in WHITE_LEVELS if brightest <= level), brightest)
    if picture.mode.startswith("I;16"):
        white = WHITE_LEVELS[-1]
    return grey.point(lambda level: level * (255 / white)).convert("L")


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as sRGB, in RGB or RGBA, converted from its ICC profile if that is usable."""
    alpha = picture.getchannel("A") if "A" in picture.getbands() else None
    if picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("L" if picture.mode in ("LA", "La") else "RGB")
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            meant, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            picture = ImageCms.profileToProfile(picture, meant, srgb, outputMode="RGB") or picture
    picture = picture.convert("RGB")
    if alpha:
        picture.putalpha(alpha)
    return picture


def flatten(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB over a backdrop that contrasts with its visible part.

    Raises RefusedPicture when all of it is transparent.
    """
    if picture.mode == "RGB":
        return picture
    alpha = picture.getchannel("A")
    if not alpha.getbbox():
        raise RefusedPicture(INVISIBLE)
    brightness = ImageStat.Stat(picture.convert("L"), mask=alpha).mean[0]
    backdrop = Image.new("RGB", picture.size, DARK if brightness > 127 else LIGHT)
    backdrop.paste(picture, mask=alpha)
    return backdrop


def contain(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a new picture of exactly `size`: `picture`, scaled to fit, over a blurred fill of itself."""
    scale = min(size[0] / picture.width, size[1] / picture.height)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    if size[0] - width <= HAIRLINE and size[1] - height <= HAIRLINE:
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    result = blurred_fill(picture, size, (left, top, left + width, top + height))
    result.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return result


def crop(picture: Image.Image, size: tuple[int, int], focus: tuple[float, float]) -> Image.Image:
    """Return a new picture of exactly `size`: `picture` cropped, with `focus` near its middle."""
    scale = max(size[0] / picture.width, size[1] / picture.height)
    box = [side / scale for side in size]
    left, top = (
        min(max(0.0, share * whole - part / 2), whole - part)
        for share, whole, part in zip(focus, picture.size, box, strict=True)
    )
    area = (left, top, left + box[0], top + box[1])
    return picture.resize(size, Image.Resampling.LANCZOS, box=area)


def blurred_fill(
    picture: Image.Image, size: tuple[int, int], front: tuple[float, float, float, float]
) -> Image.Image:
    """Return the fill: the picture cropped to `size`, blurred and darkened, with a shadow around `front`."""
    small = (max(1, size[0] // SHRINK), max(1, size[1] // SHRINK))
    radius = max(small) * BLUR
    fill = ImageOps.fit(picture, small, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(radius))
    shadow = Image.new("L", small, 255)
    left, top, right, bottom = (round(side / SHRINK) for side in front)
    shadow.paste(round(255 * SHADOW), (left, top, right, bottom))
    shadow = shadow.filter(ImageFilter.GaussianBlur(radius / 2))
    dark = ImageChops.multiply(fill, Image.merge("RGB", [shadow] * 3))
    dark = dark.point(lambda level: level * FILL_BRIGHTNESS)
    return dark.resize(size, Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()
