"""Choose the place of a beat-matched join, or say why there is none.

In: both songs, a length if one is set, how long they may overlap. Out: a `ClubJoin`, or one sentence. The
least cost counts: short joins, music that is left out, places off a phrase, two voices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from mixes.engine.club.candidates import MOST_LOST_A_S, MOST_LOST_B_S, Candidate, Pair, candidates
from mixes.engine.club.eligibility import MOST_STRETCH, fold_of, why_not
from mixes.engine.club.sides import ClubSide
from mixes.engine.club.voices import MOST_TWO_VOICES_S, has_voice, is_voice_cut, two_voices_s

LONGEST_BARS = 16  # only where it is known that nobody sings, and where phrases begin
BARS = (LONGEST_BARS, 8, 4, 2)
BARS_UNSURE = (4, 2)  # where it is not sure where bars begin
HEARD_BEHIND_S, LEAST_HEARD = 8.0, 0.5  # of B, as music: at 20 LU below its loudness it counts half
# Points
PER_HALVING = 10.0  # of the length
OFF_PHRASE = 4.0
MOVED_ENTRY = 2.0
NO_KICK = 1.0  # where B enters before its kick does
VOICE_FOLLOWS = -1.0  # B's first voice comes right after the join
MOST_VOICES = 20.0  # at MOST_TWO_VOICES_S

KNOWN_JOINS_MAX = 20_000  # kept in this process, about 500 bytes each

Costed = tuple[float, Candidate]


@dataclass(frozen=True, slots=True)
class ClubJoin:
    """A join beat on beat."""

    place: Candidate
    has_bars: bool  # it is sure where bars begin in both songs
    meter: int  # beats a bar
    tempos: tuple[float, float]  # of both songs, as measured


@dataclass(frozen=True, slots=True)
class NotClub:
    """There is none: why, and whether two voices are the cause."""

    reason: str
    for_voices: bool = False


_known: dict[tuple[object, ...], ClubJoin | NotClub] = {}


def known_club_join(a: ClubSide, b: ClubSide, length_s: float | None, room_s: float) -> ClubJoin | NotClub:
    """Return `find_club_join`, from the cache if both songs were joined like this before."""
    key = (a.key(), b.key(), length_s, room_s)
    if key not in _known:
        if len(_known) >= KNOWN_JOINS_MAX:
            _known.clear()
        _known[key] = find_club_join(a, b, length_s, room_s)
    return _known[key]


def find_club_join(a: ClubSide, b: ClubSide, length_s: float | None, room_s: float) -> ClubJoin | NotClub:
    """Return the best place for a join of at most `room_s`, exactly `length_s` long where that is set."""
    if reason := why_not(a, b):
        return NotClub(reason)
    rhythm_a, rhythm_b = a.track.rhythm, b.track.rhythm
    assert rhythm_a is not None and rhythm_b is not None
    fold = fold_of(rhythm_a, rhythm_b)
    assert fold is not None
    pair = Pair.of(a, b, fold)
    has_bars = rhythm_a.has_bars and rhythm_b.has_bars
    tried = lengths_to_try(pair, length_s, has_bars=has_bars)
    if not tried:
        return NotClub(f"{length_s:g} s are too short for beats to be matched.")
    places = [place for bars in tried for place in candidates(pair, bars, length_s)]
    fitting = [place for place in places if place.overlap_s <= room_s]
    if fitting and all(begins_quietly(pair, place) for place in fitting):
        return NotClub(f"{b.name} begins too quietly for its beats to be heard.")
    fitting = [place for place in fitting if not begins_quietly(pair, place)]
    costed = [(cost, place) for place in fitting if (cost := cost_without_voices(pair, place)) is not None]
    if not costed:
        return NotClub(why_no_place(pair, places, fitting))
    place = choose(pair, sorted(costed, key=lambda one: (one[0], -one[1].end_a_s, one[1].entry_b_s)))
    if place is None:
        return NotClub("Two voices would be heard at once, or one cut off.", for_voices=True)
    return ClubJoin(place, has_bars, rhythm_a.meter, (rhythm_a.tempo, rhythm_b.tempo))


def lengths_to_try(pair: Pair, length_s: float | None, *, has_bars: bool) -> Sequence[int]:
    """Return the numbers of bars that a join may have; of a set length, the whole bars in it."""
    if length_s is not None:
        bars = int(length_s / (pair.beats_a.meter * pair.a.beat_s) + 0.01)
        return [bars] if bars else []
    if not has_bars:
        return BARS_UNSURE
    sides = (pair.a, pair.b)
    is_all_known = all(side.voices is not None and phrases_of(side) for side in sides)
    return BARS if is_all_known else BARS[1:]


def begins_quietly(pair: Pair, place: Candidate) -> bool:
    """Tell whether next to nothing is heard of B from the middle of the join until some seconds behind it."""
    middle_s = place.entry_b_s + place.overlap_s * place.stretch / 2
    last_s = min(place.entry_b_s + place.overlap_s * place.stretch + HEARD_BEHIND_S, pair.b.last_s)
    return pair.music_b_s(middle_s, last_s) < LEAST_HEARD * (last_s - middle_s)


def phrases_of(side: ClubSide) -> tuple[int, ...]:
    return side.track.sections.phrases if side.track.sections else ()


def choose(pair: Pair, ordered: Sequence[Costed]) -> Candidate | None:
    """Return the place of least cost with its voices, of places in the order of their cost without them."""
    best: Costed | None = None
    for cost, place in ordered:
        if best is not None and cost >= best[0]:
            break
        voices = cost_of_voices(pair, place)
        if voices is not None and (best is None or cost + voices < best[0]):
            best = cost + voices, place
    return best[1] if best else None


def cost_without_voices(pair: Pair, place: Candidate) -> float | None:
    """Return the points of a place without its voices; None for one that is out."""
    a, b = pair.a, pair.b
    if not 1 / MOST_STRETCH <= place.stretch <= MOST_STRETCH or place.start_a_s < a.free_from_s:
        return None
    lost_a_s = 0.0 if a.is_set else pair.music_a_s(place.end_a_s, a.last_s)
    lost_b_s = 0.0 if b.is_set else pair.music_b_s(b.first_s, place.entry_b_s)
    if lost_a_s > MOST_LOST_A_S or lost_b_s > MOST_LOST_B_S:
        return None
    cost = PER_HALVING * log2(LONGEST_BARS / place.bars) + lost_a_s + MOVED_ENTRY * place.is_entry_moved
    if (phrases := phrases_of(a)) and place.bar_a not in phrases:
        cost += OFF_PHRASE
    if b.track.sections and not b.track.sections.has_kick(place.bar_b):
        cost += NO_KICK
    after_s = place.entry_b_s + place.overlap_s * place.stretch
    if follows(b.voices or (), after_s, pair.beats_b.meter * b.beat_s):
        cost += VOICE_FOLLOWS
    return cost


def follows(voices: Sequence[tuple[float, float]], place_s: float, within_s: float) -> bool:
    """Tell whether the first voice of a song begins right behind a place."""
    return bool(voices) and 0 <= voices[0][0] - place_s <= within_s


def cost_of_voices(pair: Pair, place: Candidate) -> float | None:
    """Return the points of the voices at a place, 0 where they are not known; None for one that is out."""
    a, b = pair.a.voices, pair.b.voices
    end_b_s = place.entry_b_s + place.overlap_s * place.stretch
    if place.bars >= LONGEST_BARS and (
        has_voice(a or (), place.start_a_s, place.end_a_s) or has_voice(b or (), place.entry_b_s, end_b_s)
    ):
        return None
    if a is not None and not pair.a.is_set and is_voice_cut(a, place.end_a_s):
        return None
    if a is None or b is None:
        return 0.0
    # B's voices on the time of the mix
    heard_b = tuple(
        ((start - place.entry_b_s) / place.stretch, (end - place.entry_b_s) / place.stretch)
        for start, end in b
    )
    both_s = two_voices_s(a, heard_b, place.start_a_s, 0.0, place.overlap_s)
    return None if both_s > MOST_TWO_VOICES_S else MOST_VOICES * (both_s / MOST_TWO_VOICES_S) ** 2


def why_no_place(pair: Pair, places: Sequence[Candidate], fitting: Sequence[Candidate]) -> str:
    """Return why no place is left, in one sentence."""
    if places and not fitting:
        shorter = min((pair.a, pair.b), key=lambda side: side.last_s - side.first_s)
        return f"{shorter.name} is too short for beats to be matched."
    if pair.a.is_set and pair.b.is_set:
        return "With the end and the start that are set, their beats do not meet."
    if not places:
        return f"Nowhere do bars of {pair.a.name} and {pair.b.name} meet evenly with enough of both heard."
    return f"To match the beats, too much of {pair.a.name} or {pair.b.name} would be left out."
