"""Say in words how two songs follow each other, such as "124 to 126 BPM, 8A to 9A, as loud as before"."""

from collections.abc import Iterator

from mixes.engine.music.measured import camelot
from mixes.engine.ordering.fit import OrderSong, key_fit, tempo_fit, tempo_fold

AS_LOUD = 0.15  # difference of loudness, of 1, that is not worth a word
MUCH = 0.4
NOTHING_KNOWN = "nothing is known of these two yet"


def join_reason(before: OrderSong, after: OrderSong) -> str:
    """Return the reason for a join as one line without a full stop."""
    return ", ".join(_parts(before, after)) or NOTHING_KNOWN


def _parts(before: OrderSong, after: OrderSong) -> Iterator[str]:
    if before.tempo and after.tempo:
        yield _tempo_words(before.tempo, after.tempo)
    if before.key is not None and after.key is not None and key_fit(before, after):
        yield _key_words(before.key, after.key, fits=key_fit(before, after) > 0)
    if before.tail is not None and after.head is not None:
        yield _energy_words(after.head - before.tail)
    if before.artist and before.artist.casefold() == after.artist.casefold():
        yield "the same artist twice in a row"


def _tempo_words(before: float, after: float) -> str:
    if tempo_fit(before, after) < 0:
        return f"tempos do not fit ({before:.0f}, {after:.0f})"
    fold = tempo_fold(before, after)
    if fold != 1.0:
        return f"{before:.0f} to {after:.0f} BPM, {'half' if fold > 1.0 else 'double'} the tempo"
    if round(before) == round(after):
        return f"both {before:.0f} BPM"
    return f"{before:.0f} to {after:.0f} BPM"


def _key_words(before: int, after: int, *, fits: bool) -> str:
    if before == after:
        return f"both {camelot(before)}"
    if fits:
        return f"{camelot(before)} to {camelot(after)}"
    return f"keys do not fit ({camelot(before)}, {camelot(after)})"


def _energy_words(difference: float) -> str:
    if abs(difference) <= AS_LOUD:
        return "as loud as before"
    much = "much " if abs(difference) > MUCH else ""
    return f"{much}{'louder' if difference > 0 else 'quieter'} than before"
