"""The loudness of a whole mix over time, with few enough values for a picture."""

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.loudness import ABSOLUTE_GATE_LUFS, HOP_S

CURVE_STEP_S = 1.0  # of the loudness over time that is kept
CURVE_POINTS_MAX = 600  # a longer mix gets longer steps


def thin_curve(short_term_lufs: NDArray[np.float64]) -> tuple[tuple[float, ...], float]:
    """Return the lowest value of each step, at most CURVE_POINTS_MAX of them, and the step in seconds.

    `short_term_lufs` has a value per HOP_S. A step is a whole number of CURVE_STEP_S.
    """
    hops_per_s = round(CURVE_STEP_S / HOP_S)
    seconds = max(1, int(np.ceil(len(short_term_lufs) / hops_per_s / CURVE_POINTS_MAX)))
    if not len(short_term_lufs):
        return (), CURVE_STEP_S
    firsts = np.arange(0, len(short_term_lufs), seconds * hops_per_s)
    lowest = np.maximum(np.minimum.reduceat(short_term_lufs, firsts), ABSOLUTE_GATE_LUFS)
    return tuple(np.round(lowest, 1).tolist()), seconds * CURVE_STEP_S
