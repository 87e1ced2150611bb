"""Plan each join of a mix: how long two clips overlap, how each is faded, and why.

In: analyses, the part used of each track, settings. Out: `PlannedJoins`: transitions, the spans as the joins
leave them, and notes on what is left out. Style `smooth` and `radio` ask `join_search`; the others are rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.club.eligibility import CANNOT_STRETCH, are_calm
from mixes.engine.club.search import ClubJoin, NotClub, known_club_join
from mixes.engine.club.sides import ClubSide, voice_runs
from mixes.engine.club.whole_frames import to_frames
from mixes.engine.club.words import describe_left_for_beats, describe_unheard
from mixes.engine.mixing.join_search import LAWS, RADIO_LAWS, JoinChoice, find_join
from mixes.engine.mixing.ride import Ride, plan_ride
from mixes.engine.mixing.settings import JoinSettings, Length, MixSettings, Use
from mixes.engine.mixing.song_levels import HOP_S, SongLevels
from mixes.engine.mixing.transitions import BASS_SWAP_S, CUT_S
from mixes.engine.timeline import RADIO_FADE_IN_S, Transition

CLASSIC_AUTO_S = 2.0, 15.0  # shortest and longest
CLASSIC_STEP_S = 0.010  # pydub cuts at whole milliseconds; ten of them are whole frames at 44.1 and 48 kHz
LEFT_OUT_S = 0.5  # a shorter piece of an ending is not worth a note
FULL_LEVEL_S = 0.5  # an outro that is shorter ends at full level
MEETS_WITHIN_S = 1.0
LONG_FADE_SHARE = 0.75  # of the overlap: a crossfade one hears as such
SHORTEST_BASS_SWAP_S = 3.0
STRONG_BASS_DB = -12.0  # relative to the whole: two such basses at once are heard as mud
OVERLAY_S = 16.0  # of two songs without beats and voices
MEET = "meet"  # gist of a join at which the bodies meet; the others are keys of ENDINGS
QUIET_TAILS = "Quiet tails under the next song are left out"  # begins the note on them
KNOWN_JOINS_MAX = 20_000  # searched joins kept in this process, about 200 bytes each

ENDINGS = {
    "left": "{name} is left before its ending.",
    "fades_out": "{name} fades out by itself over {outro_s:.1f} s.",
    "long_tail": "{name} has a long, quiet ending.",
    "held": "{name} ends on a held sound.",
    "full_stop": "{name} ends at full level.",
    "rings_out": "{name} rings out over {outro_s:.1f} s.",
}

_known: dict[tuple[object, ...], tuple[JoinChoice, Ride]] = {}


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a track that is used, in frames at the mix rate."""

    first: int
    last: int  # exclusive
    frames: int  # of the whole file
    head_source: int = 0  # as of a Clip
    head_frames: int = 0

    @property
    def length(self) -> int:
        """Return for how many frames of the mix it is heard."""
        return self.last - self.first - self.head_source + self.head_frames


