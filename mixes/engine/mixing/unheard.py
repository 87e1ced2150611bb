"""What a mix leaves out at the edges of its tracks, and silences inside them, in sentences for the user."""

from collections.abc import Iterable, Sequence

import numpy as np

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.settings import MixSettings, Use
from mixes.engine.mixing.shortening import KEPT_SILENCE_S, LONG_SILENCE_S
from mixes.engine.mixing.song_levels import HOP_S
from mixes.engine.timestamps import format_m_ss

QUIET_INTRO_LU = -20.0  # below the song's loudness
LONG_INTRO_S, INTRO_KEPT_S = 5.0, 1.0
WORTH_A_NOTE_S = 1.0
SHORTEN_SILENCES = "“Shorten long silences inside songs”"  # as the page calls the setting


def quiet_intro_s(track: TrackAnalysis) -> float:
    """Return how much of a long quiet beginning may be skipped: all but the last second of it."""
    loudness = track.integrated_lufs
    if loudness is None:
        return 0.0
    loud = np.flatnonzero(np.asarray(track.momentary) > loudness + QUIET_INTRO_LU)
    quiet_s = (float(loud[0]) * HOP_S if len(loud) else 0.0) - track.cues.cue_in / track.rate
    return quiet_s - INTRO_KEPT_S if quiet_s > LONG_INTRO_S else 0.0


def unheard_notes(
    tracks: Sequence[TrackAnalysis], settings: MixSettings, uses: Sequence[Use]
) -> tuple[str, ...]:
    """Return a sentence on noise that is left out at the edges, and one on beginnings skipped as set.

    An edge that the user set is not mentioned.
    """
    if not settings.trim:
        return ()
    starts = [track for track, use in zip(tracks, uses, strict=True) if use.cue_in_s is None]
    ends = [track for track, use in zip(tracks, uses, strict=True) if use.cue_out_s is None]
    noise = [
        *(
            f"{t.lead_noise_s:.1f} s before “{t.tags.title}”"
            for t in starts
            if t.lead_noise_s >= WORTH_A_NOTE_S
        ),
        *(f"{t.tail_noise_s:.1f} s after “{t.tags.title}”" for t in ends if t.tail_noise_s >= WORTH_A_NOTE_S),
    ]
    skipped = [
        f"{length_s:.1f} s of “{track.tags.title}”"
        for track, use in zip(tracks[1:], uses[1:], strict=True)
        if settings.skip_quiet_intros
        and use.cue_in_s is None
        and (length_s := quiet_intro_s(track)) >= WORTH_A_NOTE_S
    ]
    return (
        *_note("Steady noise around songs is left out:", noise),
        *_note("Quiet beginnings are skipped, as set: the first", skipped),
    )


def silence_notes(tracks: Iterable[TrackAnalysis], *, shortened: bool) -> tuple[str, ...]:
    """Return a sentence on each long silence inside a track, and on what becomes of it."""
    kept = f"{KEPT_SILENCE_S:.0f} s"
    as_set = f"It is shortened to {kept}, as set."
    as_it_is = f"It is played as it is; {SHORTEN_SILENCES} makes it {kept}."
    return tuple(
        f"“{track.tags.title}” has {length_s:.0f} s of silence inside, from {format_m_ss(int(start_s))} on. "
        f"{as_set if shortened else as_it_is}"
        for track in tracks
        for start_s, length_s in track.silences
        if length_s >= LONG_SILENCE_S
    )


def _note(opening: str, pieces: Sequence[str]) -> tuple[str, ...]:
    return (f"{opening} {', '.join(pieces)}.",) if pieces else ()
