"""The values of one join: as planned, as set by hand, as they would be without, and how far each may go.

Times of a song are seconds of its file, levels are dB on the file's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from django.utils.translation import gettext as _

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import (
    GAINS_DB,
    LONGEST_TRANSITION_S,
    SHORTEST_USE_S,
    JoinSettings,
    MixSettings,
    Use,
)
from mixes.engine.timeline import Timeline
from mixes.engine.timestamps import format_clock
from mixes.models import Mix, MixTrack
from mixes.services.editing.engine_settings import join_settings, settings_of
from mixes.services.editing.plans import MixPlan

FIELDS = ("ends_at", "begins_at", "overlap", "gain_a", "gain_b")
OVERLAPPING = ("smooth", "club", "radio", "classic")  # styles whose overlap can be chosen

Values = dict[str, float]  # by field


@dataclass(frozen=True, slots=True)
class Limit:
    """How far a value may go, and what is there, in sentences."""

    least: float
    most: float
    least_words: str
    most_words: str


@dataclass(frozen=True, slots=True)
class Room:
    """What the limits of a join depend on beside its own values, in seconds."""

    style: str
    titles: tuple[str, str]
    a_first_s: float
    a_length_s: float  # of the file
    b_last_s: float
    b_length_s: float
    before_s: float  # of the mix before A
    a_needs_s: float  # of A for the join before it, where its length is set by hand
    b_needs_s: float  # of B for the join after it, the same

    def longest_overlap_s(self, ends_at: float, begins_at: float) -> float:
        """Return how long both songs may sound together, or how long a pause may be."""
        a_s, b_s = ends_at - self.a_first_s, self.b_last_s - begins_at
        if self.style == "gap":
            return LONGEST_TRANSITION_S
        if self.style == "classic":
            return min(self.before_s + a_s, b_s, LONGEST_TRANSITION_S)
        return min(a_s / 2, b_s / 2, LONGEST_TRANSITION_S)


@dataclass(frozen=True)
class JoinValues:
    """The values of one join by field; a value that is not set by hand is missing in `by_hand`."""

    planned: Values
    by_hand: Values
    automatic: Values
    length: str  # where the overlap comes from: "mix", "auto" or "set"
    style: str  # set for this pair, or empty
    mix_style: str
    play_to_end: bool
    room: Room
    tracks: Sequence[TrackAnalysis]
    settings: MixSettings
    bare: tuple[Use, Use]  # both songs with nothing set for this join

    @cached_property
    def untouched(self) -> Timeline:
        """Return both songs by themselves, with nothing set by hand."""
        return plan_mix(self.tracks, self.settings, [JoinSettings()], self.bare).timeline


def join_values(
    mix: Mix, plan: MixPlan, used: Sequence[MixTrack], place: int, tracks: Sequence[TrackAnalysis]
) -> JoinValues:
    """Return the values of join `place` of a plan: `used` are its items, `tracks` the two analyses."""
    before, after = used[place : place + 2]
    planned = planned_values(plan.timeline, place)
    join = join_settings(before, after)
    stored = {
        "ends_at": before.cue_out_s,
        "begins_at": after.cue_in_s,
        "overlap": None if join.transition_s == "auto" else join.transition_s,
        "gain_a": before.gain_db,
        "gain_b": after.gain_db,
    }
    by_hand = {name: value for name, value in stored.items() if value is not None}
    first_s = plan.timeline.clips[place].file_cue_in / plan.timeline.rate
    last_s = plan.timeline.clips[place + 1].file_cue_out / plan.timeline.rate
    uses = (
        Use(min(first_s, planned["ends_at"] - SHORTEST_USE_S), before.cue_out_s, before.gain_db),
        Use(after.cue_in_s, last_s, after.gain_db),
    )
    settings, _joins, _uses = settings_of(mix, [])
    automatic = {
        **planned,
        **automatic_values(tracks, settings, join, uses, by_hand),
        "gain_a": plan.automatic_gains_db[place],
        "gain_b": plan.automatic_gains_db[place + 1],
    }
    room = room_of(plan.timeline, used, place, tracks)
    return JoinValues(
        planned,
        by_hand,
        automatic,
        length=length_choice(join),
        style=join.style or "",
        mix_style=mix.style,
        play_to_end=join.play_to_end,
        room=room,
        tracks=tracks,
        settings=settings,
        bare=(Use(cue_in_s=uses[0].cue_in_s), Use(cue_out_s=last_s)),
    )


def length_choice(join: JoinSettings) -> str:
    """Return where the length of a join comes from: "mix", "auto" or "set"."""
    if join.transition_s is None:
        return "mix"
    return "auto" if join.transition_s == "auto" else "set"


def planned_values(timeline: Timeline, place: int) -> Values:
    """Return the values of a planned join."""
    before, after = timeline.clips[place : place + 2]
    return {
        "ends_at": before.file_cue_out / timeline.rate,
        "begins_at": after.file_cue_in / timeline.rate,
        "overlap": abs(timeline.transitions[place].overlap) / timeline.rate,
        "gain_a": before.gain_db,
        "gain_b": after.gain_db,
    }


def automatic_values(
    tracks: Sequence[TrackAnalysis],
    settings: MixSettings,
    join: JoinSettings,
    uses: tuple[Use, Use],
    by_hand: Values,
) -> Values:
    """Return what each time set by hand would be without that, planned for the pair by itself."""
    without = {
        "ends_at": (join, (replace(uses[0], cue_out_s=None), uses[1])),
        "begins_at": (join, (uses[0], replace(uses[1], cue_in_s=None))),
        "overlap": (replace(join, transition_s=None), uses),
    }
    return {
        name: planned_values(plan_mix(tracks, settings, [free_join], free_uses).timeline, 0)[name]
        for name, (free_join, free_uses) in without.items()
        if name in by_hand
    }


def room_of(
    timeline: Timeline, used: Sequence[MixTrack], place: int, tracks: Sequence[TrackAnalysis]
) -> Room:
    """Return what limits the values of a planned join."""
    before, after = timeline.clips[place : place + 2]
    return Room(
        style=timeline.transitions[place].style,
        titles=(before.title, after.title),
        a_first_s=before.file_cue_in / timeline.rate,
        a_length_s=tracks[0].duration_s,
        b_last_s=after.file_cue_out / timeline.rate,
        b_length_s=tracks[1].duration_s,
        before_s=before.start / timeline.rate,
        a_needs_s=needed_s(timeline, used, place - 1),
        b_needs_s=needed_s(timeline, used, place + 1),
    )


def needed_s(timeline: Timeline, used: Sequence[MixTrack], place: int) -> float:
    """Return how long the songs of join `place` have to be for its overlap if it is set by hand, else 0."""
    if not 0 <= place < len(timeline.transitions):
        return 0.0
    transition = timeline.transitions[place]
    if length_choice(join_settings(used[place], used[place + 1])) != "set":
        return 0.0
    return share_needed(transition.style) * transition.overlap / timeline.rate


def share_needed(style: str) -> float:
    """Return how many times its overlap a join needs of each of its songs."""
    if style == "classic":
        return 1.0
    return 2.0 if style in OVERLAPPING else 0.0


def limits_of(room: Room, ends_at: float, begins_at: float, overlap_s: float) -> dict[str, Limit]:
    """Return the limits of all values where A ends and B begins at these places.

    `overlap_s` is the overlap where it is set by hand: it has to fit, too. It is 0 else.
    """
    title_a, title_b = room.titles
    own_s = share_needed(room.style) * overlap_s
    own_a_s = own_s - room.before_s if room.style == "classic" else own_s
    a_needs_s = max(SHORTEST_USE_S, room.a_needs_s, own_a_s)
    b_needs_s = max(SHORTEST_USE_S, room.b_needs_s, own_s)
    quietest_db, loudest_db = GAINS_DB
    quiet, loud = (
        _("The level goes down to %g dB.") % quietest_db,
        _("The level goes up to %g dB.") % loudest_db,
    )
    return {
        "ends_at": Limit(
            min(room.a_first_s + a_needs_s, room.a_length_s),
            room.a_length_s,
            _words_of_least(title_a, a_needs_s),
            _("The file of “%s” ends here.") % title_a,
        ),
        "begins_at": Limit(
            0.0,
            max(0.0, room.b_last_s - b_needs_s),
            _("The file of “%s” begins here.") % title_b,
            _words_of_least(title_b, b_needs_s),
        ),
        "overlap": Limit(
            0.0,
            room.longest_overlap_s(ends_at, begins_at),
            _("It cannot be shorter than 0 seconds."),
            _words_of_longest(room.style, room.longest_overlap_s(ends_at, begins_at)),
        ),
        "gain_a": Limit(quietest_db, loudest_db, quiet, loud),
        "gain_b": Limit(quietest_db, loudest_db, quiet, loud),
    }


def _words_of_least(title: str, needs_s: float) -> str:
    if needs_s <= SHORTEST_USE_S:
        return _("Nothing would be left of “%s”.") % title
    return _("The joins of “%(title)s” need %(needs)s of it.") % {
        "title": title,
        "needs": format_clock(needs_s),
    }


def _words_of_longest(style: str, longest_s: float) -> str:
    if style == "gap":
        return _("A pause lasts 60 seconds at most.")
    if longest_s >= LONGEST_TRANSITION_S:
        return _("Two songs play together for 60 seconds at most.")
    if style == "classic":
        return _("There is no more of these songs: they can play together for %.2f s.") % longest_s
    return _("A join takes half of the shorter song at most, which is %.2f s here.") % longest_s
