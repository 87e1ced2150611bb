"""Which pictures a video shows and when, and how each is drawn: for the render and for previews alike.

In: a scene and the chapters. Out: a plan of slides, and a PNG for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.pictures.look import VideoLook
from mixes.engine.pictures.mix_outline import Outline
from mixes.engine.pictures.pictures import Size, generated_picture, safe_picture, title_card, title_on
from mixes.engine.tracklist.chapters import Chapter

SHORTEST_BETWEEN_S = 1.0  # of the picture without words between two title cards


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a video shows, besides its songs. `outline` is used without a picture only."""

    title: str
    artist: str
    picture: Path | None
    look: VideoLook
    has_cards: bool
    outline: Outline


@dataclass(frozen=True, slots=True)
class PlannedSlide:
    """A picture and the audio frame from which it is shown; the background has no number."""

    number: int | None  # of the song on its title card, from 1
    start: int


def plan_slides(scene: Scene, chapters: Sequence[Chapter], frames: int, rate: int) -> list[PlannedSlide]:
    """Return the slides of a video of `frames` audio frames in order; the first one starts at 0."""
    if not scene.has_cards or not chapters:
        return [PlannedSlide(None, 0)]
    slides = []
    ends = [*(chapter.start for chapter in chapters[1:]), frames]
    for number, (chapter, end) in enumerate(zip(chapters, ends, strict=True), 1):
        slides.append(PlannedSlide(number, chapter.start))
        shown = end if scene.look.card_s is None else chapter.start + round(scene.look.card_s * rate)
        if end - shown >= SHORTEST_BETWEEN_S * rate:
            slides.append(PlannedSlide(None, shown))
    return slides


def draw_background(
    scene: Scene, size: Size, out: Path, *, is_cover: bool = False, should_stop: ShouldStop = never
) -> str:
    """Write the picture without title cards; return the characters without a font.

    A cover always has the title that a video without cards would have. Raises PictureError, Cancelled.
    """
    has_cards = scene.has_cards and not is_cover
    look = scene.look
    if scene.picture is None:
        text = look.title == "always" or (look.title == "drawn" and not has_cards)
        return generated_picture(scene.title, scene.artist, scene.outline, size, out, text=text, look=look)
    safe_picture(scene.picture, size, out, look=look, should_stop=should_stop)
    return title_on(out, scene.title, scene.artist, out, look=look) if look.title == "always" else ""


def draw_card(scene: Scene, background: Path, chapter: Chapter, number: int, out: Path) -> str:
    """Write the title card of a song over the background; return the characters without a font."""
    return title_card(background, chapter.title, chapter.artist, number, out, look=scene.look)