@dataclass(frozen=True, slots=True)
class PlannedJoins:
    """One transition between every two tracks, the spans they leave, and what is left out, in sentences."""

    transitions: tuple[Transition, ...]
    spans: tuple[Span, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedJoin:
    """One transition, and the parts used of both tracks as it leaves them."""

    transition: Transition
    before: Span
    after: Span


@dataclass(frozen=True, slots=True)
class Side:
    """One track at a join: its analysis, the part that is used, its gain, and the rate of the mix."""

    track: TrackAnalysis
    span: Span
    gain_db: float
    rate: int
    taken: int = 0  # frames at the start of what is used that the join before it overlaps
    is_set: bool = (
        False  # its end (of the outgoing track) or its start (of the incoming one) is not to be moved
    )

    @property
    def name(self) -> str:
        return f"“{self.track.tags.title}”"

    @property
    def outro_s(self) -> float:
        """Seconds from the end of the body to the end of what is used."""
        return max(0.0, self.span.last / self.rate - self.track.cues.outro_start / self.track.rate)

    @property
    def intro_s(self) -> float:
        """Seconds from the start of what is used to the start of the body."""
        return max(0.0, self.track.cues.intro_end / self.track.rate - self.span.first / self.rate)

    @property
    def is_cut(self) -> bool:
        """Return whether what is used ends before the track's own ending begins."""
        return self.span.last / self.rate < self.track.cues.outro_start / self.track.rate - HOP_S

    def key(self) -> tuple[object, ...]:
        span = self.span
        sound = (self.track.sha256, self.track.version, self.track.voices)
        return (*sound, span.first, span.last, span.frames, self.rate)

    def levels(self) -> SongLevels:
        """Return the power curve and the places that the search needs, in seconds of the file."""
        first_s, last_s = self.span.first / self.rate, self.span.last / self.rate
        return SongLevels.of(self.track, first_s, last_s, self.gain_db)

    def for_club(self) -> ClubSide:
        """Return what a beat-matched join depends on."""
        span, rate = self.span, self.rate
        places_s = span.first / rate, span.last / rate, (span.first + self.taken) / rate
        voices = voice_runs(self.track.voices)
        return ClubSide(self.track, *places_s, self.is_set, lambda: self.levels().music_meter(), voices)


def plan_joins(
    tracks: Sequence[TrackAnalysis],
    spans: Sequence[Span],
    gains_db: Sequence[float],
    styles: Sequence[tuple[str, str]],
    settings: MixSettings,
    joins: Sequence[JoinSettings],
    uses: Sequence[Use],
    rate: int,
) -> PlannedJoins:
    """Plan every join in order; each may overlap as much as there is of the mix before it.

    `gains_db` are the gains at which the tracks are compared, `styles` a style and why for each join. An end
    that is set in `uses` is kept.
    """
    spans, left_out, for_beats = list(spans), list[str](), list[str]()
    transitions: list[Transition] = []
    mix_frames = 0
    for index, ((style, why_style), join) in enumerate(zip(styles, joins, strict=True)):
        taken = max(0, transitions[-1].overlap) if transitions else 0
        taken += spans[index].head_source - spans[index].head_frames
        to_end = join.play_to_end or settings.keep_endings or uses[index].cue_out_s is not None
        set_start = not settings.trim or uses[index + 1].cue_in_s is not None
        before = Side(tracks[index], spans[index], gains_db[index], rate, taken, to_end or not settings.trim)
        after = Side(tracks[index + 1], spans[index + 1], gains_db[index + 1], rate, is_set=set_start)
        length = settings.transition_s if join.transition_s is None else join.transition_s
        if style == "gap":
            length = settings.gap_s if join.transition_s in (None, "auto") else join.transition_s
        room = min(before.span.length, after.span.length) // 2
        if style == "classic":
            room = min(mix_frames + before.span.length, after.span.length)
        if style == "club":
            planned = plan_club(length, before, after, room, to_end=to_end, can_stretch=settings.can_stretch)
        else:
            transition, last = plan_join(style, length, before, after, room, to_end=to_end)
            planned = PlannedJoin(transition, replace(before.span, last=last), after.span)
        transition, spans[index], spans[index + 1] = planned.transition, planned.before, planned.after
        if transition.style == "club":
            ends_early_s = (before.span.last - spans[index].last) / rate
            starts_late_s = (spans[index + 1].first - after.span.first) / rate
            for_beats += describe_unheard((before.name, ends_early_s), (after.name, starts_late_s))
        elif before.span.last - spans[index].last > LEFT_OUT_S * rate:
            left_out.append(f"{(before.span.last - spans[index].last) / rate:.1f} s of {before.name}")
        reasons = (why_style, "" if style == "gapless" and why_style else transition.reason)
        soften = settings.soften and style in ("smooth", "radio", "club")
        transitions.append(replace(transition, reason=" ".join(filter(None, reasons)), soften=soften))
        mix_frames += spans[index].length - transition.overlap
    notes = (*describe_left_out(left_out), *describe_left_for_beats(for_beats))
    return PlannedJoins(tuple(transitions), tuple(spans), notes)


def plan_join(
    style: str, length: Length, before: Side, after: Side, room: int, *, to_end: bool
) -> tuple[Transition, int]:
    """Return one transition of at most `room` frames, and the last frame used of the outgoing track."""
    rate, last = before.rate, before.span.last
    if style == "gapless":
        return Transition(style, 0, "They follow each other without a fade."), last
    if style == "gap":
        assert length != "auto"
        return Transition(style, -round(length * rate), f"{length:g} s of silence."), last
    if style == "cut":
        overlap = min(round(CUT_S * rate), room)
        return even_fades(Transition(style, overlap, "Cut from one to the next."), rate), last
    if style == "classic":
        return plan_classic(length, before, room), last
    return search_join(style, length, before, after, room, to_end=to_end)


def plan_club(
    length: Length, before: Side, after: Side, room: int, *, to_end: bool, can_stretch: bool
) -> PlannedJoin:
    """Return a join beat on beat, or else one of style `smooth` that says why."""
    rate = before.rate
    length_s = None if length == "auto" else length
    a, b = before.for_club(), after.for_club()
    found = known_club_join(a, b, length_s, room / rate) if can_stretch else NotClub(CANNOT_STRETCH)
    if isinstance(found, ClubJoin):
        last_a, last_b = before.span.last, after.span.last
        framed = to_frames(found, rate, last_a=last_a, last_b=last_b, beat_s=a.beat_s, length_s=length_s)
        heads = {"head_source": framed.head_source, "head_frames": framed.head_frames}
        heard = replace(after.span, first=framed.first_b, **heads)
        return PlannedJoin(framed.transition, replace(before.span, last=framed.end_a), heard)
    if length_s is None and room >= OVERLAY_S * rate and are_calm(a, b, OVERLAY_S):
        transition = plan_overlay(before, after)
        last = before.span.last
    else:
        transition, last = search_join("smooth", length, before, after, room, to_end=to_end)
    reason = " ".join(filter(None, (found.reason, transition.reason)))
    transition = replace(transition, reason=reason, why_not_club=found.reason)
    return PlannedJoin(transition, replace(before.span, last=last), after.span)


def plan_overlay(before: Side, after: Side) -> Transition:
    """Return a long crossfade of two songs without beats and voices."""
    overlap = round(OVERLAY_S * before.rate)
    swap_s = plan_bass_swap(before, after, before.span.last, overlap)
    reason = f"Nobody sings there, so both lie over each other for {OVERLAY_S:.0f} s."
    return even_fades(Transition("smooth", overlap, reason, bass_swap_s=swap_s, gist="overlay"), before.rate)


def even_fades(transition: Transition, rate: int) -> Transition:
    """Return the transition with both fades as long as its overlap."""
    length_s = transition.overlap / rate
    return replace(transition, fade_out_s=length_s, fade_in_s=length_s)


def plan_classic(length: Length, before: Side, room: int) -> Transition:
    """Return a transition by the original script's rule, which knows no endings."""
    shortest_s, longest_s = CLASSIC_AUTO_S
    length_s = min(max(before.outro_s, shortest_s), longest_s) if length == "auto" else max(length, CUT_S)
    reason = describe_ending(before) if length == "auto" else f"{length:g} s as chosen."
    overlap = round(length_s * before.rate)
    reason += describe_shortened(overlap, room, before.rate)
    step = round(CLASSIC_STEP_S * before.rate)
    return even_fades(Transition("classic", min(overlap, room) // step * step, reason), before.rate)


def search_join(
    style: str, length: Length, before: Side, after: Side, room: int, *, to_end: bool
) -> tuple[Transition, int]:
    """Return the join that the search finds best, of the length that is set where one is."""
    rate = before.rate
    length_s = None if length == "auto" else max(length, CUT_S)
    choice, ride = known_join(style, length_s, before, after, to_end=to_end)
    overlap = min(round(choice.overlap_s * rate), room)
    last = min(
        max(round(choice.end_s * rate), before.span.first + max(1, max(overlap, before.taken) + overlap)),
        before.span.last,
    )
    fade_out_s = min(choice.fade_out_s, overlap / rate)
    fade_in_s = min(choice.fade_in_s, overlap / rate)
    if style == "radio":
        fade_in_s = min(RADIO_FADE_IN_S, overlap / rate)
    if length_s is None:
        reason = describe_choice(choice, before, after)
        if choice.is_shorter_for_voices:
            reason += (
                " It is shorter than it could be, so that two voices are heard at once as little as possible."
            )
        gist = MEET if do_bodies_meet(choice, before, after) else ending_of(before)
    else:
        reason = f"{length_s:g} s as chosen." + describe_shortened(round(length_s * rate), room, rate)
        gist = ""
    transition = Transition(
        style, overlap, reason, fade_out_s=fade_out_s, fade_in_s=fade_in_s, ride=ride, gist=gist
    )
    if style == "smooth":
        transition = replace(transition, bass_swap_s=plan_bass_swap(before, after, last, overlap))
    return replace(transition, reason=" ".join((reason, *describe_help(transition)))), last


def plan_bass_swap(before: Side, after: Side, last: int, overlap: int) -> float | None:
    """Return when the bass changes hands, in seconds of the overlap; None where the basses do not clash."""
    overlap_s = overlap / before.rate
    levels_db = (before.track.bass_end_db, after.track.bass_start_db)
    if overlap_s < SHORTEST_BASS_SWAP_S or any(db is None or db < STRONG_BASS_DB for db in levels_db):
        return None
    body_end_s = before.track.cues.outro_start / before.track.rate - (last - overlap) / before.rate
    middle_s = (body_end_s + after.intro_s) / 2
    return round(min(max(middle_s, BASS_SWAP_S / 2), overlap_s - BASS_SWAP_S / 2), 3)


def known_join(
    style: str, length_s: float | None, before: Side, after: Side, *, to_end: bool
) -> tuple[JoinChoice, Ride]:
    """Return what the search finds and the level ride over it.

    Results are kept per pair, so an edit of a long mix searches its new pairs only.
    """
    difference_db = round(after.gain_db - before.gain_db, 2)
    key = (style, length_s, before.key(), after.key(), difference_db, to_end)
    if key not in _known:
        if len(_known) >= KNOWN_JOINS_MAX:
            _known.clear()
        laws = RADIO_LAWS if style == "radio" else LAWS
        a, b = before.levels(), after.levels()
        choice = find_join(a, b, length_s, laws, to_end=to_end)
        _known[key] = choice, plan_ride(a, b, choice)
    return _known[key]


def ending_of(side: Side) -> str:
    """Return how a track ends: a key of ENDINGS."""
    cues = side.track.cues
    if side.is_cut:
        return "left"
    if cues.self_fading:
        return "fades_out"
    if cues.long_tail:
        return "long_tail"
    if cues.sustained:
        return "held"
    return "full_stop" if side.outro_s < FULL_LEVEL_S else "rings_out"


def describe_ending(side: Side) -> str:
    """Return a sentence on how a track ends."""
    return ENDINGS[ending_of(side)].format(name=side.name, outro_s=side.outro_s)


def do_bodies_meet(choice: JoinChoice, before: Side, after: Side) -> bool:
    """Return whether B begins under A's ending so that its body starts as that of A ends."""
    meets_s = before.outro_s + after.intro_s - (before.span.last / before.rate - choice.end_s)
    return abs(choice.overlap_s - meets_s) <= MEETS_WITHIN_S and after.intro_s >= FULL_LEVEL_S


def describe_choice(choice: JoinChoice, before: Side, after: Side) -> str:
    """Return in one or two sentences why a join is as it is."""
    over = f"{choice.overlap_s:.1f} s"
    if ending_of(before) == "full_stop":
        ending = f"{before.name} stops at full level, so it fades over {choice.fade_out_s:.1f} s."
    else:
        ending = describe_ending(before)
    if do_bodies_meet(choice, before, after):
        return (
            f"{ending} {after.name} begins under the last {over} of it, so that its loud part starts "
            "as that of the first one ends."
        )
    if choice.fade_in_s >= LONG_FADE_SHARE * choice.overlap_s:
        return f"{ending} {after.name} comes in over {over}."
    if choice.fade_out_s >= LONG_FADE_SHARE * choice.overlap_s:
        return f"{ending} {after.name} begins at its own level {over} before its end."
    return f"{ending} {after.name} begins {over} before its end; each keeps its own ending and beginning."


def describe_help(transition: Transition) -> Iterator[str]:
    """Yield a sentence on each thing that is done beside the fades."""
    if transition.ride:
        highest_db = max(level_db for _, level_db in transition.ride)
        yield f"Quiet moments are raised by up to {highest_db:.0f} dB."
    if transition.bass_swap_s is not None:
        yield "One bass at a time: it changes hands within a second."


def describe_shortened(overlap: int, room: int, rate: int) -> str:
    if overlap <= room:
        return ""
    return f" Shortened to {room / rate:.1f} s, because a track is too short for more."


def describe_left_out(pieces: Sequence[str]) -> tuple[str, ...]:
    """Return a note on the ends of tracks that the mix leaves out, if there are any."""
    if not pieces:
        return ()
    return (
        f"{QUIET_TAILS}: the last {', '.join(pieces)}. Choose “to the very end” at a join to keep its tail.",
    )
