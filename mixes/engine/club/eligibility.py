"""Whether two songs may be joined beat on beat, and if not, why, in one sentence.

Every doubt refuses: half a beat off sounds like a fault, a plain fade does not.
"""

import math

from mixes.engine.club.beat_lines import Beats
from mixes.engine.club.sides import ClubSide
from mixes.engine.music.measured import TRUSTED_GRID, Rhythm, fold_tempo

MEASURED_FROM = 4  # version of the analysis that looks for beats
MOST_STRETCH = 1.04
FOLDS = (0.5, 1.0, 2.0)
NEAR_S = 45.0  # of both songs, beside the join
FEWEST_STEADY = 16
STEADY_WITHIN_S = 0.022
CALM_VOICES = 0.1
CANNOT_STRETCH = "This server's ffmpeg cannot change a tempo, so beats are not matched."


def why_not(a: ClubSide, b: ClubSide) -> str:
    """Return why the beats of two songs cannot be matched; empty where they can."""
    for side in (a, b):
        if why := why_no_beat(side):
            return why
    rhythm_a, rhythm_b = a.track.rhythm, b.track.rhythm
    assert rhythm_a is not None and rhythm_b is not None
    if fold_of(rhythm_a, rhythm_b) is None:
        return f"Their tempos, {rhythm_a.tempo:.0f} and {rhythm_b.tempo:.0f} BPM, do not fit."
    if rhythm_a.meter != rhythm_b.meter:
        counts = {3: "three", 4: "four"}
        words = counts.get(rhythm_a.meter, "otherwise"), counts.get(rhythm_b.meter, "otherwise")
        return f"{a.name} counts {words[0]}, {b.name} counts {words[1]}."
    places = (max(a.first_s, a.last_s - NEAR_S), a.last_s), (b.first_s, min(b.first_s + NEAR_S, b.last_s))
    for side, rhythm, (first_s, last_s) in zip((a, b), (rhythm_a, rhythm_b), places, strict=True):
        beats = Beats.of(rhythm, side.track.rate)
        if beats.steady(first_s, last_s, STEADY_WITHIN_S) < FEWEST_STEADY:
            where = "end" if side is a else "beginning"
            return f"The beat of {side.name} is not steady enough at its {where}."
    return ""


def why_no_beat(side: ClubSide) -> str:
    """Return why nothing can be built on the beat of a song; empty where it can."""
    rhythm = side.track.rhythm
    if is_not_measured(side):
        return f"The beat of {side.name} is not measured yet."
    if rhythm is None or rhythm.trust <= 0:
        return f"{side.name} has no steady beat."
    return "" if rhythm.is_steady else f"The beat of {side.name} is not clear enough."


def fold_of(a: Rhythm, b: Rhythm) -> float | None:
    """Return by what B's tempo is multiplied to fit A's; None where it does not fit."""
    folded = fold_tempo(b.tempo, a.tempo)
    fold = folded / b.tempo
    fits = abs(math.log(folded / a.tempo)) <= math.log(MOST_STRETCH)
    return fold if fits and fold in FOLDS else None


def are_calm(a: ClubSide, b: ClubSide, seconds: float) -> bool:
    """Tell whether two songs have neither a beat nor, for so long around their join, voices worth a word."""
    if any(is_not_measured(side) or repeats(side) for side in (a, b)):
        return False
    shares = voice_share(a, a.last_s - seconds, a.last_s), voice_share(b, b.first_s, b.first_s + seconds)
    return all(share is not None and share <= CALM_VOICES for share in shares)


def repeats(side: ClubSide) -> bool:
    """Tell whether bars repeat in a song: it may have drums even where its beat cannot be trusted."""
    rhythm = side.track.rhythm
    return rhythm is not None and (rhythm.is_steady or rhythm.parts.strength >= TRUSTED_GRID)


def is_not_measured(side: ClubSide) -> bool:
    return side.track.rhythm is None and side.track.version < MEASURED_FROM


def voice_share(side: ClubSide, first_s: float, last_s: float) -> float | None:
    """Return the share of a part of a song in which there is a voice; None where it is not known."""
    return None if side.track.voices is None else side.track.voices.share(first_s, last_s)
