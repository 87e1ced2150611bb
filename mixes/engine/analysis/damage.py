"""Describe the damage of a file that could be used all the same: where it is, and how much is missing.

In: what the decoder complained of. Out: sentences for the user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixes.engine.analysis.truncation import TOLERANCE_S, harmless_errors, truncation_notes
from mixes.engine.cancellation import ShouldStop
from mixes.engine.codecs.decode import Decoder
from mixes.engine.codecs.gaps import MissingSound, find_gaps
from mixes.engine.errors import Cancelled, EngineError
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss

SEQUENCES = ("mp1", "mp2", "mp3", "aac", "ac3", "eac3")  # codecs of files that are frame after frame
MAX_EDGE_ERRORS = 4  # two lines for each end
LONGEST_EDGE_S = 1.0  # that bytes at the edges would last if they were sound
ONE_PLACE_S = 1.0  # gaps that are nearer to each other are one place
MAX_NAMED = 4  # places that a sentence lists
LEAST_NAMED_S = 0.05
REPAIRED = "Some samples in the file were no numbers, or far too loud, and were made harmless."


@dataclass(frozen=True, slots=True)
class Damage:
    """The tolerated damage of a file: how many complaints of its decoder are about sound, and sentences."""

    errors: int
    notes: tuple[str, ...]


def find_damage(ffmpeg: Path, decoder: Decoder, should_stop: ShouldStop) -> Damage:
    """Return the damage of a file that was read to its end at its own rate.

    Where its decoder complained, it is decoded once more to find the gaps. Raises Cancelled, OSError.
    """
    frames, length_s = decoder.frames_read, decoder.frames_read / decoder.rate
    harmless = harmless_errors(decoder.path, decoder.info, frames, decoder.first_errors)
    errors = decoder.decode_errors - harmless
    notes = []
    gaps = known_gaps(ffmpeg, decoder, should_stop) if errors else ()
    if gaps == () and are_at_edges(decoder, errors, length_s):
        errors = 0
    gaps = gaps or ()
    if errors:
        missing_s = measure_missing(decoder, gaps, length_s)
        first_s = None if harmless else decoder.first_error_frame / decoder.rate
        notes.append(describe_damage(gaps, missing_s, first_s, errors))
    if decoder.repaired_samples:
        notes.append(REPAIRED)
    ended_early = decoder.ended_early and errors > 0
    spanned_s = length_s + sum(gap.length_s for gap in gaps)
    notes += truncation_notes(decoder.path, decoder.info, spanned_s, ended_early=ended_early)
    return Damage(errors, tuple(notes))


def are_at_edges(decoder: Decoder, errors: int, length_s: float) -> bool:
    """Tell whether errors in a file without gaps are about bytes before its first or after its last frame.

    In a plain sequence of frames each one that is lost leaves a gap, so that nothing of it is missing here.
    """
    info = decoder.info
    is_sequence = info.codec in SEQUENCES and errors <= MAX_EDGE_ERRORS
    return is_sequence and info.declared_s is not None and info.declared_s - length_s < LONGEST_EDGE_S


def known_gaps(ffmpeg: Path, decoder: Decoder, should_stop: ShouldStop) -> tuple[MissingSound, ...] | None:
    """Return the gaps of a file, None where they cannot be found. Raises Cancelled."""
    try:
        return find_gaps(ffmpeg, decoder.path, stream=decoder.info.stream, should_stop=should_stop)
    except Cancelled:
        raise
    except EngineError:  # the sentence does without
        return None


def measure_missing(decoder: Decoder, gaps: Sequence[MissingSound], length_s: float) -> float:
    """Return how many seconds are missing inside a file: what its gaps show, or what its length lacks."""
    missing_s = sum(gap.length_s for gap in gaps)
    declared_s = None if decoder.info.is_estimate else decoder.info.declared_s
    lacking_s = declared_s - length_s if declared_s else 0.0
    return max(missing_s, lacking_s) if lacking_s <= TOLERANCE_S else missing_s


def describe_damage(
    gaps: Sequence[MissingSound], missing_s: float, first_s: float | None, errors: int
) -> str:
    """Return one sentence; `first_s` is about where the decoder complained first."""
    places_s = [gap.at_s for gap in gaps]
    places_s = [s for index, s in enumerate(places_s) if not index or s - places_s[index - 1] > ONE_PLACE_S]
    if places_s and missing_s >= LEAST_NAMED_S:
        there = "there" if len(places_s) == 1 else "in all"
        return f"The file is damaged at {list_places(places_s)}; {missing_s:.1f} s are missing {there}."
    if places_s:
        return f"The file is damaged at {list_places(places_s)}; less than 0.1 s is missing."
    if first_s is not None:
        missing = f"; {missing_s:.1f} s are missing" if missing_s >= LEAST_NAMED_S else ""
        return f"The file is damaged at about {clock(first_s)}{missing}; there may be gaps or noises there."
    places = "1 damaged place" if errors == 1 else f"{errors} damaged places"
    return f"The file has {places}; there may be gaps or noises there."


def list_places(places_s: Sequence[float]) -> str:
    """Return the times of places for a sentence, of many the first and the last."""
    if len(places_s) > MAX_NAMED:
        return f"{len(places_s)} places from {clock(places_s[0])} to {clock(places_s[-1])}"
    *others, last = map(clock, places_s)
    return f"{', '.join(others)} and {last}" if others else last


def clock(seconds: float) -> str:
    """Return a position as people write it."""
    return format_h_mm_ss(int(seconds)) if seconds >= 3600 else format_m_ss(int(seconds))
