"""The tracks of a planned mix: start times, the join after each and its reason, MP3 frames copied."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mixes.engine.timeline import Clip, Timeline, Transition
from mixes.models import Mix, MixTrack
from mixes.services.editing.engine_settings import join_settings
from mixes.services.editing.plans import MixPlan

MINUS = "\u2212"
SHORTER_S = 0.05  # shorter than set by this much: shown as shortened


@dataclass(frozen=True, slots=True)
class PlannedJoin:
    """The join after a track, for the chip between two rows."""

    style: str
    length_s: float  # silence of the style `gap`
    reason: str  # sentences
    by_hand: bool
    hint: str  # the reason: a key of `wording.HINTS`, or empty


@dataclass(frozen=True, slots=True)
class PlannedTrack:
    """An item's place in the plan, and the join after it; the last one has none."""

    item: MixTrack
    start_s: float
    join: PlannedJoin | None


def planned_tracks(mix: Mix, plan: MixPlan, items: Sequence[MixTrack]) -> list[PlannedTrack]:
    """Return one entry per clip of the plan, in order. `items` are all items of the mix."""
    timeline, used = plan.timeline, plan.used(items)
    joins = [
        _planned_join(mix, pair, transition, timeline.rate)
        for pair, transition in zip(pairwise(used), timeline.transitions, strict=True)
    ]
    return [
        PlannedTrack(item, clip.start / timeline.rate, join)
        for item, clip, join in zip(used, timeline.clips, [*joins, None], strict=True)
    ]


def _planned_join(
    mix: Mix, pair: tuple[MixTrack, MixTrack], transition: Transition, rate: int
) -> PlannedJoin:
    item, into = pair
    length_s = abs(transition.overlap) / rate
    cut_by_hand = item.cue_out_s is not None or into.cue_in_s is not None
    by_hand = item.is_joined_by_hand_with(into) or item.play_to_end or cut_by_hand
    hint = _hint(mix, pair, transition, length_s)
    return PlannedJoin(transition.style, length_s, transition.reason, by_hand, hint)


def _hint(mix: Mix, pair: tuple[MixTrack, MixTrack], transition: Transition, length_s: float) -> str:
    """Return the first reason that applies."""
    item, into = pair
    if item.has_join_set and not item.is_joined_by_hand_with(into):
        return "parted"
    if transition.style in ("gapless", "gap", "cut"):
        return transition.style
    wanted = join_settings(item, into).transition_s
    wanted_s = (mix.transition_s if mix.transition_s is not None else "auto") if wanted is None else wanted
    if wanted_s != "auto" and length_s < wanted_s - SHORTER_S:
        return "shortened"
    return (transition.gist or "fitted") if wanted_s == "auto" else ""


def songs_copied(timeline: Timeline) -> list[tuple[str, str]]:
    """Return the title of each song and what becomes of it; empty where no MP3 is made of MP3 songs."""
    clips = timeline.clips
    is_told = any(clip.is_copied or clip.encoded_because for clip in clips)
    return [(clip.title, copied_words(clip)) for clip in clips] if is_told else []


def count_in_words(timeline: Timeline) -> str:
    """Return how many songs pass through untouched; empty where nothing is known."""
    if not songs_copied(timeline):
        return ""
    copied, songs = sum(clip.is_copied for clip in timeline.clips), len(timeline.clips)
    words = ngettext(
        "%(copied)d of %(songs)d song passes through untouched",
        "%(copied)d of %(songs)d songs pass through untouched",
        songs,
    )
    return words % {"copied": copied, "songs": songs}


def copied_words(clip: Clip) -> str:
    """Return what becomes of a song's MP3 frames."""
    if not clip.is_copied:
        return _("encoded, because %s") % clip.encoded_because
    if not clip.gain_step:
        return _("copied")
    return _("copied, %s dB") % f"{clip.gain_db:+.1f}".replace("-", MINUS)
