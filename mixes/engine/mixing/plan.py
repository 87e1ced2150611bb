"""From measured tracks and settings to a `Timeline`: what is used of each, how they are joined, and why.

In: one `TrackAnalysis` per track, the user's settings. Out: the plan in whole frames; no audio is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.errors import TimelineError
from mixes.engine.mixing.crossover import find_crossover
from mixes.engine.mixing.gains import LoudnessTarget, plan_gains
from mixes.engine.mixing.settings import JoinSettings, Length, MixSettings
from mixes.engine.mixing.transitions import CUT_S, RAMP_S
from mixes.engine.timeline import Clip, Timeline, Transition

SHORTEST_AUTO_S, LONGEST_AUTO_S = 2.0, 15.0
CLASSIC_STEP_S = 0.010  # pydub cuts at whole milliseconds; ten of them are whole frames at 44.1 and 48 kHz
OWN_FADE_SHARE = 0.8  # of the overlap: with less, two songs would sound at full level for seconds
RATES_HZ = (44_100, 48_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """A timeline, and what could not be done as asked, in sentences."""

    timeline: Timeline
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a track that is used, in frames at the mix rate."""

    first: int
    last: int  # exclusive
    frames: int  # of the whole file

    @property
    def length(self) -> int:
        return self.last - self.first


def plan_mix(
    tracks: Sequence[TrackAnalysis], settings: MixSettings, joins: Sequence[JoinSettings] = ()
) -> Plan:
    """Lay the tracks out one after the other.

    `joins` is empty or has one entry per transition. Raises TimelineError in one sentence.
    """
    if not tracks:
        raise TimelineError("There is no track to make a mix of.")
    joins = joins or [JoinSettings()] * (len(tracks) - 1)
    if len(joins) != len(tracks) - 1:
        raise TimelineError("There must be one join setting between every two tracks.")
    rate = choose_rate(tracks)
    styles = [
        choose_style(before, after, settings, join)
        for (before, after), join in zip(pairwise(tracks), joins, strict=True)
    ]
    spans = choose_spans(tracks, [style for style, _ in styles], settings, rate)
    transitions = plan_transitions(tracks, spans, styles, settings, joins, rate)
    timeline = place(tracks, spans, transitions, rate)
    loudness = LoudnessTarget(settings.target_lufs, settings.album_dynamics)
    gains = plan_gains(timeline, tracks, loudness, group_recordings(tracks, [style for style, _ in styles]))
    clips = tuple(replace(c, gain_db=g) for c, g in zip(timeline.clips, gains.gains_db, strict=True))
    timeline = replace(timeline, clips=clips)
    crossed = tuple(
        replace(join, crossover=find_crossover(timeline, tracks, index))
        for index, join in enumerate(timeline.transitions)
    )
    return Plan(replace(timeline, transitions=crossed), gains.notes)


def choose_rate(tracks: Sequence[TrackAnalysis]) -> int:
    """Return 48,000 when most of the playing time has a rate of that family, else 44,100."""
    total_s = sum(track.frames / track.rate for track in tracks)
    family_s = sum(track.frames / track.rate for track in tracks if is_48k_family(track.rate))
    return RATES_HZ[1] if family_s > total_s / 2 else RATES_HZ[0]


def is_48k_family(rate: int) -> bool:
    return rate == 32_000 or 48_000 % rate == 0 or rate % 48_000 == 0


def choose_style(
    before: TrackAnalysis, after: TrackAnalysis, settings: MixSettings, join: JoinSettings
) -> tuple[str, str]:
    """Return the style of a join and, where it is not simply what the mix says, the reason."""
    if join.style is not None:
        return join.style, "Chosen for this join."
    if settings.style == "smooth" and settings.trim and are_album_neighbours(before, after):
        return (
            "gapless",
            "These follow each other on their album and run into each other, so nothing is faded.",
        )
    return settings.style, ""


def are_album_neighbours(before: TrackAnalysis, after: TrackAnalysis) -> bool:
    """Tell whether `after` is the next track of the same album and `before` sounds to its very end."""
    a, b = before.tags, after.tags
    same_album = bool(a.album) and a.album.casefold() == b.album.casefold() and a.disc_number == b.disc_number
    follows = a.track_number is not None and b.track_number == a.track_number + 1
    return same_album and follows and before.cues.to_the_end


def group_recordings(tracks: Sequence[TrackAnalysis], styles: Sequence[str]) -> list[int]:
    """Return a number per track; tracks of an album that run into each other have the same."""
    groups = [0]
    for (before, after), style in zip(pairwise(tracks), styles, strict=True):
        runs_on = style == "gapless" and are_album_neighbours(before, after)
        groups.append(groups[-1] + (not runs_on))
    return groups


def choose_spans(
    tracks: Sequence[TrackAnalysis], styles: Sequence[str], settings: MixSettings, rate: int
) -> list[Span]:
    """Return what is used of each track; beside a gapless join nothing is trimmed."""
    spans = []
    for index, track in enumerate(tracks):
        frames = to_rate(track.frames, track.rate, rate)
        trim_start = settings.trim and (index == 0 or styles[index - 1] != "gapless")
        trim_end = settings.trim and (index == len(styles) or styles[index] != "gapless")
        first = to_rate(track.cues.cue_in, track.rate, rate) if trim_start else 0
        last = to_rate(track.cues.cue_out, track.rate, rate) if trim_end else frames
        spans.append(Span(first, max(first + 1, min(last, frames)), frames))
    return spans


