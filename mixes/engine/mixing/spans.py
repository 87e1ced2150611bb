"""Choose what is used of each track: its cue points, a longest time, or what the user set.

In: analyses, styles of the joins, settings, uses. Out: one `Span` per track, and notes on what is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.joins import LEFT_OUT_S, Span
from mixes.engine.mixing.settings import SHORTEST_USE_S, MixSettings, Use
from mixes.engine.mixing.unheard import quiet_intro_s
from mixes.engine.timestamps import format_m_ss

CUE_TOLERANCE_S = 0.01  # a cue is typed in hundredths: the end of a file may be rounded up


@dataclass(frozen=True, slots=True)
class ChosenSpans:
    """One span per track, and what could not be done or is left out, in sentences."""

    spans: tuple[Span, ...]
    notes: tuple[str, ...]


def choose_spans(
    tracks: Sequence[TrackAnalysis],
    styles: Sequence[str],
    settings: MixSettings,
    uses: Sequence[Use],
    rate: int,
) -> ChosenSpans:
    """Return what is used of each track in frames at `rate`; beside a gapless join nothing is trimmed."""
    spans, impossible, cut = [], [], []
    for index, (track, use) in enumerate(zip(tracks, uses, strict=True)):
        span = automatic_span(tracks, index, styles, settings, rate)
        possible = possible_use(track, use)
        if possible != use:
            impossible.append(f"“{track.tags.title}”")
        span = apply_use(span, possible, rate)
        if settings.max_play_s is not None and possible.cue_out_s is None:
            last = min(span.last, span.first + round(settings.max_play_s * rate))
            if span.last - last > LEFT_OUT_S * rate:
                cut.append(f"{format_m_ss(round((span.last - last) / rate))} of “{track.tags.title}”")
            span = replace(span, last=last)
        spans.append(span)
    return ChosenSpans(tuple(spans), (*describe_impossible(impossible), *describe_cut(cut, settings)))


def automatic_span(
    tracks: Sequence[TrackAnalysis], index: int, styles: Sequence[str], settings: MixSettings, rate: int
) -> Span:
    """Return what is used of a track where the user set nothing for it."""
    track = tracks[index]
    frames = to_rate(track.frames, track.rate, rate)
    trim_start = settings.trim and (index == 0 or styles[index - 1] != "gapless")
    trim_end = settings.trim and (index == len(styles) or styles[index] != "gapless")
    first = to_rate(track.cues.cue_in, track.rate, rate) if trim_start else 0
    if trim_start and index and settings.skip_quiet_intros:
        first += round(quiet_intro_s(track) * rate)
    last = to_rate(track.cues.cue_out, track.rate, rate) if trim_end else frames
    return Span(first, max(first + 1, min(last, frames)), frames)


def to_rate(frames: int, rate: int, mix_rate: int) -> int:
    """Convert a count of frames to another rate, as the resampler does."""
    return round(frames * mix_rate / rate)


def possible_use(track: TrackAnalysis, use: Use) -> Use:
    """Return the use without cues after the end of the file."""
    length_s = track.frames / track.rate
    if use.cue_in_s is not None and use.cue_in_s > length_s - SHORTEST_USE_S:
        return replace(use, cue_in_s=None, cue_out_s=None)
    if use.cue_out_s is not None and use.cue_out_s > length_s + CUE_TOLERANCE_S:
        return replace(use, cue_out_s=None)
    return use


def apply_use(span: Span, use: Use, rate: int) -> Span:
    """Return the span with the cues that are set.

    Where a cue is beyond the other, automatic one, the automatic one moves to the edge of the file.
    """
    first = span.first if use.cue_in_s is None else round(use.cue_in_s * rate)
    last = span.last if use.cue_out_s is None else min(round(use.cue_out_s * rate), span.frames)
    if (use.cue_in_s is not None or use.cue_out_s is not None) and last - first < SHORTEST_USE_S * rate - 1:
        first = first if use.cue_in_s is not None else 0
        last = last if use.cue_out_s is not None else span.frames
    return Span(first, last, span.frames)


def describe_impossible(titles: Sequence[str]) -> tuple[str, ...]:
    """Return a note on cues that their files are too short for, if there are any."""
    if not titles:
        return ()
    named = ", ".join(titles)
    return (f"The file is too short for the start or end set for {named}, so it is chosen automatically.",)


def describe_cut(pieces: Sequence[str], settings: MixSettings) -> tuple[str, ...]:
    """Return a note on what the longest time of each track leaves out, if anything."""
    if not pieces or settings.max_play_s is None:
        return ()
    limit = format_m_ss(round(settings.max_play_s))
    return (f"Each song plays for {limit} at most, as set. Left out at the end: {', '.join(pieces)}.",)
