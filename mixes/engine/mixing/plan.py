"""From measured tracks and settings to a `Timeline`: what is used of each, how they are joined, and why.

In: one `TrackAnalysis` per track, the user's settings. Out: the plan in whole frames; no audio is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.errors import TimelineError
from mixes.engine.mixing.albums import are_album_neighbours, group_recordings
from mixes.engine.mixing.crossover import known_crossover
from mixes.engine.mixing.gains import LoudnessTarget, plan_gains, set_gains, starting_gains
from mixes.engine.mixing.joins import Span, plan_joins
from mixes.engine.mixing.mix_fades import plan_fades
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.mixing.shortening import find_skips, shorten, shorten_use
from mixes.engine.mixing.spans import choose_spans
from mixes.engine.mixing.transitions import RAMP_S
from mixes.engine.mixing.unheard import silence_notes, unheard_notes
from mixes.engine.passthrough.eligibility import (
    IS_SHORTENED,
    LEVEL_BY_HAND,
    LEVEL_IS_EXACT,
    START_IS_FIXED,
    why_encoded,
)
from mixes.engine.passthrough.facts import Mp3Facts
from mixes.engine.passthrough.grid import Placed, place_on_grid
from mixes.engine.timeline import Clip, Skip, Timeline, Transition

RATES_HZ = (44_100, 48_000)

ALL_UNLISTED = (
    "Every song is left out of the tracklist, so the first one stays in it: a tracklist needs a line."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A timeline, what could not be done as asked, in sentences, and each clip's gain without a wish."""

    timeline: Timeline
    notes: tuple[str, ...]
    automatic_gains_db: tuple[float, ...]


def plan_mix(
    tracks: Sequence[TrackAnalysis],
    settings: MixSettings,
    joins: Sequence[JoinSettings] = (),
    uses: Sequence[Use] = (),
) -> Plan:
    """Lay the tracks out one after the other.

    `joins` is empty or has one entry per transition, `uses` is empty or has one per track. Raises
    TimelineError in one sentence.
    """
    if not tracks:
        raise TimelineError("There is no track to make a mix of.")
    joins = joins or [JoinSettings()] * (len(tracks) - 1)
    if len(joins) != len(tracks) - 1:
        raise TimelineError("There must be one join setting between every two tracks.")
    uses = uses or [Use()] * len(tracks)
    if len(uses) != len(tracks):
        raise TimelineError("There must be one use for every track.")
    rate = choose_rate(tracks)
    skips = [find_skips(track, rate) if settings.shorten_silences else () for track in tracks]
    whole = tracks
    tracks = [shorten(track, left_out, rate) for track, left_out in zip(tracks, skips, strict=True)]
    uses = [shorten_use(use, left_out, rate) for use, left_out in zip(uses, skips, strict=True)]
    styles = [
        choose_style(pair, settings, join, is_cut=before.cue_out_s is not None or after.cue_in_s is not None)
        for pair, join, (before, after) in zip(pairwise(tracks), joins, pairwise(uses), strict=True)
    ]
    chosen = choose_spans(tracks, [style for style, _ in styles], settings, uses, rate)
    wishes_db = [use.gain_db for use in uses]
    loudness = LoudnessTarget(settings.target_lufs, settings.album_dynamics, settings.even_joins)
    groups = group_recordings(tracks, [style for style, _ in styles])
    first_gains_db = set_gains(starting_gains(tracks, loudness, groups).gains_db, wishes_db)
    planned = plan_joins(tracks, chosen.spans, first_gains_db, styles, settings, joins, uses, rate)
    reasons = encoding_reasons(tracks, skips, settings, rate)
    placed = move_to_grid(tracks, planned.spans, planned.transitions, reasons, rate)
    spans = [replace(span, first=first) for span, first in zip(planned.spans, placed.cue_ins, strict=True)]
    timeline = place(tracks, spans, placed.transitions, rate)
    copied = [None if grid is None else track.mp3 for grid, track in zip(placed.grids, tracks, strict=True)]
    fades, fade_notes = plan_fades(
        timeline.frames, rate, fade_in_s=settings.fade_in_s, fade_out_s=settings.fade_out_s
    )
    timeline = replace(timeline, fades=fades)
    gains = plan_gains(timeline, tracks, loudness, groups, wishes_db, copied if any(copied) else ())
    clips = tuple(
        replace(clip, gain_db=gain_db, skips=left_out, unlisted=use.unlisted)
        for clip, gain_db, left_out, use in zip(timeline.clips, gains.gains_db, skips, uses, strict=True)
    )
    if settings.copy_into_kbps is not None and any(track.codec == "mp3" for track in tracks):
        steps = gains.steps or (None,) * len(clips)
        clips = tuple(map(mark_copied, clips, placed.grids, steps, reasons, uses))
    timeline = replace(timeline, clips=clips)
    crossed = tuple(
        # beat on beat, the bass decides
        join if join.style == "club" else replace(join, crossover=known_crossover(timeline, tracks, index))
        for index, join in enumerate(timeline.transitions)
    )
    silences = silence_notes(whole, shortened=settings.shorten_silences)
    unheard = (*unheard_notes(tracks, settings, uses), *silences)
    unlisted = (ALL_UNLISTED,) if all(use.unlisted for use in uses) else ()
    notes = (*gains.notes, *chosen.notes, *fade_notes, *planned.notes, *unheard, *unlisted)
    return Plan(replace(timeline, transitions=crossed), notes, gains.automatic_db)


