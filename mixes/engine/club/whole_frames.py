"""A beat-matched join in whole frames of the mix.

The overlap comes first; what is stretched is rounded to it, so lengths stay exact.
"""

from dataclasses import dataclass

from mixes.engine.club.search import ClubJoin
from mixes.engine.club.words import describe_club
from mixes.engine.timeline import Transition


@dataclass(frozen=True, slots=True)
class FramedJoin:
    """The transition, and what becomes of both songs in frames of their files at the mix rate."""

    transition: Transition
    end_a: int  # the frame after the last one of A
    first_b: int
    head_source: int  # as of a Clip
    head_frames: int


def to_frames(
    join: ClubJoin, rate: int, *, last_a: int, last_b: int, beat_s: float, length_s: float | None
) -> FramedJoin:
    """Return a join that ends at `last_a` of A at the latest, and uses B until `last_b`."""
    place = join.place
    end_a = min(round(place.end_a_s * rate), last_a)
    overlap = end_a - round(place.start_a_s * rate) if length_s is None else round(length_s * rate)
    source = round(overlap * place.stretch)
    is_stretched = source != overlap
    swap_s = round(min(max(place.middle_s, beat_s / 2), overlap / rate - beat_s / 2), 3)
    transition = Transition(
        "club",
        overlap,
        describe_club(join, length_s=length_s),
        crossover=round(swap_s * rate),
        fade_out_s=overlap / rate,
        fade_in_s=overlap / rate,
        bass_swap_s=swap_s,
        bass_swap_length_s=round(beat_s, 3),
        gist="club",
        bars=place.bars,
    )
    return FramedJoin(
        transition,
        end_a,
        min(round(place.entry_b_s * rate), last_b - source),
        source if is_stretched else 0,
        overlap if is_stretched else 0,
    )
