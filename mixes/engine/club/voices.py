"""Two voices at once: for how long, weighted by how much both are heard.

In: runs of voice in both songs, where they lie over each other. Out: weighted seconds, for beat-matched and
for other joins.
"""

from bisect import bisect_right

from mixes.engine.club.sides import Runs

MOST_TWO_VOICES_S = 0.35  # weighted seconds
MOST_CUT_S = 0.25  # of what a voice sings or says


def two_voices_s(a: Runs, b: Runs, start_a_s: float, start_b_s: float, overlap_s: float) -> float:
    """Return the weighted seconds of two voices over an overlap that starts at these places of both files.

    The weight is 4 p (1 - p) at p of the overlap: in its middle both songs are equally loud.
    """
    if overlap_s <= 0:
        return 0.0
    total, ours = 0.0, _shares(a, start_a_s, overlap_s)
    theirs = _shares(b, start_b_s, overlap_s)
    for first, last in ours:
        for other_first, other_last in theirs:
            low, high = max(first, other_first), min(last, other_last)
            if low < high:
                total += _weight_until(high) - _weight_until(low)
    return round(total * overlap_s, 3)


def is_voice_cut(runs: Runs, end_s: float) -> bool:
    """Tell whether a voice still sings or speaks for longer than MOST_CUT_S when a song ends."""
    place = bisect_right(runs, (end_s, 0.0)) - 1
    return place >= 0 and runs[place][1] > end_s + MOST_CUT_S


def has_voice(runs: Runs, first_s: float, last_s: float) -> bool:
    """Tell whether there is any voice between two places."""
    return any(start < last_s and end > first_s for start, end in runs)


def _shares(runs: Runs, start_s: float, overlap_s: float) -> list[tuple[float, float]]:
    """Return the runs inside an overlap, as shares of it."""
    inside = [run for run in runs if run[0] < start_s + overlap_s and run[1] > start_s]
    return [
        (max(0.0, (start - start_s) / overlap_s), min(1.0, (end - start_s) / overlap_s))
        for start, end in inside
    ]


def _weight_until(share: float) -> float:
    """Return the integral of 4 p (1 - p) from 0 on."""
    return 2 * share**2 - 4 * share**3 / 3
