"""The look of a mix: its description, and whether YouTube will accept its chapters."""

from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _

from mixes.engine.tracklist.chapters import chapters_of
from mixes.engine.tracklist.description import render_description
from mixes.engine.tracklist.youtube import FEWEST_CHAPTERS, LIMIT_BYTES, SHORTEST_CHAPTER_S
from mixes.models import Mix
from mixes.services import wording
from mixes.services.editing.plans import MixPlan, plan_of
from mixes.services.rendering.frames import frame_key, frames_of
from mixes.services.shows.names import fill_in_words

TIGHT_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement of YouTube for chapters, and whether the tracklist meets it."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Words:
    """A rendered description with its length."""

    text: str
    bytes: int
    most_bytes: int
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]
    has_chapters: bool

    @property
    def is_tight(self) -> bool:
        """Return whether it is close to the length limit."""
        return self.bytes > TIGHT_SHARE * self.most_bytes


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A frame of the video: when it is shown, what it is, and a key of its content for its address."""

    moment: str
    start_s: float
    words: str
    key: str


@dataclass(frozen=True, slots=True)
class LookPage:
    """The page of a mix's look, beside its form."""

    words: Words | None  # None while there is no ready song
    frames: tuple[ShownFrame, ...]
    size: tuple[int, int]

    @property
    def shape(self) -> str:
        return shape_of(self.size)


def shape_of(size: tuple[int, int]) -> str:
    """Return the shape of a picture: "wide", "square" or "tall"."""
    width, height = size
    return "wide" if width > height else "square" if width == height else "tall"


def look_page(mix: Mix) -> LookPage:
    """Return the look of a mix, from its plan."""
    plan = plan_of(mix)
    width, height = map(int, mix.video_size.split("x"))
    template = fill_in_words(mix, mix.description_template)
    words = _words(plan, mix.title, template, mix.hashtags) if plan else None
    return LookPage(words, shown_frames(mix, plan), (width, height))


def shown_frames(mix: Mix, plan: MixPlan | None) -> tuple[ShownFrame, ...]:
    """Return the frames of the video that the page shows."""
    moments = {"start": _("At the start"), "card": _("A song's name"), "end": _("At the end")}
    frames = frames_of(mix, plan)
    if len(frames) == 1:
        moments["start"] = _("All the time")
    return tuple(
        ShownFrame(frame.moment, frame.start_s, moments[frame.moment], frame_key(mix, frame))
        for frame in frames
    )


def describe(mix: Mix, *, title: str, artist: str, description_template: str, hashtags: str) -> Words | None:
    """Return the description for other settings, without saving them."""
    plan = plan_of(mix)
    return _words(plan, title, fill_in_words(mix, description_template), hashtags) if plan else None


def _words(plan: MixPlan, title: str, template: str, hashtags: str) -> Words:
    chapters = chapters_of(plan.timeline)
    description = render_description(
        template,
        chapters,
        plan.duration_s,
        title=title,
        date=wording.today(),
        hashtags=hashtags.split(),
    )
    starts_s = [chapter.start_s for chapter in chapters] + [plan.duration_s]
    too_short = sum(b - a < SHORTEST_CHAPTER_S for a, b in pairwise(starts_s))
    rules = (
        Rule(_("The description holds the tracklist"), "{tracklist}" in template),
        Rule(_("It begins at 0:00"), True),
        Rule(_("There are three songs or more"), len(chapters) >= FEWEST_CHAPTERS),
        Rule(_("Each song lasts 10 seconds or longer"), not too_short),
        Rule(_("YouTube will show chapters"), description.youtube_chapters),
    )
    size = len(description.text.encode())
    return Words(description.text, size, LIMIT_BYTES, rules, description.notes, description.youtube_chapters)
