"""What a user sets for a mix and for one join, with the limits of each value."""

from dataclasses import dataclass
from typing import Literal

from mixes.engine.errors import TimelineError
from mixes.engine.mixing.transitions import STYLES

Length = float | Literal["auto"]  # seconds, or as long as the end of the track asks for

LONGEST_TRANSITION_S = 60.0
TARGETS_LUFS = (-40.0, -5.0)
SHORTEST_USE_S = 0.1  # of a track that is used at all
GAINS_DB = (-24.0, 12.0)  # automatic gains lie between -12 and 6 dB; a wish may go further
PLAY_TIMES_S = (10.0, 3600.0)
LONGEST_FADE_S = 30.0  # of the whole mix


@dataclass(frozen=True, slots=True)
class Use:
    """What a user set for one use of a track; None leaves the value to the planner."""

    cue_in_s: float | None = None  # the first moment heard, in seconds of the file
    cue_out_s: float | None = None  # the moment after the last one heard, in seconds of the file
    gain_db: float | None = None  # change of the file's own level, in place of the automatic gain
    unlisted: bool = False  # heard as before, but left out of the tracklist

    def __post_init__(self) -> None:
        """Raise TimelineError where this makes no sense."""
        first_s = 0.0 if self.cue_in_s is None else self.cue_in_s
        if not 0.0 <= first_s < float("inf"):
            raise TimelineError("A track starts at 0 seconds of its file or later.")
        if self.cue_out_s is not None and not first_s + SHORTEST_USE_S <= self.cue_out_s < float("inf"):
            raise TimelineError(f"A track ends at least {SHORTEST_USE_S:g} seconds after its start.")
        lowest, highest = GAINS_DB
        if self.gain_db is not None and not lowest <= self.gain_db <= highest:
            raise TimelineError(f"The level of a track is changed by {lowest:g} to {highest:g} dB.")


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
    fade_in_s: float = 0.0  # of the whole mix
    fade_out_s: float = 0.0
    # kbit/s of the MP3 into which frames of MP3 songs are copied; None: everything is encoded
    copy_into_kbps: int | None = None
    max_play_s: float | None = None  # of each track; one whose end is set by hand plays until there
    can_stretch: bool = True  # not a wish: whether the ffmpeg at hand can change a tempo

    def __post_init__(self) -> None:
        """Raise TimelineError where this makes no sense."""
        check_style(self.style)
        check_length(self.transition_s)
        check_length(self.gap_s)
        lowest, highest = TARGETS_LUFS
        if self.target_lufs is not None and not lowest <= self.target_lufs <= highest:
            raise TimelineError(f"The loudness of a mix is between {lowest:g} and {highest:g} LUFS.")
        if not all(0.0 <= fade_s <= LONGEST_FADE_S for fade_s in (self.fade_in_s, self.fade_out_s)):
            raise TimelineError(f"A mix is faded over at most {LONGEST_FADE_S:g} seconds.")
        shortest_s, longest_s = PLAY_TIMES_S
        if self.max_play_s is not None and not shortest_s <= self.max_play_s <= longest_s:
            raise TimelineError(
                f"Each track may be limited to between {shortest_s:g} and {longest_s:g} seconds."
            )


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