def encoding_reasons(
    tracks: Sequence[TrackAnalysis], skips: Sequence[Sequence[Skip]], settings: MixSettings, rate: int
) -> list[str]:
    """Return for each track why its MP3 frames cannot be copied, whatever its place; empty where they can."""
    kbps = settings.copy_into_kbps
    return [
        IS_SHORTENED
        if left_out
        else why_encoded(
            track.mp3, is_mp3=track.codec == "mp3", song_hz=track.rate, mix_hz=rate, kbps=kbps or 0
        )
        for track, left_out in zip(tracks, skips, strict=True)
    ]


def move_to_grid(
    tracks: Sequence[TrackAnalysis],
    spans: Sequence[Span],
    transitions: Sequence[Transition],
    reasons: Sequence[str],
    rate: int,
) -> Placed:
    """Place the tracks so that those without a reason lie on the frame grid, where their joins let them."""
    known: list[Mp3Facts | None] = [track.mp3 for track in tracks]
    delays = [
        None if why or not mp3 or span.head_frames else mp3.delay
        for mp3, why, span in zip(known, reasons, spans, strict=True)
    ]
    return place_on_grid(
        [span.first for span in spans], [span.length for span in spans], transitions, delays, rate
    )


def mark_copied(clip: Clip, grid: int | None, step: int | None, reason: str, use: Use) -> Clip:
    """Return the clip with its step and grid, or with the reason why it is encoded."""
    if step is not None:
        return replace(clip, gain_step=step, grid=grid)
    if not reason:
        reason = START_IS_FIXED if grid is None else LEVEL_IS_EXACT if use.gain_db is None else LEVEL_BY_HAND
    return replace(clip, encoded_because=reason)


def choose_rate(tracks: Sequence[TrackAnalysis]) -> int:
    """Return 48,000 when most of the playing time has a rate of that family, else 44,100."""
    total_s = sum(track.frames / track.rate for track in tracks)
    family_s = sum(track.frames / track.rate for track in tracks if is_48k_family(track.rate))
    return RATES_HZ[1] if family_s > total_s / 2 else RATES_HZ[0]


def is_48k_family(rate: int) -> bool:
    return rate == 32_000 or 48_000 % rate == 0 or rate % 48_000 == 0


def choose_style(
    pair: tuple[TrackAnalysis, TrackAnalysis], settings: MixSettings, join: JoinSettings, *, is_cut: bool
) -> tuple[str, str]:
    """Return the style of a join and, where it is not simply what the mix says, the reason.

    `is_cut` tells whether a cue beside the join is set by hand.
    """
    if join.style is not None:
        return join.style, "Chosen for this join."
    plays_whole = settings.trim and settings.max_play_s is None and not is_cut
    if settings.style in ("smooth", "club") and plays_whole and are_album_neighbours(*pair):
        return (
            "gapless",
            "These follow each other on their album and run into each other, so nothing is faded.",
        )
    return settings.style, ""


def begins_bare(index: int, transitions: Sequence[Transition]) -> bool:
    """Tell whether a clip comes in over the one before it without a fade: its file may begin with a jump."""
    return index > 0 and transitions[index - 1].overlap > 0 and transitions[index - 1].fade_in_s < RAMP_S


def ends_bare(index: int, transitions: Sequence[Transition]) -> bool:
    """Tell whether a clip ends over the next one without a fade."""
    last = index == len(transitions)
    return not last and transitions[index].overlap > 0 and transitions[index].fade_out_s < RAMP_S


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
            head_source=span.head_source,
            head_frames=span.head_frames,
            gain_db=0.0,
            ramp_in=longest_ramp if span.first or begins_bare(index, transitions) else 0,
            ramp_out=(
                longest_ramp
                if span.last < span.frames
                or stops_in_silence(index, transitions)
                or ends_bare(index, transitions)
                else 0
            ),
        )
        clips.append(clip)
    return Timeline(rate, tuple(clips), tuple(transitions))