def to_rate(frames: int, rate: int, mix_rate: int) -> int:
    """Convert a count of frames to another rate, as the resampler does."""
    return round(frames * mix_rate / rate)


def plan_transitions(
    tracks: Sequence[TrackAnalysis],
    spans: Sequence[Span],
    styles: Sequence[tuple[str, str]],
    settings: MixSettings,
    joins: Sequence[JoinSettings],
    rate: int,
) -> list[Transition]:
    """Return every transition; each may overlap as much as there is of the mix before it."""
    transitions = []
    mix_frames = spans[0].length
    for index, ((style, why_style), join) in enumerate(zip(styles, joins, strict=True)):
        wished = settings.transition_s if join.transition_s is None else join.transition_s
        if style == "gap":
            wished = settings.gap_s if join.transition_s in (None, "auto") else join.transition_s
        ending = TrackEnding(tracks[index], spans[index], rate)
        room = min(spans[index].length, spans[index + 1].length) // 2
        if style == "classic":
            room = min(mix_frames, spans[index + 1].length)
        transition = plan_transition(style, wished, ending, room, soften=settings.soften)
        reasons = (why_style, "" if style == "gapless" and why_style else transition.reason)
        transitions.append(replace(transition, reason=" ".join(filter(None, reasons))))
        mix_frames += spans[index + 1].length - transition.overlap
    return transitions


@dataclass(frozen=True, slots=True)
class TrackEnding:
    """How a track ends, as far as a transition cares."""

    track: TrackAnalysis
    span: Span
    rate: int  # of the mix

    @property
    def outro_s(self) -> float:
        """Seconds from the start of the outro to the end of what is used."""
        cues, rate = self.track.cues, self.track.rate
        return self.span.last / self.rate - cues.outro_start / rate

    def fades_itself_over(self, overlap: int) -> bool:
        """Tell whether its own fade is nearly all of the overlap: then it is not faded again."""
        return self.track.cues.self_fading and self.outro_s >= OWN_FADE_SHARE * overlap / self.rate

    def describe(self) -> str:
        """Return a sentence on how it ends."""
        name = f"“{self.track.tags.title}”"
        if self.track.cues.self_fading:
            return f"{name} fades out by itself over {self.outro_s:.1f} s."
        if self.track.cues.long_tail:
            return f"{name} has a long, quiet ending; what cannot be heard of it is left out."
        if self.track.cues.sustained:
            return f"{name} ends on a held sound."
        if self.outro_s < SHORTEST_AUTO_S:
            return f"{name} ends at full level."
        return f"{name} rings out over {self.outro_s:.1f} s."


def plan_transition(
    style: str, wished: Length, ending: TrackEnding, room: int, *, soften: bool
) -> Transition:
    """Return one transition of at most `room` frames, with its reason."""
    rate = ending.rate
    if style == "gapless":
        return Transition(style, 0, "They follow each other without a fade.")
    if style == "gap":
        assert wished != "auto"
        return Transition(style, -round(wished * rate), f"{wished:g} s of silence.")
    if style == "cut":
        return Transition(style, min(round(CUT_S * rate), room), "Cut from one to the next.")
    if wished == "auto":
        length_s = min(max(ending.outro_s, SHORTEST_AUTO_S), LONGEST_AUTO_S)
        reason = ending.describe()
    else:
        length_s = max(wished, CUT_S)
        reason = f"{wished:g} s as chosen."
    overlap = round(length_s * rate)
    if overlap > room:
        overlap = room
        reason += f" Shortened to {room / rate:.1f} s, because a track is too short for more."
    if style == "classic":  # the seed's law knows no endings
        step = round(CLASSIC_STEP_S * rate)
        return Transition(style, overlap // step * step, reason)
    fade_out = not ending.fades_itself_over(overlap)
    if not fade_out:
        own_fade = "" if wished == "auto" else f" {ending.describe()}"
        reason += f"{own_fade} It is not faded again."
    return Transition(style, overlap, reason, fade_out=fade_out, soften=soften)


def stops_in_silence(index: int, transitions: Sequence[Transition]) -> bool:
    """Tell whether nothing follows a clip at once: many a file breaks off at a sample that is not 0."""
    return index == len(transitions) or transitions[index].overlap < 0


def place(
    tracks: Sequence[TrackAnalysis], spans: Sequence[Span], transitions: Sequence[Transition], rate: int
) -> Timeline:
    """Lay the clips out at a gain of 0 dB, with short ramps where a track was trimmed."""
    ramp = round(RAMP_S * rate)
    clips: list[Clip] = []
    for index, (track, span) in enumerate(zip(tracks, spans, strict=True)):
        start = clips[-1].end - transitions[index - 1].overlap if clips else 0
        longest_ramp = min(ramp, span.length // 2)
        clip = Clip(
            title=track.tags.title,
            artist=track.tags.artist,
            cue_in=span.first,
            length=span.length,
            start=start,
            gain_db=0.0,
            ramp_in=longest_ramp if span.first else 0,
            ramp_out=longest_ramp if span.last < span.frames or stops_in_silence(index, transitions) else 0,
        )
        clips.append(clip)
    return Timeline(rate, tuple(clips), tuple(transitions))
