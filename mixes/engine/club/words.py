"""What is said of a beat-matched join."""

from collections.abc import Iterator, Sequence

from mixes.engine.club.search import ClubJoin

LEFT_OUT_S = 0.5  # less is not worth a note
UNSURE_BARS = "The bars may be shifted."


def describe_club(join: ClubJoin, *, length_s: float | None) -> str:
    """Return what is matched, over how long, at which tempos, and where the bass changes over."""
    place = join.place
    if length_s is not None:
        over = f"{length_s:g} s as chosen"
    elif join.has_bars:
        over = f"{place.bars} bars"
    else:
        over = f"{place.bars * join.meter} beats"
    before, after = (f"{tempo:.0f}" for tempo in join.tempos)
    tempos = f"{before} BPM" if before == after else f"{before} to {after} BPM"
    middle = "The bass changes over in the middle."
    sentences = [f"Beats matched over {over}, {tempos}.", middle]
    return " ".join(sentences if join.has_bars else [*sentences, UNSURE_BARS])


def describe_unheard(before: tuple[str, float], after: tuple[str, float]) -> Iterator[str]:
    """Yield how much is left out of the end of one song and of the start of the next, by name and seconds."""
    for part, (name, seconds) in (("last", before), ("first", after)):
        if seconds > LEFT_OUT_S:
            yield f"the {part} {seconds:.1f} s of {name}"


def describe_left_for_beats(pieces: Sequence[str]) -> tuple[str, ...]:
    """Return a note on what is left out so that bars meet bars, if there is anything."""
    return (f"Left out so that bars meet: {', '.join(pieces)}.",) if pieces else ()
