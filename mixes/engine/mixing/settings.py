"""What a user sets for a mix and for one join, with the limits of each value."""

from dataclasses import dataclass
from typing import Literal

from mixes.engine.errors import TimelineError
from mixes.engine.mixing.transitions import STYLES

Length = float | Literal["auto"]  # seconds, or as long as the end of the track asks for

LONGEST_TRANSITION_S = 60.0
TARGETS_LUFS = (-40.0, -5.0)


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """What a user set for one join; None follows the mix."""

    style: str | None = None
    transition_s: Length | None = None
    play_to_end: bool = False  # keep the outgoing track's quiet tail, whatever the search would leave out

    def __post_init__(self) -> None:
        """Raise TimelineError where this makes no sense."""
        if self.style is not None:
            check_style(self.style)
        if self.transition_s is not None:
            check_length(self.transition_s)


@dataclass(frozen=True, slots=True)
class MixSettings:
    """What a user set for the whole mix. These defaults are the only ones."""

    style: str = "smooth"
    transition_s: Length = "auto"
    gap_s: float = 2.0
    soften: bool = False
    trim: bool = True  # False plays files from their first to their last sample
    target_lufs: float | None = -14.0  # None leaves the loudness as it is
    album_dynamics: bool = False  # one gain for all tracks
    even_joins: bool = False  # weigh how loud tracks begin and end, half and half with the whole
    skip_quiet_intros: bool = False
    keep_endings: bool = False  # `play_to_end` for every join
    shorten_silences: bool = False  # play long silences inside tracks for 2 s

    def __post_init__(self) -> None:
        """Raise TimelineError where this makes no sense."""
        check_style(self.style)
        check_length(self.transition_s)
        check_length(self.gap_s)
        lowest, highest = TARGETS_LUFS
        if self.target_lufs is not None and not lowest <= self.target_lufs <= highest:
            raise TimelineError(f"The loudness of a mix lies between {lowest:g} and {highest:g} LUFS.")


def check_style(style: str) -> None:
    """Raise TimelineError when there is no such style."""
    if style not in STYLES:
        raise TimelineError(f"There is no transition style {style!r}; there are {', '.join(STYLES)}.")


def check_length(transition_s: Length) -> None:
    """Raise TimelineError when a transition cannot be that long."""
    if transition_s != "auto" and not 0.0 <= transition_s <= LONGEST_TRANSITION_S:
        raise TimelineError(
            f"A transition lasts between 0 and {LONGEST_TRANSITION_S:.0f} seconds, or is 'auto'."
        )
