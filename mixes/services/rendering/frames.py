"""Frames of a mix's video before it is made, drawn by the code that draws the video."""

import contextlib
import hashlib
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from PIL import Image

from mixes.engine.errors import PictureError
from mixes.engine.pictures.look import VideoLook
from mixes.engine.pictures.mix_outline import Outline, mix_outline
from mixes.engine.pictures.slides import PlannedSlide, Scene, draw_background, draw_card, plan_slides
from mixes.engine.pipeline.request import PIPELINE_VERSION
from mixes.engine.pipeline.work_folder import lock
from mixes.engine.tracklist.chapters import Chapter, chapters_of
from mixes.models import Mix
from mixes.services import storage
from mixes.services.analyses import analyses_of
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.plans import MixPlan, plan_of
from mixes.services.library.scratch import PICTURE
from mixes.services.rendering.snapshots import size_of

Moment = Literal["start", "card", "end"]
MOMENTS: tuple[Moment, ...] = ("start", "card", "end")
KEPT = "frame"  # kind of the scratch folders that hold drawn frames
LONGEST_SIDE = 1280  # pixels of a frame on a page
QUALITY = 92


@dataclass(frozen=True, slots=True)
class Frame:
    """A moment of the video and what it shows; `number` is of the song on its title card."""

    moment: Moment
    start_s: float
    slide: PlannedSlide


def frames_of(mix: Mix, plan: MixPlan | None) -> tuple[Frame, ...]:
    """Return the start of the video, a title card behind it, and the end; each picture once."""
    if plan is None:
        return (Frame("start", 0.0, PlannedSlide(None, 0)),)
    timeline = plan.timeline
    slides = plan_slides(_scene(mix, ()), chapters_of(timeline), timeline.frames, timeline.rate)
    cards = [slide for slide in slides[1:] if slide.number is not None] or slides
    chosen = {"start": slides[0], "card": cards[0], "end": slides[-1]}
    shown: dict[PlannedSlide, Frame] = {}
    for moment in MOMENTS:
        slide = chosen[moment]
        shown.setdefault(slide, Frame(moment, slide.start / timeline.rate, slide))
    return tuple(shown.values())


def frame_key(mix: Mix, frame: Frame) -> str:
    """Return a hash of everything that the frame shows, as 32 hexadecimal digits."""
    picture = mix.artwork.file if mix.artwork else mix.plan_key
    words = (mix.title, mix.artist, picture, mix.video_size, mix.title_cards)
    content = (PIPELINE_VERSION, words, sorted(mix.look.items()), mix.plan_key, frame)
    return hashlib.sha256(repr(content).encode()).hexdigest()[:32]


def frame_jpeg(mix: Mix, moment: str) -> tuple[bytes, str] | None:
    """Return a frame as JPEG and its key; None without such a moment, or with an unusable picture.

    It is drawn once, and kept for a day after its last use.
    """
    items = items_of(mix)
    plan = plan_of(mix, items)
    frame = next((frame for frame in frames_of(mix, plan) if frame.moment == moment), None)
    if frame is None:
        return None
    key = frame_key(mix, frame)
    folder = storage.scratch_path(KEPT, UUID(key))
    kept = folder / "frame.jpg"
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder)  # `pruning` removes scratch folders by age
        return kept.read_bytes(), key
    outline: Outline = ()
    if plan and not mix.artwork:
        tracks = [item.track for item in plan.used(items)]
        known = analyses_of(tracks)
        outline = mix_outline(plan.timeline, [known[track.pk] for track in tracks])
    chapters = chapters_of(plan.timeline) if plan else ()
    try:
        jpeg = _draw(_scene(mix, outline), frame, chapters, size_of(mix))
    except PictureError:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid4().hex}.part"
    part.write_bytes(jpeg)
    part.replace(kept)
    return jpeg, key


def _scene(mix: Mix, outline: Outline) -> Scene:
    picture = storage.path_of(mix.artwork.file) if mix.artwork else None
    return Scene(mix.title, mix.artist, picture, VideoLook(**mix.look), mix.title_cards, outline)


def _draw(scene: Scene, frame: Frame, chapters: tuple[Chapter, ...], size: tuple[int, int]) -> bytes:
    uploads = storage.uploads_folder()
    with tempfile.TemporaryDirectory(dir=uploads, prefix=PICTURE) as name, lock(Path(name)):
        picture = Path(name, "background.png")
        draw_background(scene, size, picture)
        if frame.slide.number is not None:
            card = Path(name, "card.png")
            draw_card(scene, picture, chapters[frame.slide.number - 1], frame.slide.number, card)
            picture = card
        shown = io.BytesIO()
        with Image.open(picture, formats=("PNG",)) as opened:
            opened.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
            opened.save(shown, "JPEG", quality=QUALITY)
        return shown.getvalue()
